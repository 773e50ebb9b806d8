"""Datagrams through a relay and an exit, over real sockets: what arrives, what comes back, and what goes nowhere."""

from collections.abc import AsyncIterator, Callable

import pytest
import trio

from relay.node.datagrams import NodeDatagrams
from relay.wire.codes import Cipher, Feature, Verdict
from relay.wire.datagrams import ATYP_NAME, DATA, INNER
from relay.wire.setup import Proceed
from tests.relay.node.caller import asked, hello, secured
from tests.relay.node.datagram_caller import DatagramCaller, Echo, PlayedLabel
from tests.world import NAME, TWO_PATHS, World, until


@pytest.fixture
async def world(make_world: Callable[..., World]) -> World:
    """A relay and an exit."""
    return await make_world(TWO_PATHS, is_wired=False).start("jp", "us")


@pytest.fixture
async def caller(world: World, nursery: trio.Nursery) -> AsyncIterator[DatagramCaller]:
    made = DatagramCaller(world)
    nursery.start_soon(made.loop.run)
    yield made
    nursery.cancel_scope.cancel()


@pytest.fixture
async def echo(caller: DatagramCaller) -> Echo:
    return Echo(caller.loop)


BOTH_WAYS = pytest.mark.parametrize("via", [None, "jp"])


def counters(world: World, node: str) -> NodeDatagrams:
    return world.nodes[node].datagrams


@BOTH_WAYS
async def test_u01_a_datagram_goes_there_and_its_answer_comes_back(
    caller: DatagramCaller, echo: Echo, via: str | None
) -> None:
    label = await caller.label(via)
    name = bytes([ATYP_NAME, len(NAME)]) + NAME.encode() + echo.address[1].to_bytes(2, "big")
    label.send(echo.written, b"by address")
    label.send(name, b"by name")
    await until(lambda: len(label.got) == 2)
    assert sorted(label.got) == [(echo.written, b"by address"), (echo.written, b"by name")]
    assert len(set(echo.sources)) == 1
    heads = sorted((inner[0], int.from_bytes(inner[2:6], "big"), inner[9]) for inner in label.inners)
    assert heads == [(1, 1, 1), (1, 1, 2)]


@BOTH_WAYS
async def test_u08_u12_any_size_arrives_whole(caller: DatagramCaller, echo: Echo, via: str | None) -> None:
    label = await caller.label(via)
    sizes = (0, 1, 1200, 1472, 9000, 65_507)
    for size in sizes[:4]:
        label.send(echo.written, bytes([size % 251]) * size)
    for size in sizes[4:]:
        label.send_in_pieces(echo.written, bytes([size % 251]) * size, 1200 if size < 65_507 else 1100)
    await until(lambda: len(label.got) == len(sizes))
    assert sorted(map(len, label.payloads)) == sorted(sizes)
    assert all(payload == payload[:1] * len(payload) for payload in label.payloads)
    assert sorted(map(len, echo.got)) == sorted(sizes)


async def test_bulk_goes_in_runs(caller: DatagramCaller, echo: Echo) -> None:
    label = await caller.label("jp")
    for number in range(300):
        label.send(echo.written, number.to_bytes(2, "big") * 500)
    await until(lambda: len(label.got) == 300)
    assert [int.from_bytes(payload[:2], "big") for payload in label.payloads] == list(range(300))


async def test_copies_in_one_run_reach_the_target_once(caller: DatagramCaller, echo: Echo) -> None:
    label = await caller.label()
    label.send(echo.written, b"before")
    twice = INNER.pack(DATA, 1, 1, caller.next_order(1)) + echo.written + b"copied"
    for _ in range(3):
        label.out.put(label.end.seal(twice))
    label.send(echo.written, b"behind")
    await until(lambda: len(label.got) == 3)
    assert echo.got == [b"before", b"copied", b"behind"]


