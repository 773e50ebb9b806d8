"""Where a datagram may go: its target read, resolved if it is a name, and judged, as for every other target.

A name that has to be looked up holds up only what is sent to it; what waits is bounded.
"""

import socket
from collections.abc import Callable

import trio

from relay.exit.resolver import ResolveError
from relay.exit.targets import Targets
from relay.model.addresses import IpAddress, plain
from relay.model.cause import Cause
from relay.model.families import Families
from relay.model.hosts import asked_host, parse_literal
from relay.wire.datagrams import ATYP_IPV4, ATYP_IPV6, ATYP_NAME

Found = tuple[str, int] | None
"""A literal address and a port to send to; None if nothing may be sent there."""


def read_target(address: bytes) -> tuple[str, int]:
    """Host, as it was spelled, and port of *address*, which is one of those of SOCKS5 and whole."""
    port = int.from_bytes(address[-2:], "big")
    match address[0]:
        case kind if kind == ATYP_IPV4:
            return socket.inet_ntop(socket.AF_INET, address[1:5]), port
        case kind if kind == ATYP_IPV6:
            return socket.inet_ntop(socket.AF_INET6, address[1:17]), port
    return address[2:-2].decode("utf-8", "replace"), port


def write_source(host: str, port: int) -> bytes:
    """The literal address *host*, and *port*, as SOCKS5 has them; IPv4 that is written in IPv6 as IPv4."""
    ip = plain(host)
    return bytes([ATYP_IPV4 if ip.version == 4 else ATYP_IPV6]) + ip.packed + port.to_bytes(2, "big")


class DatagramTargets:
    """Finds out where datagrams may go, by what *targets* goes by."""

    def __init__(self, targets: Targets) -> None:
        self.targets = targets

    def find(self, address: bytes, on_found: Callable[[Found], None]) -> Found | trio.CancelScope:
        """What is known at once; or else the scope of a look-up, after which *on_found* is called, unless it was
        cancelled."""
        host, port = read_target(address)
        ip = parse_literal(host)
        if ip is not None:
            return self.judged([str(ip)], port)
        name = asked_host(host) if address[0] == ATYP_NAME else None
        if not isinstance(name, str):
            return None
        known = self.targets.resolver.cached(name, self.targets.loop.now)
        if isinstance(known, tuple | list):
            return self.judged(list(known), port)
        if known is not None:
            return None
        scope = trio.CancelScope()
        self.targets.nursery.start_soon(self._look_up, scope, name, port, on_found)
        return scope

    async def _look_up(self, scope: trio.CancelScope, name: str, port: int, on_found: Callable[[Found], None]) -> None:
        found: Found = None
        with scope:
            try:
                found = self.judged(list(await self.targets.resolver.resolve(name)), port)
            except ResolveError as error:
                if error.cause is Cause.LIMIT:
                    self.targets.note_shortage()
            self.targets.loop.call_soon(lambda: None if scope.cancel_called else on_found(found))

    def judged(self, addresses: list[str], port: int) -> Found:
        """The first that may be sent to, rather of a family that the machine reaches the world by."""
        may = [one for one in addresses if self.targets.policy.refusal(one, port) is None]
        best = [one for one in may if self._is_reached(plain(one))]
        chosen = next(iter(best or may), None)
        return None if chosen is None else (chosen, port)

    def _is_reached(self, ip: IpAddress) -> bool:
        return bool(self.targets.families & (Families.of(ip.version)))
