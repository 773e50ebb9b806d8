"""The sockets by which an ingress's datagrams leave and come: one for each version of IP, made when it is needed."""

from relay import log
from relay.engine import Loop
from relay.engine.udp import DatagramAddress, DatagramOwner, UdpOut, UdpPort
from relay.engine.udp_options import PORT_BUFFER, open_udp, take_only


class DatagramSockets:
    """*owner* gets what comes."""

    def __init__(self, loop: Loop, owner: DatagramOwner) -> None:
        self._loop = loop
        self._owner = owner
        self._ports: dict[str, UdpPort | None] = {}
        """By the address that it is bound to; None for one that could not be had."""
        self._outs: dict[DatagramAddress, UdpOut] = {}

    def out(self, address: DatagramAddress | None, tag: bytes | None) -> UdpOut | None:
        """What leads to *address*; one for each, so that all that goes there in a turn leaves together. What comes
        there without *tag* is dropped by the kernel."""
        if address is None:
            return None
        out = self._outs.get(address)
        if out is None:
            port = self._port("::" if ":" in address[0] else "0.0.0.0", tag)
            if port is not None:
                out = self._outs[address] = port.out(address)
        return out

    def _port(self, at: str, tag: bytes | None) -> UdpPort | None:
        if at not in self._ports:
            self._ports[at] = self._open(at, tag)
        return self._ports[at]

    def _open(self, at: str, tag: bytes | None) -> UdpPort | None:
        try:
            sock = open_udp((at, 0), buffer=PORT_BUFFER, may_fragment=False)
        except OSError as error:
            log.event("datagram-socket-failed", level="warning", error=error.strerror)
            return None
        if tag is not None:
            take_only(sock, tag)
        return UdpPort(self._loop, sock, self._owner)

    @property
    def unsent(self) -> int:
        """Datagrams that the kernel did not take."""
        return sum(port.unsent for port in self._ports.values() if port is not None)
