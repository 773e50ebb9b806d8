"""The ingress's end of labels, played by hand, and an echo for datagrams."""

import secrets
import socket

from relay.carrier.datagram_link import DatagramLink
from relay.carrier.link import Link
from relay.datagram.end import DatagramEnd
from relay.datagram.pieces import Joiner, split
from relay.engine import DatagramAddress, Loop, UdpOut, UdpPort
from relay.engine.tls_setup import handshake, unwrap
from relay.engine.udp_options import PORT_BUFFER, open_udp
from relay.exit.datagram_targets import write_source
from relay.identity import load_identity
from relay.wire import bodies, datagrams
from relay.wire.codes import Cipher, Purpose, Verdict
from relay.wire.datagrams import ACTIVE, DATA, INNER, KIND, PART, Heartbeat
from relay.wire.frames import Kind
from relay.wire.setup import Welcome
from tests.relay.node.caller import Caller, asked, dial, hello, transit
from tests.world import INGRESS, World, until


class Echo:
    """A target that sends everything back, and remembers from where it came."""

    def __init__(self, loop: Loop, host: str = "127.0.0.1") -> None:
        self.port = UdpPort(loop, open_udp((host, 0), buffer=PORT_BUFFER, may_fragment=True), self)
        self.address: tuple[str, int] = self.port.sock.getsockname()[:2]
        self.got: list[bytes] = []
        self.sources: list[DatagramAddress] = []

    @property
    def written(self) -> bytes:
        """Its address, as SOCKS5 has it."""
        return write_source(*self.address)

    def on_datagrams(self, data: memoryview, size: int, source: DatagramAddress, local: bytes) -> None:
        parts = [bytes(data[at : at + size]) for at in range(0, len(data), size)] if size else [b""]
        out = self.port.out(source)
        for part in parts:
            self.got.append(part)
            self.sources.append(source)
            out.put(part)


