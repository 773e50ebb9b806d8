"""The DNS servers that an exit asks: in which order, and which of them only over TCP. Pure: `now` is an argument."""

from collections.abc import Sequence

from relay.model.network import Address

TCP_FOR = 600.0
"""Seconds for which a server that answered over TCP alone is asked so from the start. A firewall that swallows UDP
stays; a datagram that was lost does not cost more than one question too many each time."""


class Servers:
    """Some servers. *over_tcp* is the wish of who named them (`use-vc` in resolv.conf(5)): never over UDP."""

    def __init__(self, addresses: Sequence[Address], *, over_tcp: bool = False) -> None:
        self.over_tcp = over_tcp
        self._order = list(addresses)
        self._tcp_until: dict[Address, float] = {}

    @property
    def order(self) -> tuple[Address, ...]:
        """The one that answered last is asked first."""
        return tuple(self._order)

    def answers_over_tcp_alone(self, server: Address, now: float) -> bool:
        """Whether *server* was lately silent over UDP, or refused it, and answered over TCP."""
        return now < self._tcp_until.get(server, now)

    def answered(self, server: Address, now: float, *, over_tcp: bool) -> None:
        """*server* answered; *over_tcp* if it did not over UDP, though it was asked."""
        self._order.remove(server)
        self._order.insert(0, server)
        if over_tcp:
            self._tcp_until[server] = now + TCP_FOR
        else:
            self._tcp_until.pop(server, None)
