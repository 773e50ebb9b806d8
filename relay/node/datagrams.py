"""What a node has for datagrams: its UDP ports, its labels, and at an exit the associations of its sessions."""

from collections.abc import Callable, Iterable

import attrs

from relay import log
from relay.datagram.end import DatagramEnd
from relay.engine import DatagramAddress, DatagramOut, Loop
from relay.engine.udp_options import PORT_BUFFER, buffer_of, open_udp, take_only
from relay.exit.associations import Associations
from relay.exit.datagram_session import DatagramSession
from relay.exit.label_end import LabelEnd
from relay.model.cause import Cause
from relay.model.network import Address
from relay.node.datagram_carriers import CarrierPorts
from relay.node.labels import LabelPort, Labels
from relay.wire import bodies
from relay.wire.codes import Cipher, Verdict
from relay.wire.datagrams import MOST_EPOCH, TO_INGRESS
from relay.wire.errors import ProtocolError

EVERYWHERE = ("0.0.0.0", "::")
MOST_RELAYS = 3


@attrs.frozen
class DatagramsStatus:
    """What an operator is told of a node's datagrams."""

    addresses: tuple[str, ...]
    """Where they come; none: nowhere."""
    labels: int
    associations: int
    received: int
    sent: int
    segments: bool
    """Whether all ports give runs to the kernel in one piece."""
    buffer: int
    """Bytes that may wait to be read, at the port that has least; 0 without ports."""


class NodeDatagrams:
    """All of one node's; *associations* is None where none can be: at a relay, and behind an upstream."""

    def __init__(self, loop: Loop, associations: Associations | None = None) -> None:
        self.labels = Labels(loop)
        self.associations = associations
        self.carriers = CarrierPorts(loop, self.labels.take_of)
        self._loop = loop
        self._ports: dict[str, LabelPort] = {}
        """By the address that they are bound to."""

    @property
    def is_open(self) -> bool:
        """Whether datagrams can come."""
        return bool(self._ports)

    @property
    def are_used(self) -> bool:
        """Whether any association is."""
        return self.associations is not None and self.associations.are_used()

    @property
    def unsent(self) -> int:
        """Datagrams that the kernel did not take, or that waited in vain."""
        of_targets = 0 if self.associations is None else self.associations.statistics().unsent
        return of_targets + self.carriers.dropped + sum(port.port.unsent for port in self._ports.values())

    def status(self) -> DatagramsStatus:
        """As it is now; counts since the start."""
        ports = [one.port for one in self._ports.values()]
        return DatagramsStatus(
            tuple(str(Address(*port.sock.getsockname()[:2])) for port in ports),
            self.labels.statistics().count,
            0 if self.associations is None else self.associations.count,
            sum(port.received for port in ports),
            sum(port.sent for port in ports),
            all(port.segments for port in ports),
            min((buffer_of(port.sock) for port in ports), default=0),
        )

    def listen(self, addresses: Iterable[Address], network: bytes) -> None:
        """Open the ports beside those for carriers; what cannot be opened is logged, and carriers come all the same."""
        for address in addresses:
            try:
                self._open(address.host, address.port)
            except OSError as error:
                log.event("udp-port-refused", level="warning", address=address, error=error.strerror)
        self.take_only(network)

    def take_only(self, network: bytes) -> None:
        """Take what begins as labels of *network* do."""
        for port in self._ports.values():
            take_only(port.port.sock, network)

    def _open(self, host: str, port: int) -> LabelPort:
        sock = open_udp((host, port), buffer=PORT_BUFFER, may_fragment=False, tells_local=host in EVERYWHERE)
        found = self._ports[host] = LabelPort(self._loop, sock, self.labels)
        return found

    def onwards(self, address: DatagramAddress, local: str) -> DatagramOut:
        """To the next node at *address*, which is reached from the *local* one.

        Raises:
            OSError: there is no port for it.
        """
        is_ipv6 = ":" in str(address[0])
        if is_ipv6 is not (":" in local):
            local = EVERYWHERE[is_ipv6]
        port = self._ports.get(local) or self._ports.get(EVERYWHERE[is_ipv6]) or self._open(local, 0)
        return port.port.out(address)

    def close(self) -> None:
        """Close the ports."""
        for port in self._ports.values():
            port.port.close()
        self._ports.clear()


class SessionDatagrams:
    """What one session has of it; *owner* is its ingress, which hears by *tell*."""

    def __init__(self, node: NodeDatagrams, owner: str, tell: Callable[[bytes], None], loop: Loop) -> None:
        self._node = node
        self._owner = owner
        self._loop = loop
        self._session = None if node.associations is None else node.associations.session(tell)

    def on_label(self, body: bytes) -> bytes:
        """LABEL has come: the LABELED to answer with.

        Raises:
            ProtocolError: no LABEL may be so.
        """
        label, epoch, cipher, relays, secret = bodies.parse_label(body)
        if label[0] & TO_INGRESS or epoch > MOST_EPOCH or relays > MOST_RELAYS:
            raise ProtocolError("a LABEL that no path has")
        return bodies.labeled(label, epoch, self._take(label, epoch, cipher, relays, secret))

    def _take(self, label: bytes, epoch: int, cipher: int, relays: int, secret: bytes) -> Verdict:
        session, labels = self._session, self._node.labels
        if session is None or not self._node.is_open:
            return Verdict.NO_DATAGRAMS
        if cipher not in list(Cipher):
            return Verdict.UNKNOWN_CIPHER
        known = labels.ending(label)
        if known is None:
            verdict = labels.may_have(label, self._owner)
            if verdict is not Verdict.TAKEN:
                return verdict
            self._drop_forgotten(session)
            known = session.labels[label] = self._begin(session, label, relays)
            labels.end_here(label, self._owner, known)
        elif session.labels.get(label) is not known:
            return Verdict.NOT_YOURS
        secret_before = known.end.knows(epoch)
        if secret_before is None:
            known.end.open_epoch(epoch, Cipher(cipher), secret)
            known.end.seal_with(epoch)
        elif secret_before != secret:
            raise ProtocolError("a LABEL with another secret for the same epoch")
        return Verdict.TAKEN

    def _drop_forgotten(self, session: DatagramSession) -> None:
        """Labels that have made room for others are none of the session's any more."""
        for label, end in list(session.labels.items()):
            if self._node.labels.ending(label) is not end:
                del session.labels[label]

    def _begin(self, session: DatagramSession, label: bytes, relays: int) -> LabelEnd:
        return LabelEnd(DatagramEnd(label, is_ingress=False, relays=relays, now=self._loop.now), session)

    def on_assoc_end(self, body: bytes) -> None:
        """ASSOC_END has come."""
        number = bodies.parse_assoc_end(body)
        if self._session is not None:
            self._session.end(number)

    def announce_end(self, cause: Cause) -> None:
        """Say of all its associations that they end, and why."""
        if self._session is not None:
            self._session.announce_end(cause)

    def close(self) -> None:
        """The session is over."""
        if self._session is None or self._node.associations is None:
            return
        for label, end in self._session.labels.items():
            if self._node.labels.ending(label) is end:
                self._node.labels.forget(label)
        self._node.associations.end(self._session)
