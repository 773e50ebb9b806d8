"""Streams that may ride on some paths only: whatever dies, stalls, drains or is taken from the file, they ride on no
other."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingress.choice.demand import Demand
from ingress.paths import bounds
from ingress.paths.moving import KEPT
from relay.model.cause import Cause
from tests.ingress.paths.fleet_bed import INGRESS, Client, FleetBed, with_bed

FOUR_LINES = tuple((name, INGRESS, "us") for name in ("a", "b", "c", "d"))
OTHER_EXIT = (*FOUR_LINES, ("e", INGRESS, "eu"))


def restrict(bed: FleetBed, *names: str) -> None:
    """Rules are in force that leave every stream these paths; none for all."""
    paths = frozenset(names) or None
    bed.fleet.rule_anew(lambda demand: Demand(demand.host, demand.port, paths=paths))


async def watch(bed: FleetBed, client: Client, seconds: float) -> set[str]:
    """The paths that it rides on meanwhile."""
    seen = set[str]()
    for _ in range(round(seconds / 0.05)):
        await bed.run(0.05)
        seen |= set(client.paths)
    return seen


@with_bed(FOUR_LINES)
async def test_a_rescue_goes_only_where_the_stream_may(bed: FleetBed) -> None:
    await bed.up()
    bound, free = bed.open("a", within="ac"), bed.open("a")
    await bound.exchange()
    bed.hold("a")
    seen = await watch(bed, bound, 2.0)
    assert (seen, free.paths) == ({"a", "c"}, ["d"])
    await bound.exchange()


@with_bed(FOUR_LINES)
async def test_with_nothing_left_it_waits_and_goes_on_when_one_is_back(bed: FleetBed) -> None:
    await bed.up()
    bound = bed.open("a", within="a")
    await bound.exchange()
    bed.lines["a"].refuses = True
    bed.cut("a")
    assert await watch(bed, bound, 10.0) == set()
    bed.lines["a"].refuses = False
    await bed.until(lambda: bound.paths == ["a"])
    await bound.exchange()


@with_bed(FOUR_LINES)
async def test_one_that_waits_too_long_is_reset(bed: FleetBed) -> None:
    await bed.up()
    bound, free = bed.open("a", within="a"), bed.open("a")
    await bound.exchange()
    bed.lines["a"].refuses = True
    bed.cut("a")
    await bed.run(KEPT - 1)
    assert bound.sink.cause is None
    await bed.run(2.0)
    assert bound.sink.cause is Cause.SESSION_EXPIRED
    assert bed.fleet.moving.detached == 0
    await free.exchange()


@with_bed(FOUR_LINES)
async def test_one_that_may_fall_through_does_so_for_good(bed: FleetBed) -> None:
    await bed.up()
    stalled, cut = bed.open("a", within="a", falls=True), bed.open("d", within="d", falls=True)
    bed.lines["d"].refuses = True
    bed.hold("a")
    bed.cut("d")
    await bed.run(2.0)
    assert {*stalled.paths, *cut.paths} <= {"b", "c"} and stalled.paths and cut.paths
    await stalled.exchange()
    await cut.exchange()
    assert len(bed.fleet.moving.bounds) == 0


@with_bed(FOUR_LINES)
async def test_while_another_of_its_paths_works_nothing_falls_through(bed: FleetBed) -> None:
    await bed.up()
    bound = bed.open("a", within="ad", falls=True)
    bed.hold("a")
    assert await watch(bed, bound, 2.0) == {"a", "d"}
    assert len(bed.fleet.moving.bounds) == 1


@with_bed(FOUR_LINES)
async def test_a_removed_path_is_left_for_one_that_may_carry_it(bed: FleetBed) -> None:
    await bed.up()
    bound, free, alone = bed.open("a", within="ad"), bed.open("a"), bed.open("a", within="a")
    for client in (bound, free, alone):
        await client.exchange()
    bed.replan(FOUR_LINES[1:])
    assert (bound.paths, free.paths, alone.paths) == (["d"], ["d"], ["a"])
    assert await watch(bed, alone, 5.0) == {"a"}  # what it has still is delivered; then it has nothing
    assert alone.paths == []


@with_bed(FOUR_LINES)
async def test_bulk_is_placed_and_moved_within_its_paths(bed: FleetBed) -> None:
    await bed.up()
    bound = bed.open("a", within="ad")
    await bound.exchange()
    bed.fleet.bulk.noticed(bound.stream)
    await bed.run(1.0)
    assert bound.is_bulk and bound.paths[0] in "ad"
    bound.target.stream.write(os.urandom(1 << 16))
    assert await watch(bed, bound, 5.0) <= {"a", "d"}


@with_bed(FOUR_LINES)
async def test_the_legs_of_a_pair_are_of_its_paths(bed: FleetBed) -> None:
    await bed.up()
    pair = bed.open("a", "d", legs=2, within="acd")
    await pair.exchange()
    bed.lines["a"].refuses = True
    bed.cut("a")
    await bed.run(1.0)
    assert sorted(pair.paths) == ["c", "d"]
    bed.lines["d"].refuses = True
    bed.cut("d")
    assert await watch(bed, pair, 3.0) == {"c"}  # b would be a second leg, and may not
    await pair.exchange()


# ---- other rules


@with_bed(FOUR_LINES)
async def test_rules_that_take_its_path_have_a_running_stream_leave_by_plan(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("a")
    await client.exchange()
    restrict(bed, "b", "c")
    await bed.run(0.1)
    assert client.paths == ["b"]
    assert bed.logged("streams-moved")[-1]["why"] == "its rule"
    await client.exchange()
    restrict(bed)
    await bed.run(0.1)
    assert (client.paths, len(bed.fleet.moving.bounds)) == (["b"], 0)


@with_bed(FOUR_LINES)
async def test_it_leaves_once_there_is_somewhere_to_go(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("a")
    bed.lines["d"].refuses = True
    bed.cut("d")
    await client.exchange()
    restrict(bed, "d")
    await bed.run(3.0)
    assert client.paths == ["a"]
    bed.lines["d"].refuses = False
    await bed.until(lambda: client.paths == ["d"], most=120.0)
    await client.exchange()


@with_bed(OTHER_EXIT, exits=("us", "eu"))
async def test_a_stream_keeps_its_exit_though_the_rules_leave_no_path_there(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("a", within="ab")
    await client.exchange()
    restrict(bed, "e")
    bed.hold("a")
    assert await watch(bed, client, 2.0) == {"a", "b"}  # and goes on as it was ruled


@with_bed(FOUR_LINES)
async def test_many_streams_are_ruled_a_part_in_each_turn(bed: FleetBed) -> None:
    await bed.up()
    bed.patch.setattr(bounds, "SLICE", 2)
    clients = [bed.open("a") for _ in range(5)]
    await clients[0].exchange()
    await clients[0].finish()
    restrict(bed, "b")
    await bed.run(0.1)
    assert [client.paths for client in clients[1:]] == [["b"]] * 4
    assert len(bed.fleet.moving.bounds) == 4


@with_bed(FOUR_LINES)
async def test_what_nobody_has_asked_for_is_ruled_by_nothing(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("a")
    client.stream.note = None
    restrict(bed, "b")
    bed.hold("a")
    await bed.run(2.0)
    assert client.paths == ["d"]
    assert bounds.demand_of(client.target.stream) is None
    assert not bed.fleet.moving.bounds.fall_through(client.stream)


FAULTS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["hold", "release", "cut", "rule"])), max_size=6)


@pytest.mark.parametrize("within", ["ab", "bcd"])
def test_whatever_happens_it_rides_on_no_other_path(within: str) -> None:
    @settings(max_examples=4, deadline=None)
    @given(faults=FAULTS)
    @with_bed(FOUR_LINES)
    async def check(bed: FleetBed, faults: list[tuple[str, str]]) -> None:
        await bed.up()
        client = bed.open(within[0], within=within)
        for line, fault in faults:
            if fault == "rule":
                restrict(bed, *within)
            else:
                getattr(bed, fault)(line)
            assert await watch(bed, client, 0.5) <= set(within)

    check()
