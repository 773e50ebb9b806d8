"""The forwards of datagrams of one ingress: bound at a start and exchanged by a reload."""

import socket
from collections.abc import Iterable, Mapping

from ingress.client.datagram_forward import ForwardHome, ForwardPort
from ingress.config import DatagramForward
from relay.engine.udp_options import PORT_BUFFER, open_udp
from relay.errors import OperatorError
from relay.listen import hint
from relay.model.network import Address

Bound = Mapping[Address, socket.socket]


def bind(at: Address) -> socket.socket:
    """A socket for the datagrams that come to *at*, which tells by which address of this machine they came.

    Raises:
        OperatorError: the address cannot be had, in words that say why.
    """
    try:
        return open_udp((at.host, at.port), buffer=PORT_BUFFER, may_fragment=True, tells_local=True)
    except OSError as error:
        raise OperatorError(f"cannot listen on {at} for datagrams: {error.strerror}{hint(error)}") from error


class DatagramForwards:
    """Those that are open."""

    def __init__(self, home: ForwardHome) -> None:
        self._home = home
        self._ports: dict[Address, ForwardPort] = {}
        self._evicted = 0

    @property
    def evicted(self) -> int:
        """Mappings that made room for others, since the start."""
        return self._evicted + sum(port.evicted for port in self._ports.values())

    @property
    def mappings(self) -> int:
        """Those that are open."""
        return sum(map(len, self._ports.values()))

    def bind_new(self, forwards: Iterable[DatagramForward]) -> Bound:
        """Sockets for those of *forwards* that are new.

        Raises:
            OperatorError: an address cannot be had; none of them is left open.
        """
        bound: dict[Address, socket.socket] = {}
        for forward in forwards:
            at = forward.listen
            if at in self._ports:
                continue
            try:
                bound[at] = bind(at)
            except OperatorError:
                for sock in bound.values():
                    sock.close()
                raise
        return bound

    def use(self, forwards: Iterable[DatagramForward], bound: Bound) -> None:
        """Listen for *forwards* and nothing else; *bound* is what `bind_new` has made of them."""
        wanted = {forward.listen: forward for forward in forwards}
        for at in [at for at in self._ports if at not in wanted]:
            self._close(at)
        for at, forward in wanted.items():
            if at in self._ports:
                self._ports[at].use(forward)
            else:
                self._ports[at] = ForwardPort(self._home, bound[at], forward)

    def rule_anew(self) -> None:
        """Other rules are in force."""
        for port in self._ports.values():
            port.rule_anew()

    def close(self) -> None:
        """Listen no more."""
        for at in list(self._ports):
            self._close(at)

    def _close(self, at: Address) -> None:
        port = self._ports.pop(at)
        self._evicted += port.evicted
        port.close()
