"""Whether the peer of a socket that is owed bytes is still there: a judgement on what the kernel knows (TCP_INFO).

TCP itself would try for a quarter of an hour, and TCP keepalive is silent while bytes wait. TCP_USER_TIMEOUT is no
answer: it also ends a peer that lives and keeps its window shut, which is a paused download. So two things are told
apart here, both only after a long silence:

- Bytes are in flight, and nothing at all was heard for `patience` seconds, which is longer than a keepalive takes to be
  answered on an idle connection, and long enough for half a dozen retransmissions.
- The window is shut, and the probes that ask whether it has opened are not answered any more. A peer that lives answers
  every one (RFC 9293 section 3.8.6.1); the kernel sends them ever more seldom, up to two minutes apart.

Pure: bytes in, a verdict out.
"""

import struct

LAYOUT = struct.Struct("=3xB20xI28xI")
"""Of struct tcp_info (linux/tcp.h): tcpi_probes, unanswered ones; tcpi_unacked, segments in flight; tcpi_last_ack_recv,
in ms since anything was acknowledged."""
GRACE = 50.0
"""Seconds beyond the keepalive's idle time. An idle connection hears an answer that often, so that with bytes in flight
so much is left for trying; with LOOK it ends two minutes after the last word at the usual 60 s."""
UNANSWERED = 3
"""Probes. By then the kernel has tried three times, the last two of them long after one another."""


def is_gone(info: bytes, keepalive: float) -> bool:
    """Whether nobody is there any more, by TCP_INFO of a socket that is owed bytes; idle ones of its kind are asked
    every *keepalive* seconds whether they live. What is shorter than LAYOUT says nothing."""
    if len(info) < LAYOUT.size:
        return False
    probes, unacked, silent = LAYOUT.unpack_from(info)
    return bool(silent > 1000 * (keepalive + GRACE) and (unacked > 0 or probes >= UNANSWERED))
