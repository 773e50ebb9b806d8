"""What the kernel knows of a TCP connection (TCP_INFO), as far as it says how well what is sent arrives.

One system call, of 2 microseconds, and nothing for any byte: asked for every few seconds, and when a carrier closes.
"""

import socket
import struct

from relay.model.moved import NOTHING_MOVED, Moved
from relay.model.sent import NOTHING_SENT, Sent

LAYOUT = struct.Struct("=68xI28xI16xQ20xI4xIQ48xI")
"""Of struct tcp_info (linux/tcp.h), in which nothing ever moves: tcpi_rtt 68, tcpi_total_retrans 100, tcpi_bytes_acked
120, tcpi_min_rtt 148, tcpi_data_segs_out 156, tcpi_delivery_rate 160, tcpi_dsack_dups 216. Before Linux 4.19 it ended
earlier; without the last one, an acknowledgement that was lost would look like a segment that was."""
MOVED = struct.Struct("=128xQII56xQ")
"""Of the same: tcpi_bytes_received 128, tcpi_segs_out 136, tcpi_segs_in 140, tcpi_bytes_sent 200."""
UNKNOWN = 2**32 - 1
"""tcpi_min_rtt while there is none."""
MICRO = 1e6


def parse_sent(info: bytes) -> Sent:
    """What *info* says of what was sent; nothing, if it is shorter than LAYOUT. Longer ones are of later kernels."""
    if len(info) < LAYOUT.size:
        return NOTHING_SENT
    trip, again, acked, least, segments, rate, needless = LAYOUT.unpack_from(info)
    is_timed = trip > 0 and least != UNKNOWN
    return Sent(
        segments,
        again,
        min(needless, again),  # what the network doubles is told as well, and excuses nothing else
        acked,
        float(rate) if rate else None,
        trip / MICRO if is_timed else None,
        least / MICRO if is_timed else None,
    )


def parse_moved(info: bytes) -> Moved:
    """What *info* says of all that went over a connection; nothing, if it is shorter than LAYOUT."""
    if len(info) < LAYOUT.size:
        return NOTHING_MOVED
    bytes_in, segments_out, segments_in, bytes_out = MOVED.unpack_from(info)
    return Moved(bytes_out, bytes_in, segments_out, segments_in)


def tcp_info(sock: socket.socket) -> bytes:
    """As much of struct tcp_info as is read here; none, if *sock* is closed or no TCP."""
    try:
        return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, LAYOUT.size)
    except OSError:
        return b""


def sent_over(sock: socket.socket) -> Sent:
    """What was sent over *sock* so far; nothing, if it is closed or no TCP."""
    return parse_sent(tcp_info(sock))
