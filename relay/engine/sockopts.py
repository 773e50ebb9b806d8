"""Options of sockets, and the kernel's own limits.

What the kernel refuses is skipped, and logged once for each option: an old kernel or a container must not stop a node.
"""

import errno
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

from relay import log
from relay.engine.descriptors import describe_limit

NOTSENT_LOWAT = 128 * 1024
"""Bytes that may wait unsent in the kernel (design: sockets). Less starves a long fast path between two wake-ups; more
is a queue behind which a keystroke waits and which can no longer change its path."""
BULK_NOTSENT_LOWAT = 512 * 1024
"""The same where one bulk stream has the carrier for itself, so that no keystroke stands behind it: at 128 KiB every
third of a middle hop's CPU time went into waking up for too little."""
USER_TIMEOUT = 10.0
"""Seconds that sent bytes may stay unacknowledged before the kernel gives the connection up."""
KERNEL_SETTINGS = (
    "net/ipv4/tcp_congestion_control",
    "net/ipv4/tcp_mem",
    "net/ipv4/tcp_rmem",
    "net/ipv4/tcp_wmem",
    "net/core/rmem_max",
    "net/core/wmem_max",
    "net/ipv4/tcp_notsent_lowat",
    "net/core/somaxconn",
    "fs/pipe-user-pages-soft",
)

SIOCOUTQ, SIOCOUTQNSD = 0x5411, 0x894B
"""linux/sockios.h: bytes in the send queue that were not acknowledged (tcp(7)), and those that were not sent yet."""

_RESET = struct.pack("ii", 1, 0)
_NONE = bytes(4)
_NO_LINGER = struct.pack("ii", 0, 0)
_refused: set[str] = set()


def nodelay(sock: socket.socket) -> None:
    """Send small writes at once: who writes here has coalesced already."""
    _set(sock, "TCP_NODELAY", socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def keepalive(sock: socket.socket, idle: int = 60, interval: int = 10, count: int = 3) -> None:
    """After *idle* silent seconds ask *count* times, every *interval* seconds, whether the peer is there."""
    _set(sock, "SO_KEEPALIVE", socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    _set(sock, "TCP_KEEPIDLE", socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)
    _set(sock, "TCP_KEEPINTVL", socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, interval)
    _set(sock, "TCP_KEEPCNT", socket.IPPROTO_TCP, socket.TCP_KEEPCNT, count)


def notsent_lowat(sock: socket.socket, size: int = NOTSENT_LOWAT) -> None:
    """Let the kernel hold at most about *size* bytes that it has not sent yet."""
    _set(sock, "TCP_NOTSENT_LOWAT", socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, size)


def user_timeout(sock: socket.socket, seconds: float = USER_TIMEOUT) -> None:
    """Give the connection up when the peer acknowledges nothing for so long."""
    _set(sock, "TCP_USER_TIMEOUT", socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(seconds * 1000))


def bbr_if_allowed(sock: socket.socket) -> None:
    """Use BBR, which keeps its rate through random loss and after idle times, where the host has and allows it."""
    _set(sock, "TCP_CONGESTION bbr", socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"bbr")


def carrier(sock: socket.socket) -> None:
    """All that a carrier's or a spliced socket gets."""
    nodelay(sock)
    notsent_lowat(sock)
    bbr_if_allowed(sock)
    user_timeout(sock)


def reset_on_close(sock: socket.socket) -> None:
    """Make the next close a RST, also one by the kernel when this process is killed: whoever is at the other end must
    not take what it has for the whole. Set on a listening socket, those that it accepts inherit it."""
    _set(sock, "SO_LINGER", socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def finish_on_close(sock: socket.socket) -> None:
    """Take that back: the next close sends what the kernel has, and FIN behind it."""
    _set(sock, "SO_LINGER", socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)


def unacknowledged(sock: socket.socket) -> int:
    """Bytes given to the kernel that the peer's has not acknowledged; a FIN counts as one."""
    return int.from_bytes(fcntl.ioctl(sock, SIOCOUTQ, _NONE), sys.byteorder)


def error_of(sock: socket.socket) -> OSError:
    """What befell a socket that epoll reports as failed (the kernel tells it once)."""
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or errno.ECONNRESET
    return OSError(code, os.strerror(code))


def kernel_backlog(sock: socket.socket) -> int:
    """Bytes that the kernel has taken for *sock* and not sent: the peer's window is shut, or its line is slow. 0 of a
    socket that is not TCP."""
    try:
        found = fcntl.ioctl(sock, SIOCOUTQNSD, _NONE)
    except OSError:
        return 0
    return int.from_bytes(found, sys.byteorder)


def kernel_limits() -> str:
    """One line: the kernel's settings that limit this node's speed and size, as `name=value`."""
    told = [f"{name.rpartition('/')[2]}={_read_setting(name)}" for name in KERNEL_SETTINGS]
    return " ".join([*told, f"nofile={describe_limit()}"])


def _read_setting(name: str) -> str:
    try:
        return ",".join(Path("/proc/sys", name).read_text().split())
    except OSError:
        return "unknown"


def _set(sock: socket.socket, name: str, level: int, option: int, value: int | bytes) -> None:
    try:
        sock.setsockopt(level, option, value)
    except OSError as error:
        if name not in _refused:
            _refused.add(name)
            log.event("socket-option-refused", level="warning", option=name, error=error.strerror)
