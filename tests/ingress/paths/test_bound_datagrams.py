"""Datagrams of flows that may take some paths only: they go by no other, and do not disturb the rest."""

import pytest

from relay.wire.codes import Feature
from relay.wire.datagrams import BOUND
from tests.ingress.paths.datagram_bed import TARGET, DatagramBed, Player
from tests.ingress.paths.fleet_bed import INGRESS, with_bed

THREE = tuple((name, INGRESS, "us") for name in ("a", "b", "c"))
OTHER_EXIT = (*THREE, ("d", INGRESS, "eu"))


def ridden(bed: DatagramBed, player: Player) -> set[str]:
    """The paths over which anything of the flow of *player* has come at the exit."""
    assert player.flow is not None
    return {name for name in "abc" if player.flow.id in bed.came_by.get(name, ())}


@with_bed(THREE, kind=DatagramBed)
async def test_they_keep_to_their_paths_while_one_dies(bed: DatagramBed) -> None:
    await bed.up()
    bound, free = Player(bed, within="bc"), Player(bed)
    bound.play()
    free.play()
    await bed.run(1.0)
    assert bound.flow is not None and free.flow is not None
    assert (bound.flow.way.route.primary, free.flow.way.route.primary) == ("b", "a")
    assert (bound.flow.within, free.flow.within) == (frozenset("bc"), None)
    at = bed.loop.now
    bed.spoil("b", up=1.0, down=1.0)
    await bed.run(1.0)
    assert bound.flow.way.route.primary == "c"
    assert bound.longest_gap(at) <= 0.25 and free.longest_gap(at) <= 0.1
    assert ridden(bed, bound) == {"b", "c"}
    assert free.flow.way.route.primary == "a"


@with_bed(THREE, kind=DatagramBed)
async def test_with_no_path_left_they_are_dropped(bed: DatagramBed) -> None:
    await bed.up()
    bound = Player(bed, within="b")
    bound.play()
    await bed.run(1.0)
    bed.spoil("b", up=1.0, down=1.0)
    bed.hold("b")
    await bed.run(1.5)
    came = len(bound.came)
    assert ridden(bed, bound) == {"b"} and bound.came[-1][0] < bed.loop.now - 1.0
    bed.release("b")
    bed.spoil("b")
    await bed.until(lambda: len(bound.came) > came, most=60.0)


@with_bed(THREE, kind=DatagramBed)
@pytest.mark.parametrize("knows", [True, False])
async def test_an_exit_is_told_where_it_knows_what_that_means(bed: DatagramBed, knows: bool) -> None:
    if not knows:
        bed.features = Feature.DATAGRAMS
    await bed.up()
    bound = Player(bed, within="bc")
    assert bound.flow is not None and bound.flow.way.mark == (BOUND if knows else 0)
    bound.send()
    bound.flow.send(TARGET, [bytes(3000)])
    await bed.run(0.5)
    assert bound.numbers == [1]


@with_bed(THREE, kind=DatagramBed)
async def test_what_is_for_some_paths_only_lives_as_long_as_its_flows(bed: DatagramBed) -> None:
    await bed.up()
    one, other = Player(bed, within="bc"), Player(bed, within="bc")
    assert one.flow is not None and other.flow is not None
    way = bed.datagrams.ways["us"]
    assert one.flow.way is other.flow.way and way.all[1:] == (one.flow.way,)
    assert bed.datagrams.exits(frozenset("bc")) == {"us"} and bed.datagrams.exits(frozenset("x")) == frozenset()
    one.flow.close()
    assert len(way.all) == 2
    other.flow.close()
    assert len(way.all) == 1


@with_bed(OTHER_EXIT, exits=("us", "eu"), kind=DatagramBed)
@pytest.mark.parametrize(("within", "expected"), [("abcd", "eu"), ("abc", "us")])
async def test_they_leave_an_exit_only_for_one_that_they_may_reach(
    bed: DatagramBed, within: str, expected: str
) -> None:
    await bed.up()
    player = Player(bed, within=within)
    player.play()
    await bed.run(1.0)
    for name in "abc":
        bed.spoil(name, up=1.0, down=1.0)
        bed.hold(name)
    await bed.run(2.0)
    assert player.flow is not None and player.flow.exit == expected
    assert (player.numbers[-1] > 120) == (expected == "eu")


@with_bed(THREE, kind=DatagramBed)
async def test_another_session_ends_them_like_any_others(bed: DatagramBed) -> None:
    await bed.up()
    player = Player(bed, within="bc")
    bed.datagrams.session_over("us")
    assert player.flow is None


@with_bed(THREE, kind=DatagramBed)
async def test_a_flow_that_runs_may_be_given_other_paths_and_loses_nothing(bed: DatagramBed) -> None:
    await bed.up()
    player, other = Player(bed), Player(bed, within="bc")
    player.play()
    other.play()
    await bed.run(1.0)
    flow, at = player.flow, bed.loop.now
    assert flow is not None and flow.way.route.primary == "a"
    assert not flow.follow(frozenset("x")) and flow.within is None
    for within, primary in (("bc", "b"), ("c", "c"), (None, "a"), ("b", "b")):
        paths = None if within is None else frozenset(within)
        assert flow.follow(paths) and flow.follow(paths) and flow.within == paths
        await bed.run(0.3)  # what was under way has come
        bed.came_by.clear()
        await bed.run(0.7)
        assert flow.way.route.primary == primary
        assert {name for name in "abc" if flow.id in bed.came_by.get(name, ())} <= set(within or "abc")
    assert player.flow is flow and player.longest_gap(at) <= 0.15
    assert player.numbers[-1] > 280 and len(set(player.numbers)) == len(player.numbers) >= player.numbers[-1] - 2
    assert len(bed.datagrams.ways["us"].all) == 3
    flow.close()
    other.play = lambda: None  # type: ignore[method-assign]
    assert not flow.follow(None) and len(bed.datagrams.ways["us"].all) == 2
