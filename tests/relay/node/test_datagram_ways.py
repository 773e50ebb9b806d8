"""By which labels replies go: the association's own, copies, and all that are active while its own is in doubt."""

from collections.abc import AsyncIterator, Callable

import pytest
import trio

from relay.wire.datagrams import ACTIVE, ANSWER, BOUND, COPY, DATA, DEAF
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


async def exchanged(label: PlayedLabel, echo: Echo, payload: bytes, **how: int) -> None:
    """*payload* has been to the echo, over *label*."""
    label.send(echo.written, payload, **how)
    await until(lambda: payload in echo.got)


async def test_replies_follow_the_newest_generation(caller: DatagramCaller, echo: Echo) -> None:
    first, second = await caller.label(), await caller.label("jp")
    await exchanged(first, echo, b"one", generation=250)
    await until(lambda: first.payloads == [b"one"])
    await exchanged(second, echo, b"two", generation=3)  # as serial numbers, 3 comes behind 250
    await until(lambda: second.payloads == [b"two"])
    await exchanged(first, echo, b"late", generation=250)
    await until(lambda: second.payloads == [b"two", b"late"])
    assert first.payloads == [b"one"]
    assert len(set(echo.sources)) == 1


async def test_u16_copies_are_delivered_once_and_answered_on_both(caller: DatagramCaller, echo: Echo) -> None:
    first, second = await caller.label(), await caller.label("jp")
    for number in range(5):
        payload = b"%d" % number
        first.send(echo.written, payload)
        caller.orders[1] -= 1
        second.send(echo.written, payload, flags=COPY)
        await until(lambda count=number: len(first.inners) == len(second.inners) == count + 1)  # type: ignore[misc]
    assert echo.got == [b"%d" % number for number in range(5)]
    assert first.inners == second.inners


async def test_a_copy_alone_is_delivered_and_moves_nothing(caller: DatagramCaller, echo: Echo) -> None:
    first, second = await caller.label(), await caller.label("jp")
    await exchanged(first, echo, b"one")
    await exchanged(second, echo, b"two", flags=COPY, generation=9)
    await until(lambda: len(first.inners) == 2 and len(second.inners) == 1)


@pytest.mark.parametrize("is_thin", [True, False])
async def test_u23_what_the_ingress_does_not_hear_goes_elsewhere_as_well(
    caller: DatagramCaller, echo: Echo, is_thin: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_thin:
        monkeypatch.setattr("relay.exit.datagram_session.THIN_DATAGRAMS", 0)
    first, second = await caller.label(), await caller.label("jp")
    await exchanged(first, echo, b"one")
    await until(lambda: len(first.inners) == 1)
    before = len(second.beats)
    second.beat(60.0, deaf=(first.label,))
    await until(lambda: len(second.beats) > before)
    await exchanged(first, echo, b"two")
    await until(lambda: len(first.inners) == 2)
    if is_thin:
        await until(lambda: len(second.inners) == 1)
    assert len(second.inners) == is_thin


async def test_what_is_bound_goes_nowhere_else(caller: DatagramCaller, echo: Echo) -> None:
    first, second = await caller.label(), await caller.label("jp")
    await exchanged(first, echo, b"one", flags=BOUND)
    await until(lambda: len(first.inners) == 1)
    before = len(second.beats)
    second.beat(60.0, deaf=(first.label,))
    await until(lambda: len(second.beats) > before)
    await exchanged(first, echo, b"two", flags=BOUND)
    await exchanged(second, echo, b"a copy", flags=BOUND | COPY)
    await until(lambda: len(first.inners) == 3 and second.payloads == [b"a copy"])


async def test_u23_an_exit_that_hears_nothing_says_so(caller: DatagramCaller, echo: Echo) -> None:
    first, second = await caller.label(), await caller.label("jp")
    first.beat(0.025)  # and then nothing
    second.beat(60.0)
    await until(lambda: any(beat.flags & DEAF for beat in first.beats))
    await until(lambda: any(first.label in beat.deaf for beat in second.beats))
    assert not any(beat.flags & DEAF for beat in second.beats)
    told = next(beat for beat in first.beats if beat.flags & DEAF)
    assert told.flags & ACTIVE and not told.flags & ANSWER and told.interval == 0.025


async def test_an_exit_does_not_say_so_for_ever(caller: DatagramCaller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.exit.datagram_session.DEAF_FOR", 0.2)
    label = await caller.label()
    label.beat(0.025)
    session = caller.world.nodes["us"].datagrams.associations._sessions[0]  # type: ignore[union-attr]
    await until(lambda: any(beat.flags & DEAF for beat in label.beats))
    await until(lambda: session._timer is None)
    label.beat(0.025)
    await until(lambda: session._timer is not None)


async def test_a_heartbeat_is_answered_on_its_label(caller: DatagramCaller) -> None:
    label = await caller.label("jp")
    whole = label.beat(1.0, padding=900)
    await until(lambda: any(beat.size == len(whole) for beat in label.beats))  # behind those of the set-up
    answer = label.beats[-1]
    assert answer.flags == ANSWER | ACTIVE and answer.interval == 1.0
    before = len(label.beats)
    label.beat(1.0, flags=ANSWER)
    label.beat(2.0)
    await until(lambda: label.beats[-1].interval == 2.0)
    assert len(label.beats) == before + 1


async def test_a_larger_probe_lets_larger_datagrams_through(caller: DatagramCaller, echo: Echo) -> None:
    label = await caller.label()
    label.send_in_pieces(echo.written, bytes(4000))
    await until(lambda: len(label.got) == 1)
    count = len(label.inners)
    assert count > 2
    label.beat(padding=9000)
    label.send_in_pieces(echo.written, bytes(4000))
    await until(lambda: len(label.got) == 2)
    assert len(label.inners) == count + 1


async def test_copies_without_a_second_path_are_answered_twice_on_one(caller: DatagramCaller, echo: Echo) -> None:
    label = await caller.label()
    await exchanged(label, echo, b"x")
    await until(lambda: len(label.inners) == 1)
    caller.orders[1] -= 1
    label.send(echo.written, b"x", flags=COPY)
    label.send(echo.written, b"y")
    await until(lambda: len(label.inners) == 3)
    assert [inner[0] for inner in label.inners[1:]] == [DATA, DATA | COPY]
    assert label.inners[1][1:] == label.inners[2][1:] and echo.got == [b"x", b"y"]


async def test_replies_in_bulk_leave_a_label_that_its_ingress_has_left(
    caller: DatagramCaller, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.exit.datagram_session.THIN_DATAGRAMS", 0)
    monkeypatch.setattr("relay.exit.datagram_session.FORSAKEN", 0.1)
    first, second = await caller.label(), await caller.label("jp")
    await exchanged(first, echo, b"one")
    await until(lambda: len(first.inners) == 1)
    asker = echo.port.out(echo.sources[0])
    first.beat(0.025)  # and then nothing

    def has_moved() -> bool:
        second.beat(60.0)
        asker.put(b"more")
        return len(second.inners) > 0

    await until(has_moved)
    before = len(first.inners)
    for count in range(5):
        asker.put(b"and more")
        await until(lambda least=count: len(second.inners) > least)  # type: ignore[misc]
    assert len(first.inners) == before
