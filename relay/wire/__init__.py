"""What travels on a carrier: frames, set-up messages, versions, and the numbers given out; see docs/protocol.md."""
