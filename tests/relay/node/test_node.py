"""Who is let in at a node, and what those who are not get: nothing they could use, and a line in the log."""

import contextlib
import datetime
import ssl
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
import trio

from ingress.keys import make_keys
from relay.carrier.setup import send_message
from relay.engine.tls_setup import send_all
from relay.identity import load_identity
from relay.node.node import PASSING
from relay.strangers import Strangers
from relay.wire.codes import Purpose, Reason
from relay.wire.frames import Kind, frame
from relay.wire.setup import Message, Proceed, Refused, Welcome
from relay.wire.versions import Versions
from tests.relay.node.caller import Caller, anybody, asked, dial, heard, hello, secured, transit
from tests.world import INGRESS, PATIENCE, TWO_PATHS, Journal, World, read, read_all, until

LONDON = '[ingress.london]\nlisten = "127.0.0.1:1"\n'
SECRET = """
[line.paid]
from = "jp"
to = "us"
proxy = { url = "socks5://127.0.0.1:1", user = "u", password = { env = "NO_SUCH_VARIABLE" } }
"""


@pytest.fixture
async def world(make_world: Callable[..., World]) -> World:
    """A relay, an exit, and no ingress; the file knows a second ingress."""
    return await make_world(TWO_PATHS, extra=LONDON + SECRET).start("jp", "us")


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """Keys of another CA, with the same names."""
    make_keys(tmp_path / "others" / "keys", [INGRESS], ["jp", "us"], datetime.datetime.now(datetime.UTC))
    return tmp_path / "others" / "keys"


def add_ingress(world: World, name: str) -> ssl.SSLContext:
    """Make keys for one more ingress, of our CA."""
    make_keys(world.keys, [INGRESS, name], ["jp", "us"], datetime.datetime.now(datetime.UTC))
    return load_identity(world.keys, name).client_context()


WRONG = {
    "nobody": "peer did not return a certificate",
    "stranger": "unable to get local issuer certificate",
    "jp": "unsuitable certificate purpose",
    "us": "unsuitable certificate purpose",
}
"""Certificates that no node lets in, and why."""


@pytest.mark.parametrize("node", ["jp", "us"])
async def test_only_an_ingress_is_let_in(world: World, journal: Journal, others: Path, node: str) -> None:
    for who, why in WRONG.items():
        keys = {"stranger": others, "nobody": None}.get(who, world.keys)
        journal.entries.clear()
        async with secured(world, node, anybody(keys, INGRESS if who == "stranger" else who)) as tls:
            with contextlib.suppress(OSError):  # TLS 1.3: the client learns at its first write or read
                await send_all(tls, b"\0" * 64)
            assert await heard(tls) == b""
        assert (await journal.until("set-up-failed", node, level="warning"))["why"] == why
        assert journal.of("carrier-up") == []


FUTURE = Versions(3, 4)
REFUSED: list[tuple[str, Callable[[World], Message], Reason, str]] = [
    (
        "us",
        lambda world: hello(world, versions=FUTURE),
        Reason.VERSION,
        "us speaks version 2, shanghai version 3 to 4: update us",
    ),
    ("jp", lambda world: transit(world, "pacific", versions=FUTURE), Reason.VERSION, "update jp"),
    ("jp", lambda world: transit(world, "nothing"), Reason.UNKNOWN_LINE, "jp has no line nothing in its file"),
    ("jp", lambda world: transit(world, "direct"), Reason.UNKNOWN_LINE, "no line direct"),  # not one of its own
    ("jp", lambda world: transit(world, "pacific", digest=b"x" * 8), Reason.STALE_CONFIG, "another version of line"),
    ("jp", lambda world: transit(world, "paid"), Reason.DIAL_FAILED, "NO_SUCH_VARIABLE"),
    ("jp", lambda world: transit(world, "pacific", left=0), Reason.LIMIT, "1 to 3 lines left, not 0"),
    ("jp", lambda world: transit(world, "pacific", left=4), Reason.LIMIT, "1 to 3 lines left, not 4"),
    ("us", lambda world: hello(world, purpose=9), Reason.NOT_UNDERSTOOD, "no carriers of purpose 9: update us"),
    ("jp", lambda world: hello(world, purpose=Purpose.THIN), Reason.NOT_AN_EXIT, "jp is no exit"),
    ("jp", lambda world: hello(world, purpose=Purpose.BULK), Reason.NOT_AN_EXIT, "jp is no exit"),
    ("us", lambda world: hello(world, resume=True), Reason.UNKNOWN_SESSION, "not known here"),
    ("us", lambda world: Proceed(1.0), Reason.PROTOCOL, "a Proceed where TRANSIT or HELLO belongs"),
]


