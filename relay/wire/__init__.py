"""What travels on a carrier, as bytes; docs/protocol.md says what each message means and keeps the register.

    frames    the header, and a reader that cuts a carrier's bytes into frames as they come
    bodies    the frames that travel after set-up: OPEN, ATTACH, DATA, ACK and the like
    setup     the messages before: HELLO, WELCOME, REFUSED, TRANSIT, PROCEED
    datagrams what travels beside carriers, over UDP
    status    what a node tells of itself and of its lines
    fields    tag, length, value: how set-up messages grow
    versions  which versions two ends may speak, and which of them they take
    codes     reasons, purposes, tags, features: the numbers given out

Pure: bytes in, values out, and back. Integers are unsigned and big-endian; times travel in microseconds, and are
seconds in the values. Every parser takes one whole body and raises ProtocolError for what is none, which ends the one
carrier that it came on. What stands behind the fields that are known is from a later version: it is not read.
"""
