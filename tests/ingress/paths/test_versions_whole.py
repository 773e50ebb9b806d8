"""An ingress, and nodes of other versions: what it is told stands in the path's state, in the words of the node."""

import socket
import struct
from collections.abc import Callable

import attrs
import pytest
import trio

from relay.engine.tls_setup import close, handshake, read_exactly, send_all
from relay.identity import load_identity
from relay.wire.codes import Reason
from relay.wire.fields import join
from relay.wire.frames import HEADER_SIZE, Kind, frame
from relay.wire.setup import Hello, Proceed, Refused, Transit, Welcome, encode, parse_setup
from relay.wire.versions import Versions
from tests.ingress.paths.test_dial_whole import shown
from tests.world import INGRESS, TWO_PATHS, Journal, World, read, until

Make = Callable[..., World]
WELCOME = Welcome(bytes(8), 0, "9", False, 2.0**33)
NEWER = attrs.evolve(WELCOME, versions=Versions(3, 4))


class Answering:
    """A node *name* of *world* that is played by hand: over real TLS it gives *answer* to whatever it is asked."""

    def __init__(self, world: World, name: str, answer: bytes) -> None:
        self.world, self.name, self.answer = world, name, answer
        self.asked: list[bytes] = []

    async def run(self) -> None:
        await trio.serve_tcp(self._serve, self.world.ports[self.name], host="127.0.0.1")

    async def _serve(self, stream: trio.SocketStream) -> None:
        sock = socket.socket(fileno=stream.socket.detach())
        sock.setblocking(False)
        context = load_identity(self.world.keys, self.name).server_context()
        try:
            tls = await handshake(sock, context, server_side=True)
            head = await read_exactly(tls, HEADER_SIZE)
            self.asked.append(head + await read_exactly(tls, int.from_bytes(head[1:], "big")))
            await send_all(tls, self.answer)
        except OSError:
            pass  # somebody times the dial of the line, and leaves
        finally:
            close(sock)


def refused_1(text: str) -> bytes:
    """As version 1 refuses another version: kind, length, reason, text."""
    return b"\x03" + (1 + len(text)).to_bytes(3, "big") + b"\x01" + text.encode("ascii")


def welcome_1() -> bytes:
    """As version 1 would welcome: version, draining, digest, end of the certificate, program."""
    return frame(2, struct.pack("!BB8sQ", 1, 0, bytes(8), 2**33) + b"0.1.0")


ANSWERS = [
    (
        refused_1("us speaks version 1, shanghai version 2: update us"),
        "version",
        "us speaks version 1, shanghai version 2: update us",
    ),
    (welcome_1(), "version", "shanghai speaks version 2, us version 1: update us"),
    (encode(NEWER), "version", "shanghai speaks version 2, us version 3 to 4: update shanghai"),
    (
        frame(Kind.WELCOME, encode(WELCOME)[HEADER_SIZE:] + join([(99, b"")])),
        "version",
        "us: field 99 of WELCOME is not understood",
    ),
    (encode(attrs.evolve(NEWER, versions=Versions(2, 3), agreed=3)), "version", "us goes on in version 3, we speak 2"),
    (encode(Refused(Reason.NOT_UNDERSTOOD, "us: field 99: update us")), "version", "us: field 99: update us"),
    (frame(Kind.REFUSED, b"\xc8it rains"), "down", "us: it rains"),
    (encode(Proceed(0.1)), "down", "us answered HELLO with a Proceed"),
]


@pytest.mark.parametrize(("answer", "state", "why"), ANSWERS)
async def test_what_a_node_answers_to_hello(
    make_world: Make, nursery: trio.Nursery, answer: bytes, state: str, why: str
) -> None:
    world = make_world()
    node = Answering(world, "us", answer)
    nursery.start_soon(node.run)
    await world.start(INGRESS)
    assert await shown(world, "direct", state) == why
    nursery.cancel_scope.cancel()


async def test_version_1_can_tell_that_it_is_asked_by_a_newer_one(make_world: Make, nursery: trio.Nursery) -> None:
    """It reads kind, length (at most 1,024) and the first byte of the body, and refuses every version but its own."""
    world = make_world(TWO_PATHS)
    relay = Answering(world, "jp", refused_1("jp speaks version 1, shanghai version 2: update jp"))
    exit_ = Answering(world, "us", refused_1("us speaks version 1, shanghai version 2: update us"))
    nursery.start_soon(relay.run)
    nursery.start_soon(exit_.run)
    await world.start(INGRESS)
    assert await shown(world, "ix/pacific", "version") == "jp speaks version 1, shanghai version 2: update jp"
    assert await shown(world, "direct", "version") == "us speaks version 1, shanghai version 2: update us"
    asked = [*relay.asked, *exit_.asked]
    assert {words[0] for words in asked} == {Kind.TRANSIT, Kind.HELLO}
    assert all(words[4] == 2 and len(words) < 1024 for words in asked)
    nursery.cancel_scope.cancel()


async def test_what_is_said_of_the_way(make_world: Make, nursery: trio.Nursery) -> None:
    world = make_world((("ix", INGRESS, "jp"), ("pacific", "jp", "kr"), ("coast", "kr", "us")), exits=("us",))
    relay = Answering(world, "jp", encode(Refused(Reason.DRAINING, "jp is shutting down")))
    nursery.start_soon(relay.run)
    await world.start(INGRESS)
    await until(lambda: {words[0] for words in relay.asked} == {Kind.TRANSIT, Kind.HELLO})
    said = [found[0] for words in relay.asked if (found := parse_setup(words)) is not None]
    for message in said:
        assert isinstance(message, Hello | Transit) and message.via == "ix"
    left = {message.left for message in said if isinstance(message, Transit)}
    assert left <= {1, 2}  # to measure kr, and to reach us
    nursery.cancel_scope.cancel()


async def test_frames_that_an_ingress_does_not_know_and_may_ignore_are_passed_over(
    make_world: Make, journal: Journal
) -> None:
    world = await make_world().start()
    await world.up()
    client, target = await world.pair()
    for held in world.nodes["us"].sessions._held.values():
        for link in held.links:
            for kind in (128, 200, 255):
                link.end.send(frame(kind, b"?" * 10_000))
    await target.send_all(b"as ever")
    assert await read(client, 7) == b"as ever"
    assert not journal.of("carrier-lost")
