"""Lets clients in: who may enter, by address or password, and what all of them share."""

import socket
from collections.abc import Callable

import trio

from ingress.client.admission import Admission
from ingress.client.association import ClientAssociation
from ingress.client.associations import ClientAssociations
from ingress.client.client import Client
from ingress.client.closing import Closing
from ingress.client.door_turns import DoorTurns
from ingress.client.flows import AssociationClient
from ingress.client.opener import Opener
from ingress.client.passwords import Passwords, Question
from ingress.config import Forward, IngressConfig
from ingress.doors.door import DoorSettings
from ingress.doors.events import Associate
from ingress.doors.forward import ForwardDoor
from ingress.users import Users
from relay import log
from relay.engine import Deadlines, Loop, descriptors
from relay.model.cause import Cause
from relay.model.network import Address
from relay.strangers import Strangers

MOST_STRANGERS = 4096
"""Clients at once of which a password is needed, and none was right yet. One of ours needs a few round trips and a
hash, so that even a flood of a thousand a second leaves it time enough."""
MOST_EACH = 256
"""Of one IPv4 address or IPv6 /64: browsers open their connections at once, and a household shares an address."""
GUESTS = Address("127.0.0.1", 0)
"""Where guests come in, for rules: none can name it."""


class Entrance:
    """Takes clients from the listeners. It is their `ClientContext`."""

    def __init__(
        self,
        loop: Loop,
        nursery: trio.Nursery,
        opener: Opener,
        associations: ClientAssociations,
        config: IngressConfig,
        users: Users | None,
    ) -> None:
        self.loop = loop
        self.opener = opener
        self.associations = associations
        self.clients = 0
        """How many are connected, those included that were given their last bytes."""
        self.closing = Closing(loop)
        self.door_turns = DoorTurns(loop)
        most = min(MOST_STRANGERS, descriptors.share_of_strangers())
        self.strangers = Strangers(most, max(1, min(MOST_EACH, most // 2)))
        most = max(1, descriptors.share_of_newcomers())
        self.newcomers = Strangers(most, most)  # however many of one address: it may be the only one
        self.handshakes: Deadlines[Client]
        self.idles: Deadlines[Client]
        self.idled = 0
        """How many kept connections were closed because nothing came on them."""
        self.passwords = Passwords(loop, nursery, users)
        self.guests: dict[tuple[bytes, bytes], None] = {}
        """Names and passwords that are good for a while: those of what this ingress sends itself."""
        self.use(config, users)

    def use(self, config: IngressConfig, users: Users | None) -> None:
        """Go by *config* from the next client on."""
        self.passwords.use(users)
        self._admission = Admission(config, has_users=users is not None)
        self.handshakes = Deadlines(self.loop, config.limits.handshake, Client.expired)
        self.idles = Deadlines(self.loop, config.limits.kept_idle, Client.idled)
        url = f"socks5h://{config.listen[0]}"
        self._settings = {
            needs: DoorSettings(needs, url, config.name, config.via, config.udp) for needs in (False, True)
        }

    def accept(self, listen: Address, sock: socket.socket, address: tuple[str, int]) -> None:
        """A client has connected to *listen*, one of the proxy addresses."""
        needs_password = self._admission.needs_password(address[0])
        if needs_password is None:
            self._turn_away(sock, address[0], "address not in clients")
        else:
            self._admit(sock, address[0], listen, needs_password=needs_password)

    def accept_forward(self, forward: Forward, sock: socket.socket, address: tuple[str, int]) -> None:
        """A client has connected to a `[[forward]]`."""
        if not self._admission.may_use(forward, address[0]):
            self._turn_away(sock, address[0], "address not in clients of the forward")
            return
        client = self._admit(sock, address[0], forward.listen, needs_password=False)
        door = ForwardDoor(self.settings(False), forward.target.host, forward.target.port)
        client.start(door, door.start())

    def accept_guest(self, sock: socket.socket, address: tuple[str, int]) -> None:
        """Somebody has connected to a port that was opened for one of `guests`."""
        self._admit(sock, address[0], GUESTS, needs_password=True)

    def _turn_away(self, sock: socket.socket, address: str, why: str) -> None:
        log.event("client-refused", level="warning", client=address, why=why)
        sock.close()

    def _admit(self, sock: socket.socket, address: str, listen: Address, *, needs_password: bool) -> Client:
        self.clients += 1
        return Client(self, sock, address, needs_password=needs_password, listen=listen)

    # ---- as the context of clients

    def settings(self, needs_password: bool) -> DoorSettings:
        """For the doors of clients that need a password, or do not."""
        return self._settings[needs_password]

    def authenticate(
        self, address: str, user: bytes, password: bytes, answer: Callable[[bool], None]
    ) -> bool | Question:
        """Whether the password is right, if that needs no hashing; else *answer* is called later, from the loop."""
        if (user, password) in self.guests:
            return True
        return self.passwords.judge(address, user, password, answer)

    def associate(
        self, local: str, who: AssociationClient, asked: Associate, on_evicted: Callable[[], None]
    ) -> tuple[ClientAssociation, tuple[str, int]] | Cause | None:
        """An association for the client *who*, and where it is to send to; as `ClientAssociations.add`.

        What a client says of itself counts if it names its own address: others name their target there.
        """
        port = asked.port if asked.host == who.address else 0
        return self.associations.add(local, who, port, on_evicted)

    def count_idle(self) -> None:
        """A kept connection is closed because nothing came on it."""
        self.idled += 1

    def gone(self) -> None:
        """A client's connection has ended."""
        self.clients -= 1
