"""What the opener relies on in whoever puts streams on paths, kept by the real one in a whole network and by the one
of the bed: so that what is tested on the bed holds."""

from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest

from ingress.choice.choice import Choice
from ingress.choice.demand import Demand
from ingress.client.opener import Streams
from relay.model.cause import Cause
from relay.session.initiator import InitiatorStream
from tests.ingress.choice.figures import chooser, figure
from tests.ingress.client.counterparts import SessionPaths
from tests.ingress.client.messages import HOST
from tests.relay.session.pair import RecordingSink
from tests.world import NAME, TWO_PATHS, World, until

DIRECT, OTHER = "direct", "ix/pacific"


@attrs.define
class Kept:
    """One that keeps the contract: over two paths to one exit, DIRECT and OTHER, of which the chooser knows."""

    streams: Streams
    target: tuple[str, int]
    arrives: Callable[[Callable[[], object]], Awaitable[None]]
    """Waits until something has become true."""
    lost: Callable[[], dict[str, dict[str, int]]]
    """Streams that were lost, by path and cause."""
    close: Callable[[str], None]
    """The carrier over a path is gone, and for now none comes again."""
    now: Callable[[], float]

    def choice(self, path: str, legs: int = 1) -> Choice:
        """What the choice says where *path* is the best, or the only one."""
        names = {DIRECT: "direct>us", OTHER: "ix/pacific>us"}
        figures = [figure(text, 100 if name == path else 150) for name, text in names.items()]
        if path not in names:
            figures = [figure(f"{path}>us", 100)]
        found = chooser(*figures).decide(Demand(*self.target, legs=legs), 1.0)
        assert found is not None and found.paths[0] == path
        return found

    def open(self, path: str, legs: int = 1) -> InitiatorStream:
        sink = RecordingSink()
        stream = self.streams.open(self.choice(path, legs), sink, self.now())
        assert stream is not None
        sink.stream = stream
        return stream


def rides_on(stream: InitiatorStream) -> set[int]:
    return {leg.carrier.number for leg in stream.legs}


@pytest.fixture(params=["whole network", "bed"])
async def kept(request: pytest.FixtureRequest, make_world: Callable[..., World]) -> Any:
    if request.param == "bed":
        return on_bed()
    world = await make_world(TWO_PATHS).start()
    await world.up()
    fleet = world.running.fleet

    def close(path: str) -> None:
        wire = world.wires[path.partition("/")[0]]
        wire.hold()
        wire.cut()

    def lost() -> dict[str, dict[str, int]]:
        return {name: live.counters.lost for name, live in fleet.live.items() if live.counters.lost}

    return Kept(fleet.moving, (NAME, world.target.port), until, lost, close, lambda: world.running.loop.now)


def on_bed() -> Kept:
    paths = SessionPaths()
    paths.build(DIRECT, "us")
    paths.build(OTHER, "us")
    pair = paths.exits["us"].pair
    pair.connects_at_once = True

    async def arrives(condition: Callable[[], object]) -> None:
        pair.run()
        assert condition()

    def lost() -> dict[str, dict[str, int]]:
        return {path: {cause: 1} for path, cause in paths.lost}

    return Kept(paths, (HOST, 443), arrives, lost, paths.close, lambda: pair.now)


async def test_a_stream_is_opened_on_the_path_of_the_choice(kept: Kept) -> None:
    one, other = kept.open(DIRECT), kept.open(OTHER)
    assert len(rides_on(one)) == len(rides_on(other)) == 1
    assert rides_on(one) != rides_on(other)
    await kept.arrives(lambda: one.is_connected and other.is_connected)


async def test_it_may_be_written_to_at_once(kept: Kept) -> None:
    stream = kept.open(DIRECT)
    stream.write(b"at once")
    assert not stream.is_acknowledged and not stream.has_sent
    await kept.arrives(lambda: stream.is_connected and stream.sender.acked == 7)


async def test_a_redundant_one_rides_on_both(kept: Kept) -> None:
    stream = kept.open(DIRECT, legs=2)
    assert rides_on(stream) == rides_on(kept.open(DIRECT)) | rides_on(kept.open(OTHER))


async def test_on_a_path_that_is_not_there_nothing_is_opened(kept: Kept) -> None:
    assert kept.streams.open(kept.choice("gone"), RecordingSink(), kept.now()) is None
    assert not kept.streams.hedge(kept.open(DIRECT), kept.choice("gone"))


async def test_nor_on_one_that_has_no_carrier_now(kept: Kept) -> None:
    kept.close(DIRECT)
    await kept.arrives(lambda: kept.streams.open(kept.choice(DIRECT), RecordingSink(), kept.now()) is None)
    assert not kept.streams.hedge(kept.open(OTHER), kept.choice(DIRECT))
    assert len(rides_on(kept.open(DIRECT, legs=2))) == 1  # of two, the leg that there is


async def test_a_hedged_one_is_said_again_on_the_other_path_under_the_same_id(kept: Kept) -> None:
    stream, beside = kept.open(DIRECT), kept.open(OTHER)
    number = stream.id
    assert kept.streams.hedge(stream, kept.choice(OTHER))
    assert (rides_on(stream), stream.id) == (rides_on(beside), number)
    await kept.arrives(lambda: stream.is_connected)


async def test_patience_is_that_of_the_path_and_none_without_one(kept: Kept) -> None:
    stream = kept.open(DIRECT)
    assert kept.streams.open_patience(stream) > 0.0
    stream.reset(Cause.CLIENT_RESET)
    assert kept.streams.open_patience(stream) == 0.0


async def test_what_was_lost_is_counted_with_the_path_it_was_opened_on(kept: Kept) -> None:
    kept.streams.count_lost(kept.choice(OTHER), "exit-lost")
    assert kept.lost() == {OTHER: {"exit-lost": 1}}
