"""An ingress that a test plays by hand: TLS as anybody, set-up messages, a session over real carriers."""

import contextlib
import secrets
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import trio

from relay.carrier.link import Link, SessionClock
from relay.carrier.setup import read_message, send_message
from relay.engine import Loop
from relay.engine.secured import Secured
from relay.engine.tls_setup import close, handshake, read_some, unwrap
from relay.identity import load_identity
from relay.model.network import Network
from relay.model.walk import hops_from
from relay.session.initiator import Initiator, InitiatorStream
from relay.session.stream import Stream
from relay.session.window import Memory
from relay.wire.codes import Purpose
from relay.wire.frames import Kind
from relay.wire.setup import Hello, Message, Parsed, Transit, Welcome
from tests.relay.session.pair import RecordingSink
from tests.world import INGRESS, NAME, PATIENCE, World, until


def anybody(keys: Path | None, who: str) -> ssl.SSLContext:
    """TLS that checks nothing of the other side; without *keys* it shows no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if keys is not None:
        context.load_cert_chain(keys / who / "node.pem", keys / who / "node.key")
    return context


@contextlib.asynccontextmanager
async def secured(world: World, node: str, context: ssl.SSLContext | None = None) -> AsyncIterator[Secured]:
    """A TLS connection to *node*, by default as the ingress."""
    context = context or load_identity(world.keys, INGRESS).client_context()
    with trio.fail_after(PATIENCE):
        tls = await handshake(await dial(world, node), context, server_side=False)
        try:
            yield tls
        finally:
            close(tls.sock)


async def dial(world: World, node: str) -> socket.socket:
    """A bare connection to *node*."""
    stream = await trio.open_tcp_stream("127.0.0.1", world.ports[node])
    sock = socket.socket(fileno=stream.socket.detach())
    sock.setblocking(False)
    return sock


async def asked(tls: Secured, message: Message) -> Parsed:
    """What is answered to *message*."""
    await send_message(tls, message)
    return await read_message(tls)


async def heard(tls: Secured) -> bytes:
    """All that comes until the end, which may be an error of TLS."""
    data = b""
    with contextlib.suppress(OSError):
        while more := await read_some(tls, 65536):
            data += more
    return data


def hello(world: World, token: bytes = b"t" * 16, *, node: str = "us", **others: object) -> Hello:
    """A HELLO that is welcome at *node*, but for *others*."""
    usual: dict[str, object] = {
        "purpose": Purpose.PREFIX,
        "resume": False,
        "digest": network(world).digest_for(node),
        "serial": network(world).serial,
        "program": "test",
        "via": "direct",
    }
    return Hello(token=token, **{**usual, **others})  # type: ignore[arg-type]


def network(world: World) -> Network:
    """As some node of *world* knows it."""
    return next(iter(world.nodes.values())).network


def transit(world: World, line: str, **others: object) -> Transit:
    """A TRANSIT over *line*, but for *others*."""
    found = network(world).lines.get(line)
    hops = () if found is None else hops_from(network(world), found.start)
    digest = next((hop.digest for hop in hops if hop.line is found), bytes(8))
    return Transit(**{"line": line, "digest": digest, "via": "ix", "left": 1, **others})  # type: ignore[arg-type]


class Caller:
    """A session with *node*, played by hand; `run` its loop in a nursery."""

    def __init__(self, world: World, node: str) -> None:
        self.world, self.node = world, node
        self.loop = Loop()
        self.memory = Memory(1 << 30)
        self.pongs: list[int] = []
        self.notices: list[tuple[int, bytes]] = []
        self.said: list[tuple[Link, int]] = []
        """On which link each pong (its number) or notice (its kind) came."""
        self.proceed: Parsed | None = None
        """What a node said last that passed a carrier on."""
        self.lost: list[str] = []
        self.detached: list[Stream] = []
        self.session = Initiator(secrets.token_bytes(16), self.memory, self.loop.now)
        self.clock = SessionClock(self.loop, self.session)

    def on_pong(self, link: Link, number: int) -> None:
        self.pongs.append(number)
        self.said.append((link, number))

    def on_notice(self, link: Link, kind: int, body: bytes) -> None:
        self.notices.append((kind, body))
        self.said.append((link, kind))

    async def carrier(
        self, purpose: Purpose = Purpose.THIN, *, resume: bool = False, via: str | None = None, **others: object
    ) -> Link:
        """One more carrier: straight, or by the node *via* over its line "pacific"; *others* are of the TRANSIT."""
        context = load_identity(self.world.keys, INGRESS).client_context()
        sock = await dial(self.world, via or self.node)
        if via is not None:
            first = await handshake(sock, context, server_side=False)
            self.proceed = await asked(first, transit(self.world, "pacific", **others))
            sock = await unwrap(first)
        tls = await handshake(sock, context, server_side=False)
        greeting = hello(self.world, self.session.token, node=self.node, purpose=purpose, resume=resume)
        answer = await asked(tls, greeting)
        assert isinstance(answer, Welcome), answer
        return Link(self.loop, tls, self.session, self, "test", is_bulk=purpose is Purpose.BULK)

    def on_lost(self, link: Link, detached: list[Stream], why: str) -> None:
        self.lost.append(why)
        self.detached += detached

    def open(
        self, *links: Link, host: str = NAME, port: int | None = None, asks: bool = False
    ) -> tuple[InitiatorStream, RecordingSink]:
        """Open a stream over *links*, by default to the world's target; if it *asks*, for the target's first byte."""
        sink = RecordingSink()
        port = self.world.target.port if port is None else port
        ends = tuple(link.end for link in links)
        stream = self.session.open(host, port, sink, ends, self.loop.now, asks_first_byte=asks)
        sink.stream = stream
        return stream, sink

    async def hears(self, kind: Kind) -> bytes:
        """The body of the first such notice."""
        await until(lambda: any(found == kind for found, _ in self.notices))
        return next(body for found, body in self.notices if found == kind)