class PlayedLabel:
    """One label of a caller: straight to the exit, or by the relay jp."""

    def __init__(self, caller: "DatagramCaller", via: str | None = None) -> None:
        self.caller, self.via = caller, via
        network = caller.world.nodes["us"].identity.network
        self.label = datagrams.new_label(network)
        self.key = secrets.token_bytes(16)
        self.end = DatagramEnd(self.label, is_ingress=True, hop_keys=[self.key] if via else ())
        self.epoch = 0
        self.beats: list[Heartbeat] = []
        self.inners: list[bytes] = []
        self.pongs: list[int] = []
        self.lost: list[str] = []
        self.challenged = 0
        self.answers = True
        """Whether challenges are answered."""
        self.port: UdpPort
        self.out: UdpOut
        self.move()

    def move(self, host: str = "127.0.0.1") -> None:
        """Use another port of this machine from now on."""
        loop = self.caller.loop
        self.port = UdpPort(loop, open_udp((host, 0), buffer=PORT_BUFFER, may_fragment=False), self)
        first = self.caller.world.ports[self.via or self.caller.node]
        self.out = self.port.out(("127.0.0.1", first))

    async def up(self, link: Link | None = None, *, cipher: int = Cipher.AES_128_GCM) -> Verdict:
        """Say LABEL on a carrier of its path, with a new epoch; what the exit says to it."""
        if link is None:
            more = {"label": self.label, "place": 1, "hop_key": self.key} if self.via else {}
            link = await self.caller.carrier(via=self.via, **more)
        self.epoch += 1
        secret = secrets.token_bytes(32)
        if cipher in list(Cipher):
            self.end.open_epoch(self.epoch, Cipher(cipher), secret)
        verdict = await self.say(link, self.epoch, cipher, secret)
        if verdict is Verdict.TAKEN:
            self.end.seal_with(self.epoch)
        return verdict

    async def say(self, link: Link, epoch: int, cipher: int, secret: bytes) -> Verdict:
        """LABEL, as given; what is answered."""
        before, lost = len(self.caller.notices), len(self.caller.lost)
        link.end.send(bodies.label(self.label, epoch, cipher, 1 if self.via else 0, secret))
        answers = self.caller.notices
        await until(lambda: any(kind == Kind.LABELED for kind, _ in answers[before:]) or len(self.caller.lost) > lost)
        body = next((body for kind, body in answers[before:] if kind == Kind.LABELED), None)
        if body is None:
            raise ConnectionResetError(self.caller.lost[-1])
        label, told, code = bodies.parse_labeled(body)
        assert (label, told) == (self.label, epoch)
        return Verdict(code)

    async def ride(self, node: str = "us", via: str | None = None) -> DatagramLink:
        """Go over a carrier to *node* from now on."""
        link = self.link = await self.caller.datagram_link(self, node, via)

        class Riding:
            """As an `UdpOut`."""

            def put(self, part: bytes) -> None:
                link.send(part)

        self.out = Riding()  # type: ignore[assignment]
        return link

    def on_datagram(self, link: DatagramLink, data: bytes) -> None:
        self._take(data)

    def on_pong(self, link: DatagramLink, name: int) -> None:
        self.pongs.append(name)

    def on_lost(self, link: DatagramLink, why: str) -> None:
        self.lost.append(why)

    async def latched(self, interval: float = 60.0) -> None:
        """Beat until an answer comes: all on the way know where this is."""
        before = len(self.beats)

        def answered() -> bool:
            if len(self.beats) == before:
                self.beat(interval)
            return len(self.beats) > before

        await until(answered)

    def beat(
        self, interval: float = 60.0, flags: int = ACTIVE, deaf: tuple[bytes, ...] = (), padding: int = 0
    ) -> bytes:
        """Say a heartbeat."""
        whole = self.end.probe(self.caller.loop.now, Heartbeat(flags, interval, deaf=deaf), padding)
        self.out.put(whole)
        return whole

    def send(
        self, address: bytes, payload: bytes, *, association: int = 1, flags: int = 0, generation: int = 1
    ) -> bytes:
        """Send *payload*; the datagram that went."""
        caller = self.caller
        order = caller.next_order(association)
        inner = INNER.pack(DATA | flags, generation, association, order) + address + payload
        whole = self.end.seal(inner)
        self.out.put(whole)
        return whole

    def send_in_pieces(self, address: bytes, payload: bytes, room: int = 1000, association: int = 1) -> None:
        """Send *payload* cut up."""
        first = self.caller.next_order(association)
        pieces = split((DATA, 1, association, first), address, payload, room)
        self.caller.orders[association] += len(pieces) - 1
        for piece in pieces:
            self.out.put(self.end.seal(piece))

    @property
    def got(self) -> list[tuple[bytes, bytes]]:
        """Source and payload of everything that came, joined."""
        joiner = Joiner()
        found = []
        for inner in self.inners:
            if inner[0] & KIND == PART:
                joined = joiner.join(inner, 0.0)
                found += [joined] if joined is not None else []
            else:
                stop = datagrams.address_end(inner, INNER.size)
                found.append((inner[INNER.size : stop], inner[stop:]))
        return found

    @property
    def payloads(self) -> list[bytes]:
        return [payload for _, payload in self.got]

    def on_datagrams(self, data: memoryview, size: int, source: DatagramAddress, local: bytes) -> None:
        for at in range(0, len(data), size):
            self._take(bytes(data[at : at + size]))

    def _take(self, data: bytes) -> None:
        if datagrams.is_challenge(data):
            self.challenged += 1
            if self.answers:
                self.out.put(datagrams.answer_challenge(data))
            return
        found = self.end.receive(data, self.caller.loop.now)
        if isinstance(found, Heartbeat):
            self.beats.append(found)
        elif found is not None:
            self.inners.append(found)


class DatagramCaller(Caller):
    """A session whose datagrams are played by hand as well."""

    def __init__(self, world: World, node: str = "us") -> None:
        super().__init__(world, node)
        self.orders: dict[int, int] = {}

    def next_order(self, association: int) -> int:
        """That of the next datagram to the exit."""
        self.orders[association] = self.orders.get(association, 0) + 1
        return self.orders[association]

    async def datagram_link(self, owner: PlayedLabel, node: str, via: str | None) -> DatagramLink:
        """A carrier for datagrams to *node*, straight or by the node *via*."""
        context = load_identity(self.world.keys, INGRESS).client_context()
        sock = await dial(self.world, via or node)
        if via is not None:
            first = await handshake(sock, context, server_side=False)
            await asked(first, transit(self.world, "pacific"))
            sock = await unwrap(first)
        tls = await handshake(sock, context, server_side=False)
        greeting = hello(self.world, self.session.token, node=node, purpose=Purpose.DATAGRAM)
        assert isinstance(await asked(tls, greeting), Welcome)
        return DatagramLink(self.loop, tls, owner)

    async def label(self, via: str | None = None) -> PlayedLabel:
        """One that is up, and that all on its way have latched."""
        made = PlayedLabel(self, via)
        assert await made.up() is Verdict.TAKEN
        await made.latched()
        return made


def stray(address: tuple[str, int], *parts: bytes) -> None:
    """Send *parts* to *address* from a socket of its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for part in parts:
            sock.sendto(part, address)