async def test_every_refusal_is_told_at_both_ends(world: World, journal: Journal) -> None:
    for node, message, reason, text in REFUSED:
        journal.entries.clear()
        async with secured(world, node) as tls:
            answer = await asked(tls, message(world))
            assert isinstance(answer, Refused)
            assert answer.reason is reason
            assert text in answer.text
            assert await heard(tls) == b""
        told = await journal.until("carrier-refused", node, name=INGRESS)
        assert text in told["why"]
        assert told["level"] == ("debug" if reason in PASSING else "warning")


async def test_an_ingress_that_is_not_in_the_file(world: World, journal: Journal) -> None:
    async with secured(world, "us", add_ingress(world, "paris")) as tls:
        answer = await asked(tls, hello(world))
        assert answer == Refused(Reason.NOT_AN_INGRESS, "paris is not an ingress in the file of us")
    await journal.until("carrier-refused", "us", name="paris")


async def test_a_session_belongs_to_who_began_it(world: World, journal: Journal) -> None:
    async with secured(world, "us") as tls:
        assert isinstance(await asked(tls, hello(world)), Welcome)
        async with secured(world, "us", add_ingress(world, "london")) as foreign:
            answer = await asked(foreign, hello(world))
            assert answer == Refused(Reason.UNKNOWN_SESSION, "this session belongs to another ingress")
        async with secured(world, "us") as second:
            assert isinstance(await asked(second, hello(world, resume=True)), Welcome)


async def test_another_digest_works_and_is_told(world: World, journal: Journal) -> None:
    async with secured(world, "us") as tls:
        answer = await asked(tls, hello(world, digest=b"x" * 8))
        assert isinstance(answer, Welcome)
        assert answer.digest == world.nodes["us"].digest
        assert answer.not_after == int(world.nodes["us"].identity.expires)
    why = "shanghai has another paths.toml without a serial, as here: bring it the right one and raise `serial`"
    await journal.until("config-differed", "us", ingress=INGRESS, serial=0, theirs=0, why=why)


UNREADABLE = [b"GET / HTTP/1.1\r\n\r\n", frame(Kind.DATA, b"x" * 20), b"\x01\xff\xff\xff", frame(Kind.HELLO)]


async def test_rubbish_inside_tls_is_answered_and_closed(world: World, journal: Journal) -> None:
    for words in UNREADABLE:
        journal.entries.clear()
        async with secured(world, "us") as tls:
            await send_all(tls, words)
            assert (await heard(tls))[:1] in (bytes([Kind.REFUSED]), b"")  # what was left unread may have reset it
        assert "us cannot read this" in (await journal.until("carrier-refused", "us"))["why"]


@pytest.mark.parametrize("words", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 70_000, b"\0"])
async def test_rubbish_instead_of_tls(world: World, journal: Journal, words: bytes) -> None:
    with trio.socket.from_stdlib_socket(await dial(world, "us")) as sock:
        stream = trio.SocketStream(sock)
        with contextlib.suppress(trio.BrokenResourceError):  # reset is as good
            await stream.send_all(words)
            await stream.send_eof()
            await read_all(stream)
    await journal.until("set-up-failed", "us")


async def test_who_connects_and_leaves_is_no_news(world: World, journal: Journal) -> None:
    """So the other nodes time the dial of their lines, every minute."""
    journal.entries.clear()
    (await dial(world, "us")).close()
    assert (await journal.until("set-up-failed", "us"))["level"] == "debug"


async def test_who_leaves_after_the_handshake_is_named(world: World, journal: Journal) -> None:
    async with secured(world, "us"):
        pass
    failed = await journal.until("set-up-failed", "us", level="warning")
    assert failed["why"] == "shanghai left without a word; perhaps it wanted another node than us"