async def test_u02_associations_have_a_port_each_and_keep_it(caller: DatagramCaller, echo: Echo) -> None:
    label = await caller.label()
    other = Echo(caller.loop)
    for association in (1, 2, 1, 2):
        label.send(echo.written, b"x", association=association)
        label.send(other.written, b"y", association=association)
    await until(lambda: len(label.got) == 8)
    assert len(set(echo.sources)) == 2 and set(echo.sources) == set(other.sources)


async def test_the_node_says_that_it_carries_datagrams(world: World) -> None:
    async with secured(world, "us") as tls:
        welcome = await asked(tls, hello(world))
    assert Feature.DATAGRAMS in welcome.features  # type: ignore[union-attr]


@BOTH_WAYS
async def test_u28_keys_are_renewed_and_nothing_is_lost(caller: DatagramCaller, echo: Echo, via: str | None) -> None:
    label = await caller.label(via)
    for turn in range(4):
        label.send(echo.written, b"before %d" % turn)
        assert await label.up(cipher=Cipher.CHACHA20_POLY1305 if turn % 2 else Cipher.AES_128_GCM) is Verdict.TAKEN
        label.send(echo.written, b"after %d" % turn)
    await until(lambda: len(label.got) == 8)
    assert label.end.forged == 0


async def test_a_label_that_is_said_again_changes_nothing(caller: DatagramCaller, echo: Echo) -> None:
    label = PlayedLabel(caller)
    link = await caller.carrier()
    label.end.open_epoch(1, Cipher.AES_128_GCM, bytes(32))
    label.end.seal_with(1)
    assert await label.say(link, 1, Cipher.AES_128_GCM, bytes(32)) is Verdict.TAKEN
    await label.latched()
    label.send(echo.written, b"one")
    assert await label.say(link, 1, Cipher.AES_128_GCM, bytes(32)) is Verdict.TAKEN
    label.send(echo.written, b"two")
    await until(lambda: len(label.got) == 2)
    with pytest.raises(ConnectionResetError):
        await label.say(link, 1, Cipher.AES_128_GCM, b"x" * 32)


async def test_what_may_not_be_is_refused(
    world: World, caller: DatagramCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    label = PlayedLabel(caller)
    assert await label.up(cipher=77) is Verdict.UNKNOWN_CIPHER
    monkeypatch.setattr("relay.node.labels.MOST_LABELS", 1)
    assert await label.up() is Verdict.TAKEN
    assert await PlayedLabel(caller).up() is Verdict.FULL
    monkeypatch.setattr("relay.node.labels.UNUSED", 0.0)
    assert await PlayedLabel(caller).up() is Verdict.TAKEN
    (session,) = counters(world, "us").associations._sessions  # type: ignore[union-attr]
    assert len(session.labels) == 1
    assert await label.up() is Verdict.TAKEN  # it was forgotten, and is set anew
    assert counters(world, "us").labels.statistics().refused == 1


async def test_an_exit_without_a_port_takes_no_label(world: World, caller: DatagramCaller) -> None:
    world.nodes["us"].datagrams.close()
    assert await PlayedLabel(caller).up() is Verdict.NO_DATAGRAMS
    assert counters(world, "us").labels.statistics().count == 0


async def test_a_label_belongs_to_one_session(caller: DatagramCaller, world: World, nursery: trio.Nursery) -> None:
    label = await caller.label()
    second = DatagramCaller(world)
    nursery.start_soon(second.loop.run)
    thief = PlayedLabel(second)
    thief.label = label.label
    assert await thief.up() is Verdict.NOT_YOURS


async def test_a_relay_says_what_becomes_of_the_label(world: World, caller: DatagramCaller) -> None:
    label = await caller.label("jp")
    assert isinstance(caller.proceed, Proceed) and caller.proceed.takes is Verdict.TAKEN
    await caller.carrier(via="jp")
    assert isinstance(caller.proceed, Proceed) and caller.proceed.takes is None
    assert counters(world, "jp").labels.statistics().count == 1
    assert label.challenged
