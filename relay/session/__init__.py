"""Sessions: the streams that one ingress process and one exit share, whichever carriers they ride on.

All of it is pure: bytes and times in, bytes and calls of a stream's sink out. No file here opens a socket, reads a
clock or awaits, so that two sessions wired back to back are the whole protocol (tests/relay/session/pair.py).
docs/protocol.md says what travels between them.

Rooms, from below; each imports only those above it in this list, and names what it needs of the later ones as a
protocol of its own:

    window        how far the peer may write; the memory that all streams share
    receiver      puts the bytes back in order; what it has acknowledged it has kept
    sender        what was written and is not acknowledged yet; cursors say what each carrier has had of it
    last_words    frames about streams that are forgotten here, kept until they are known to have arrived
    unanswered    the PINGs of a carrier that wait for their PONG
    states        the states of a stream, as tables
    sink          the near end of a stream: a client's or target's socket
    leg           one stream on one carrier: a cursor, and what is still to be said there
    carrier       one end of a carrier: cuts frames, pulls from its streams in turn
    riding        which carriers a stream rides on, and what earlier ones still deliver
    ledger        what has arrived and what the peer may write, as it was told; what the memory counts
    stream        composes these and says what to put on a carrier when the carrier asks
    session       what both ends have in common: streams, carriers, clocks
    initiator     the end at the ingress, and its streams
    acceptor      the end at the exit, and its streams

Rules:
1. A stream's state is never queued on a carrier. Carriers pull, frames are made as they leave, and so a
   carrier that dies takes nothing with it but copies.
2. Offsets are absolute and only grow; every message may arrive twice, late, or after a newer one.
3. Only the ingress says which carriers a stream rides on (ATTACH); the exit follows, newest generation first.
4. FIN takes one offset, as in TCP (RFC 9293 section 3.4): it is acknowledged, resent and ordered like a byte.

Who owns what: the session owns its streams and carriers; a stream owns its legs, and tells the carriers that it rides
there; a carrier owns nothing of a stream. Whoever has the socket, at either side, is told by callbacks and never asked.

Errors: ProtocolError (relay.wire.errors) is the peer's fault and ends one carrier. StateError and RuntimeError are
ours, and no caller should catch them. A stream that is over, for whatever reason, takes every call and does nothing.
"""
