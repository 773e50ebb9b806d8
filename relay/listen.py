"""Listening sockets: one, or all that a file names, but for IPv6 on a host that has none. Needs no loop."""

import errno
import socket
from collections.abc import Collection, Iterable

from relay import log
from relay.errors import OperatorError
from relay.model.network import Address

BACKLOG = 4096
"""Callers the kernel holds; it uses net.core.somaxconn if that is lower."""
ANY_HOST_HAS = ("::", "::1")
"""Addresses that every host with IPv6 has: that they are not available says that it has none."""


def open_listener(address: tuple[str, int]) -> socket.socket:
    """A listening, non-blocking socket on a literal *address*; an IPv6 one takes no IPv4.

    Raises:
        OSError: the address is in use, not ours, or needs privileges; nothing is left open.
    """
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def hint(error: OSError) -> str:
    """What to do about an address that cannot be listened on, ready to stand behind the error; "" if nobody knows."""
    hints = {
        errno.EADDRINUSE: "; another program listens there, or an outgoing connection has the port (see deploy/)",
        errno.EACCES: "; ports below 1024 need privileges",
        errno.EADDRNOTAVAIL: "; this machine does not have that address",
    }
    return hints.get(error.errno or 0, "")


def listen_at(addresses: Iterable[Address], others: Collection[Address] = ()) -> dict[Address, socket.socket]:
    """As `open_all`; what is passed over is logged."""
    sockets, passed = open_all(addresses, others)
    for address in passed:
        log.event("address-skipped", level="warning", address=address, why="this host has no IPv6")
    return sockets


def try_all(addresses: Iterable[Address]) -> list[str]:
    """What would be passed over, as sentences; nothing is left open. Raises as `open_all`."""
    sockets, passed = open_all(addresses)
    for sock in sockets.values():
        sock.close()
    return [_no_ipv6(address) for address in passed]


def open_all(
    addresses: Iterable[Address], others: Collection[Address] = ()
) -> tuple[dict[Address, socket.socket], list[Address]]:
    """Listening sockets at *addresses*, and those that were passed over: IPv6 on a host that has none, as long as
    something is left, one of these or *others*, at which this process listens already.

    Raises:
        OperatorError: an address cannot be listened at, in words that say why; no socket is left open.
    """
    sockets: dict[Address, socket.socket] = {}
    passed: list[Address] = []
    try:
        for address in addresses:
            sock = _open(address, others)
            if sock is None:
                passed.append(address)
            else:
                sockets[address] = sock
        if passed and not sockets and not others:
            raise OperatorError(f"{_no_ipv6(passed[0])}; write an IPv4 address beside it")
    except OperatorError:
        for sock in sockets.values():
            sock.close()
        raise
    return sockets, passed


def _no_ipv6(address: Address) -> str:
    return f"cannot listen on {address}: this host has no IPv6"


def _open(address: Address, others: Collection[Address]) -> socket.socket | None:
    try:
        return open_listener((address.host, address.port))
    except OSError as error:
        if _has_no_ipv6(address, error):
            return None
        what = _own(address, error, others) or hint(error)
        raise OperatorError(f"cannot listen on {address}: {error.strerror}{what}") from error


def _own(address: Address, error: OSError, others: Collection[Address]) -> str:
    """What to do where not another program is in the way, but one of *others*; empty if none is."""
    if error.errno != errno.EADDRINUSE:
        return ""
    found = next((own for own in others if own.port == address.port), None)
    return "" if found is None else f"; this program itself listens at {found}: restart it, or take another port"


def _has_no_ipv6(address: Address, error: OSError) -> bool:
    if ":" not in address.host:
        return False
    is_missing = error.errno == errno.EADDRNOTAVAIL and address.host in ANY_HOST_HAS
    return is_missing or error.errno == errno.EAFNOSUPPORT
