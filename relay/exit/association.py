"""One association at an exit: its port on the internet, in each family, and what it may send and hear.

The socket of a family is made by the first datagram that goes there, and stays: every target sees one port. Replies
from addresses that it never sent to are taken as `udp_filter` says, and never more than STRANGERS of them: anybody may
send to an exit's port, and all of it would travel over the lines.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import trio

from relay.datagram.window import ReplayWindow
from relay.engine import DatagramAddress, UdpOut, UdpPort
from relay.engine.descriptors import spare_reserve
from relay.engine.udp_options import TARGET_BUFFER, open_udp
from relay.exit.datagram_targets import DatagramTargets, Found, write_source
from relay.exit.targets import Targets
from relay.model.network import UdpFilter
from relay.policy import Policy

MOST_TARGETS = 1024
"""Of one association; the one that was not used for longest gives way, roughly."""
STRANGERS, STRANGERS_BYTES = 200, 256 * 1024
"""Datagrams and bytes a second from addresses that it never sent to."""
MOST_WAITING, MOST_WAITING_BYTES = 32, 64 * 1024
"""Datagrams, and bytes of them, for a target whose name is looked up."""
TRIES = 8


class AssociationCounts:
    """What all associations of a node have dropped."""

    __slots__ = ("refused", "unasked", "unsent")

    def __init__(self) -> None:
        self.refused = 0
        """Datagrams to what may not be sent to, or has no address."""
        self.unasked = 0
        """Replies that the filter, or the bound on strangers, kept out."""
        self.unsent = 0
        """That found no socket, or that waited for a look-up in vain."""


class Replies(Protocol):
    """Who sends what comes back to the ingress."""

    def reply(self, association: "Association", source: bytes, data: memoryview, size: int) -> None:
        """A run of replies from *source* (as SOCKS5 writes it), as `DatagramOwner.on_datagrams` has it."""


class _Target:
    """One address that a client has sent to, as it spelled it."""

    __slots__ = ("found", "is_used", "look_up", "out", "waiting")

    def __init__(self) -> None:
        self.out: UdpOut | None = None
        """None: nothing may be sent there, or it is being looked up."""
        self.found: Found = None
        self.is_used = False
        self.look_up: trio.CancelScope | None = None
        self.waiting: list[bytes] = []

    def wait(self, payload: bytes) -> bool:
        """Keep *payload* until the address is known; False if that is too much."""
        if len(self.waiting) >= MOST_WAITING or sum(map(len, self.waiting)) + len(payload) > MOST_WAITING_BYTES:
            return False
        self.waiting.append(payload)
        return True


class Association:
    """What one client's datagrams leave by. Its session tells it what comes, and is told what comes back."""

    __slots__ = (
        "_contacted",
        "_counts",
        "_filter",
        "_finder",
        "_policy",
        "_ports",
        "_replies",
        "_room",
        "_room_at",
        "_targets",
        "generation",
        "id",
        "order",
        "used_at",
        "window",
    )

    def __init__(
        self, number: int, finder: DatagramTargets, udp_filter: UdpFilter, counts: AssociationCounts, replies: Replies
    ) -> None:
        self.id = number
        self.window = ReplayWindow(32)
        """Of what comes from the client."""
        self.order = 0
        """Of what goes to it."""
        self.generation = -1
        """Which path is its own; -1 before anything said so."""
        self.used_at = finder.targets.loop.now
        self._finder = finder
        self._filter = udp_filter
        self._counts = counts
        self._replies = replies
        self._policy: Policy = finder.targets.policy
        self._targets: dict[bytes, _Target] = {}
        self._ports: dict[bool, UdpPort] = {}
        """By whether it is IPv6."""
        self._contacted: dict[str, dict[int, bytes]] = {}
        """By host and port: as it is written to the client."""
        self._room = [float(STRANGERS), float(STRANGERS_BYTES)]
        self._room_at = self.used_at

    def __repr__(self) -> str:
        return f"<Association {self.id}, {len(self._ports)} sockets, {len(self._targets)} targets>"

    @property
    def shared(self) -> Targets:
        """What every stream's target goes by, too."""
        return self._finder.targets

    @property
    def unsent(self) -> int:
        """Datagrams that the kernel did not take."""
        return sum(port.unsent for port in self._ports.values())

    def close(self) -> None:
        """Give up everything, now."""
        self._counts.unsent += self.unsent
        for port in self._ports.values():
            port.close()
        self._ports.clear()
        for target in self._targets.values():
            if target.look_up is not None:
                target.look_up.cancel()
        self._targets.clear()

    # ---- to targets

    def send(self, address: bytes, payload: bytes) -> None:
        """Send *payload* to *address*, as SOCKS5 writes it, if that may be."""
        if self._policy is not self.shared.policy:
            self._judge_again()
        target = self._targets.get(address)
        if target is None:
            target = self._begin(address)
        target.is_used = True
        if target.out is not None:
            target.out.put(payload)
        elif target.look_up is None:
            self._counts.refused += 1
        elif not target.wait(payload):
            self._counts.unsent += 1

    def sending(self, address: bytes) -> Callable[[Sequence[bytes]], None] | None:
        """What sends to *address*, to which something was sent just now; None if that cannot be done at once."""
        target = self._targets.get(address)
        return None if target is None or target.out is None else target.out.put_all

    def _judge_again(self) -> None:
        """The policy has changed: nothing that was allowed by another is sent to."""
        self._policy = self.shared.policy
        for target in self._targets.values():
            if target.look_up is not None:
                target.look_up.cancel()
        self._targets.clear()

    def _begin(self, address: bytes) -> _Target:
        if len(self._targets) >= MOST_TARGETS:
            self._make_room()
        target = self._targets[address] = _Target()

        def looked_up(found: Found) -> None:
            target.look_up = None
            self._reach(target, found)
            waiting, target.waiting = target.waiting, []
            for payload in waiting:
                if target.out is None:
                    self._counts.refused += 1
                else:
                    target.out.put(payload)

        found = self._finder.find(address, looked_up)
        if isinstance(found, trio.CancelScope):
            target.look_up = found
        else:
            self._reach(target, found)
        return target

    def _reach(self, target: _Target, found: Found) -> None:
        if found is None:
            return
        host, port = found
        socket_of_family = self._port(":" in host)
        if socket_of_family is not None:
            target.found = found
            target.out = socket_of_family.out(found)
            self._contacted.setdefault(host, {})[port] = write_source(host, port)

    def _port(self, is_ipv6: bool) -> UdpPort | None:
        """The socket of a family, made if there is none; None if there are no descriptors for it, or no such family."""
        port = self._ports.get(is_ipv6)
        if port is None:
            try:
                sock = open_udp(("::" if is_ipv6 else "0.0.0.0", 0), buffer=TARGET_BUFFER, may_fragment=True)
                try:
                    spare_reserve(sock.fileno())
                except OSError:
                    sock.close()
                    raise
            except OSError as error:
                self.shared.cause_of(error)
                return None
            port = self._ports[is_ipv6] = UdpPort(self.shared.loop, sock, self)
        return port

    def _make_room(self) -> None:
        """Forget a target that was not used of late: the first in line that was not since it was looked at last."""
        for _ in range(TRIES):
            address = next(iter(self._targets))
            target = self._targets.pop(address)
            if not target.is_used:
                break
            target.is_used = False
            self._targets[address] = target
        else:
            target = self._targets.pop(next(iter(self._targets)))
        if target.look_up is not None:
            target.look_up.cancel()
        if target.found is not None:
            host, port = target.found
            ports = self._contacted.get(host, {})
            ports.pop(port, None)
            if not ports:
                self._contacted.pop(host, None)

    # ---- from targets

    def on_datagrams(self, data: memoryview, size: int, source: DatagramAddress, local: bytes) -> None:
        """As `DatagramOwner.on_datagrams`."""
        host, port = source[0], source[1]
        ports = self._contacted.get(host)
        written = None if ports is None else ports.get(port)
        if written is None:
            if not self._takes(ports is not None, data, size):
                self._counts.unasked += -(-len(data) // size) if size else 1
                return
            written = write_source(host, port)
        self._replies.reply(self, written, data, size)

    def _takes(self, is_known_host: bool, data: memoryview, size: int) -> bool:
        """Whether replies from an address and port that it never sent to are taken."""
        if self._filter is UdpFilter.ADDRESS_PORT or (self._filter is UdpFilter.ADDRESS and not is_known_host):
            return False
        now = self.shared.loop.now
        passed, self._room_at = now - self._room_at, now
        room = [
            min(left + passed * most, most) for left, most in zip(self._room, (STRANGERS, STRANGERS_BYTES), strict=True)
        ]
        count = -(-len(data) // size) if size else 1
        may = room[0] >= count and room[1] >= len(data)
        self._room = [room[0] - count, room[1] - len(data)] if may else room
        return may
