"""Lines that are deaf to UDP: datagrams go over a carrier to where the last of them ends, and over UDP from there."""

from collections.abc import AsyncIterator, Callable

import pytest
import trio

from relay.node.datagram_carriers import NOWHERE
from relay.wire import bodies, datagrams
from relay.wire.codes import Purpose, Reason, Verdict
from relay.wire.frames import Kind, frame
from relay.wire.setup import Refused
from tests.relay.node.caller import asked, hello, secured
from tests.relay.node.datagram_caller import DatagramCaller, Echo, PlayedLabel
from tests.world import TWO_PATHS, World, until


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


async def riding(caller: DatagramCaller, label_via: str | None, node: str, via: str | None) -> PlayedLabel:
    """A label that is up, and that never sends over UDP."""
    label = PlayedLabel(caller, label_via)
    label.port.close()
    assert await label.up() is Verdict.TAKEN
    await label.ride(node, via)
    await label.latched()
    return label


WAYS = {
    "a path of one line": (None, "us", None),
    "the first of two": ("jp", "jp", None),
    "the last of two": ("jp", "us", "jp"),
}


@pytest.mark.parametrize("way", WAYS)
async def test_u21_datagrams_ride_to_the_end_of_the_last_deaf_line(
    caller: DatagramCaller, echo: Echo, way: str
) -> None:
    label = await riding(caller, *WAYS[way])
    for size in (0, 10, 1100):
        label.send(echo.written, bytes(size))
    await until(lambda: len(label.got) == 3)
    assert sorted(map(len, label.payloads)) == [0, 10, 1100]
    for many in range(23, 104, 20):  # a kernel need not hold a hundred at once
        for number in range(20):
            label.send(echo.written, number.to_bytes(2, "big") * 500)
        await until(lambda many=many: len(label.got) == many)  # type: ignore[misc]
    assert label.challenged == 0


async def test_u21_a_line_that_has_healed_is_used_again(caller: DatagramCaller, echo: Echo) -> None:
    label = await riding(caller, "jp", "jp", None)
    label.send(echo.written, b"by carrier")
    await until(lambda: len(label.got) == 1)
    label.move()
    await label.latched()
    label.link.close("the test has done with it")
    label.send(echo.written, b"over UDP")
    await until(lambda: len(label.got) == 2)
    assert len(set(echo.sources)) == 1


async def test_pings_are_answered_and_the_silent_are_closed(
    caller: DatagramCaller, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    label = await riding(caller, None, "us", None)
    label.link.ping(7)
    await until(lambda: label.pongs == [7])
    assert "0 waiting" in repr(label.link) and label.link.dropped == 0
    monkeypatch.setattr("relay.node.sessions.SILENCE", 0.0)
    await until(lambda: label.lost)
    await until(lambda: len(world.nodes["us"].datagrams.carriers) == 0)


async def test_a_node_says_by_it_what_it_says_by_a_port(caller: DatagramCaller, world: World) -> None:
    label = await riding(caller, None, "us", None)
    (port,) = world.nodes["us"].datagrams.carriers._ports
    asked = datagrams.challenge(label.label + bytes(8), b"who asks")
    port.send((asked, asked), len(asked), NOWHERE, b"")
    await until(lambda: label.challenged == 2)


@pytest.mark.parametrize(
    "wrong", [frame(Kind.DATA, bytes(20)), bodies.fin(1, 2), bodies.pong(3), frame(99), frame(Kind.GOAWAY)]
)
async def test_nothing_else_has_a_place_there(caller: DatagramCaller, world: World, wrong: bytes) -> None:
    label = await riding(caller, None, "us", None)
    before = world.nodes["us"].sessions.statistics().broken
    label.link._control.append(wrong)
    label.link.ping(1)
    await until(lambda: label.lost)
    assert world.nodes["us"].sessions.statistics().broken == before + 1


async def test_a_label_of_nobody_or_of_another_goes_nowhere(world: World, caller: DatagramCaller, echo: Echo) -> None:
    label = await riding(caller, "jp", "jp", None)
    labels = world.nodes["jp"].datagrams.labels
    label.link.send(bytes(100))
    label.link.send(label.label)
    await until(lambda: labels.statistics().strange == 2)
    labels._passed[label.label].owner = "london"
    label.send(echo.written, b"mine no more")
    await until(lambda: labels.statistics().strange == 3)
    assert not echo.got


async def test_who_is_no_longer_in_the_file_loses_them(world: World, caller: DatagramCaller) -> None:
    label = await riding(caller, None, "us", None)
    world.nodes["us"].datagrams.carriers.expel(())
    await until(lambda: label.lost)


async def test_they_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.node.node.MOST_CARRIERS", 0)
    async with secured(world, "us") as tls:
        answer = await asked(tls, hello(world, purpose=Purpose.DATAGRAM))
    assert isinstance(answer, Refused) and answer.reason is Reason.LIMIT
