"""What travels on a carrier: the frame layout, the set-up messages, the codes; specified in docs/protocol.md."""