@pytest.mark.parametrize("is_talking", [False, True])
async def test_a_set_up_has_a_deadline_in_all(
    world: World, journal: Journal, monkeypatch: pytest.MonkeyPatch, is_talking: bool
) -> None:
    monkeypatch.setattr("relay.node.node.SETUP_SECONDS", 0.3)
    client_hello = iter(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500))
    with trio.socket.from_stdlib_socket(await dial(world, "us")) as sock, trio.fail_after(PATIENCE):
        for byte in client_hello:
            with contextlib.suppress(OSError):
                await sock.send(bytes([byte]) if is_talking else b"")
            with trio.move_on_after(0.03), contextlib.suppress(ConnectionResetError):
                assert await sock.recv(1) == b""
                break
    await journal.until("set-up-failed", "us", why="too slow")


async def test_the_deadline_holds_behind_the_handshake(
    world: World, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.node.node.SETUP_SECONDS", 0.3)
    async with secured(world, "us") as tls:
        await send_all(tls, b"\x01")
        assert await heard(tls) == b""
    await journal.until("set-up-failed", "us", why="too slow")


async def test_a_silent_stranger_makes_room_for_one_of_ours(
    world: World, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.nodes["us"], "strangers", Strangers(1, 1))
    with trio.socket.from_stdlib_socket(await dial(world, "us")) as silent, trio.fail_after(PATIENCE):
        async with secured(world, "us"):
            assert await silent.recv(1) == b""
    await journal.until("set-up-failed", "us", why="made room for others")


async def test_a_handler_that_fails_ends_its_own_connection(
    world: World, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("relay.node.node.RelayNode._answer", lambda *_: 1 / 0)
        async with secured(world, "us") as tls:
            await send_message(tls, hello(world))
            assert await heard(tls) == b""
    await journal.until("handler-failed", "us")
    async with secured(world, "us") as tls:
        assert isinstance(await asked(tls, hello(world)), Welcome)


async def test_a_relay_passes_ciphertext_on(world: World, journal: Journal, nursery: trio.Nursery) -> None:
    caller = Caller(world, "us")
    nursery.start_soon(caller.loop.run)
    link = await caller.carrier(via="jp")
    assert [one.ingress for one in world.nodes["jp"].transits.values()] == [INGRESS]
    stream, sink = caller.open(link)
    target = await world.target.accept()
    stream.write(b"over two hops")
    assert await read(target, 13) == b"over two hops"
    await until(lambda: sink.took is not None)
    link.close("done")
    await until(lambda: not world.nodes["jp"].transits)
    await journal.until("transit-closed", "jp", line="pacific")
    nursery.cancel_scope.cancel()


async def test_a_next_hop_that_refuses(make_world: Callable[..., World], journal: Journal) -> None:
    world = make_world((("ix", INGRESS, "jp"), ("pacific", "jp", "us")))
    port = world.ports["us"]  # nobody listens there
    world.write(world.text().replace(str(world.wires["pacific"].address), str(port)))
    await world.start("jp")
    async with secured(world, "jp") as tls:
        answer = await asked(tls, transit(world, "pacific"))
    assert isinstance(answer, Refused)
    assert answer.reason is Reason.DIAL_REFUSED
    assert answer.text.startswith("jp cannot dial pacific: ")


async def test_a_draining_node_lets_nobody_in(world: World) -> None:
    world.nodes["us"].drain()
    async with secured(world, "us") as tls:
        assert await asked(tls, hello(world)) == Refused(Reason.DRAINING, "us is shutting down")


async def test_an_ingress_that_is_no_longer_in_the_file_is_passed_on_no_more(
    make_world: Callable[..., World], nursery: trio.Nursery
) -> None:
    world = await make_world(TWO_PATHS).start("jp", "us")
    caller = Caller(world, "us")
    nursery.start_soon(caller.loop.run)
    await caller.carrier(via="jp")
    node = world.nodes["jp"]
    await until(lambda: len(node.transits) == 1)
    node.use(attrs.evolve(node.network, ingresses=()), node.identity)
    node.expel_strangers()
    assert node.transits == {}
    await until(lambda: caller.lost)
    nursery.cancel_scope.cancel()
