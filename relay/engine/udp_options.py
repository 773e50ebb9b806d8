"""Opens UDP sockets and sets what Python has no names for: options, ancillary messages, the filter against strangers.

What the kernel refuses is done without: each is only a matter of cost.
"""

import contextlib
import ctypes
import socket
import struct
from functools import lru_cache

SOL_UDP, UDP_SEGMENT, UDP_GRO = 17, 103, 104
"""linux/udp.h."""
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
_SO_ATTACH_FILTER = 26
_IP_PKTINFO, _IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER = 8, 10, 23
_PMTUDISC_DONT, _PMTUDISC_PROBE = 0, 3
_IPV6_RECVPKTINFO, _IPV6_PKTINFO = 49, 50
_IPV4_INFO, _IPV6_INFO = struct.Struct("=I4s4s"), struct.Struct("=16sI")
PORT_BUFFER = 4 << 20
"""Bytes of either buffer of a node's port: 40 ms at a gigabit."""
TARGET_BUFFER = 1 << 20


def open_udp(address: tuple[str, int], *, buffer: int, may_fragment: bool, tells_local: bool = False) -> socket.socket:
    """A non-blocking socket bound to a literal *address*; an IPv6 one takes no IPv4.

    Without *may_fragment* nothing is fragmented, and no ICMP is believed that says how much fits. With *tells_local*
    the address at which each datagram came is told.

    Raises:
        OSError: it is in use, not ours, or there are no descriptors; nothing is left open.
    """
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        _set_options(sock, buffer, _PMTUDISC_DONT if may_fragment else _PMTUDISC_PROBE, tells_local)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


def _set_options(sock: socket.socket, buffer: int, discover: int, tells_local: bool) -> None:
    for forced, plain in ((_SO_RCVBUFFORCE, socket.SO_RCVBUF), (_SO_SNDBUFFORCE, socket.SO_SNDBUF)):
        if not _set(sock, socket.SOL_SOCKET, forced, buffer):  # it takes CAP_NET_ADMIN
            _set(sock, socket.SOL_SOCKET, plain, buffer)
    if sock.family == socket.AF_INET6:
        _set(sock, socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, discover)
        if tells_local:
            _set(sock, socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
    else:
        _set(sock, socket.IPPROTO_IP, _IP_MTU_DISCOVER, discover)
        if tells_local:
            _set(sock, socket.IPPROTO_IP, _IP_PKTINFO, 1)


def _set(sock: socket.socket, level: int, option: int, value: int) -> bool:
    with contextlib.suppress(OSError):
        sock.setsockopt(level, option, value)
        return True
    return False


def buffer_of(sock: socket.socket) -> int:
    """Bytes that the kernel lets wait to be read on *sock*, as they were asked for (it counts twice as many)."""
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2


def destination_of(level: int, kind: int, value: bytes) -> bytes:
    """The packed address that an ancillary message tells as the one at which a datagram came; nothing if none."""
    if level == socket.IPPROTO_IP and kind == _IP_PKTINFO:
        _, local, _ = _IPV4_INFO.unpack(value)
        return bytes(local)
    if level == socket.IPPROTO_IPV6 and kind == _IPV6_PKTINFO:
        return value[:16]
    return b""


@lru_cache(256)
def from_local(local: bytes) -> tuple[int, int, bytes]:
    """The ancillary message that has a datagram leave from *local*, a packed address of this machine."""
    if len(local) == 4:
        return socket.IPPROTO_IP, _IP_PKTINFO, _IPV4_INFO.pack(0, local, bytes(4))
    return socket.IPPROTO_IPV6, _IPV6_PKTINFO, _IPV6_INFO.pack(local, 0)


def take_only(sock: socket.socket, network: bytes) -> None:
    """Have the kernel drop what does not begin with *network*, whatever its first bit says: the strangers."""
    program = b"".join(
        struct.pack("=HBBI", *instruction)
        for instruction in (
            (0x20, 0, 0, 8),  # load 4 bytes behind the UDP header
            (0x54, 0, 0, 0x7FFFFFFF),  # without the direction
            (0x15, 0, 1, int.from_bytes(network, "big")),  # equal?
            (0x06, 0, 0, 0xFFFFFFFF),  # the whole
            (0x06, 0, 0, 0),  # nothing
        )
    )
    held = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("HL", len(program) // 8, ctypes.addressof(held))
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)
