"""Sessions: the streams that one ingress process and one exit share, whichever carriers they ride on.

All of it is pure: bytes and times in, bytes and calls of a stream's sink out. Rooms, from below:

    sender    what was written and is not acknowledged yet; legs, which say what each carrier has had of it
    receiver  puts the bytes back in order; what it has acknowledged it has kept
    window    how far the peer may write; the memory that all streams share
    stream    composes the three and says what to put on a carrier when the carrier asks
    carrier   one end of a carrier: cuts frames, pulls from its streams in turn
    parting   last words about streams that are forgotten here, kept until they are known to have arrived
    session   what both ends have in common; initiator (at the ingress) and acceptor (at the exit) are the ends

Rules:
1. A stream's state is never queued on a carrier. Carriers pull, frames are made as they leave, and so a
   carrier that dies takes nothing with it but copies.
2. Offsets are absolute and only grow; every message may arrive twice, late, or after a newer one.
3. Only the ingress says which carriers a stream rides on (ATTACH); the exit follows, newest generation first.
4. FIN takes one offset, as in TCP (RFC 9293 section 3.4): it is acknowledged, resent and ordered like a byte.
"""
