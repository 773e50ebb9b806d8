"""Redundant streams: two legs that share no line, another when one is gone, better ones when they are much better."""

import attrs
import pytest

from ingress.choice.moves import WORSE_FOR, Move, MoveKind
from relay.model.cause import Cause
from tests.ingress.paths.fleet_bed import INGRESS, THREE_LINES, FleetBed, with_bed


def improve_for_long(bed: FleetBed) -> None:
    """As often as it takes."""
    for seconds in range(int(WORSE_FOR) + 1):
        bed.fleet.moving.pairs.improve(bed.loop.now + seconds)


def rank(bed: FleetBed, seconds: float, **costs: float) -> None:
    """The ranking as it would be with these round trips."""
    found = [
        attrs.evolve(entry.figures, round_trip=costs[entry.name], deviation=0.0, late=0.0)
        for entry in bed.fleet.chooser.ranking.order
    ]
    bed.fleet.chooser.rank(found, bed.loop.now + seconds)


SHARED = (("ix", INGRESS, "jp"), ("p1", "jp", "us"), ("p2", "jp", "us"))


@with_bed()
async def test_a_stream_that_was_opened_on_one_path_gets_a_second_leg(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("direct", legs=2)
    assert client.paths == ["direct"]
    await bed.run(0.3)
    assert client.paths == ["direct", "ix/pacific"]
    await client.exchange()
    assert bed.logged("second-leg-joined") == [
        {"level": "debug", "stream": client.stream.id, "path": "direct", "to": "ix/pacific"}
    ]


@with_bed()
async def test_a_leg_that_is_lost_is_replaced_and_the_stream_never_stands_still(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("direct", "ix/pacific", legs=2)
    await client.exchange()
    bed.cut("ix")
    await client.exchange(0.1)
    assert client.paths == ["direct"]
    await bed.until(lambda: client.paths == ["direct", "ix/pacific"])
    assert all(live.counters.resumes == 0 for live in bed.live.values())


@with_bed(SHARED)
async def test_paths_that_share_a_line_are_no_pair(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("ix/p1", legs=2)
    await bed.run(3.0)
    assert client.paths == ["ix/p1"]
    improve_for_long(bed)
    assert client.paths == ["ix/p1"]


@with_bed()
async def test_a_partner_whose_carrier_is_gone_since_the_ranking_is_not_joined(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("direct", legs=2)
    partner = bed.live["ix/pacific"]
    assert partner.thin is not None
    partner.thin.close("gone")
    assert list(bed.fleet.moving.pairs.complete()) == []
    assert client.paths == ["direct"]


@with_bed(THREE_LINES)
async def test_a_path_that_is_no_longer_ranked_has_no_partner(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("a", legs=2)
    bed.replan(THREE_LINES[1:])
    client_paths = client.paths
    bed.fleet.chooser.rank([], bed.loop.now)
    assert list(bed.fleet.moving.pairs.complete()) == []
    improve_for_long(bed)
    assert client.paths == client_paths


BETTER = [
    # delays one way of a, b, c, and whether a stream on b and c changes to a and b
    ((0.03, 0.04, 0.05), True),  # its better leg costs 80 ms where it could cost 60
    ((0.039, 0.04, 0.044), False),  # nothing worth a move
    ((0.03, 0.03, 0.08), True),  # its worse leg is much worse
]


@pytest.mark.parametrize(("delays", "changes"), BETTER)
@with_bed(THREE_LINES)
async def test_legs_that_are_much_worse_than_the_best_pair_change(
    bed: FleetBed, delays: tuple[float, float, float], changes: bool
) -> None:
    for name, delay in zip("abc", delays, strict=True):
        bed.lines[name].delay = delay
    await bed.up()
    client = bed.open("b", "c", legs=2)
    await bed.run(WORSE_FOR - 0.1)
    assert set(client.paths) == {"b", "c"}
    await bed.run(1.2)
    assert set(client.paths) == ({"a", "b"} if changes else {"b", "c"})
    await client.exchange()


@with_bed(THREE_LINES)
async def test_weather_that_passes_changes_no_pair_and_one_that_changed_rests(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("b", "c", legs=2)
    pairs, now = bed.fleet.moving.pairs, bed.loop.now
    for seconds, cost in ((0, 0.05), (2, 0.05), (3, 0.1), (4, 0.05), (6, 0.05), (8, 0.05)):
        rank(bed, seconds, a=cost, b=0.1, c=0.1)
        pairs.improve(now + seconds)
        assert set(client.paths) == ({"a", "b"} if seconds == 8 else {"b", "c"})
    for seconds in range(9, 18):
        rank(bed, seconds, a=0.2, b=0.1, c=0.1)
        pairs.improve(now + seconds)
        assert set(client.paths) == ({"a", "b"})
    for seconds in range(18, 23):
        rank(bed, seconds, a=0.2, b=0.1, c=0.1)
        pairs.improve(now + seconds)
    assert set(client.paths) == {"b", "c"}


@with_bed(THREE_LINES)
async def test_a_pair_of_which_one_has_just_gone_is_no_better(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("b", "c", legs=2)
    thin = bed.live["a"].thin
    assert thin is not None
    thin.close("gone")
    improve_for_long(bed)
    assert client.paths == ["b", "c"]


@with_bed(THREE_LINES)
async def test_a_rescue_takes_off_one_leg_and_leaves_the_other(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("a", "b", legs=2)
    await client.exchange()
    bed.fleet.moving.execute(Move("a", "c", MoveKind.ALL, False, "silent"))
    assert client.paths == ["b"]
    await bed.run(0.3)
    assert client.paths == ["b", "a"]
    await client.exchange()


@with_bed(THREE_LINES)
async def test_with_its_only_leg_on_the_silent_path_it_goes_where_all_go(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("a", legs=2)
    bed.fleet.moving.execute(Move("a", "c", MoveKind.ALL, False, "silent"))
    assert client.paths == ["c"]
    await client.exchange()


@with_bed(THREE_LINES)
async def test_thin_moves_are_not_about_them(bed: FleetBed) -> None:
    await bed.up()
    client, thin = bed.open("a", "b", legs=2), bed.open("a")
    bed.fleet.moving.execute(Move("a", "c", MoveKind.THIN, True, "20 ms worse"))
    assert client.paths == ["a", "b"]
    assert thin.paths == ["c"]


@with_bed(THREE_LINES)
async def test_they_are_counted_on_each_path_and_forgotten_when_over(bed: FleetBed) -> None:
    await bed.up()
    pairs = bed.fleet.moving.pairs
    assert pairs.count_on(bed.live["a"]) == 0
    first, second = bed.open("a", "b", legs=2), bed.open("b", "c", legs=2)
    bed.open("a")
    assert {name: pairs.count_on(bed.live[name]) for name in "abc"} == {"a": 1, "b": 2, "c": 1}
    assert first.stream in pairs and len(pairs) == 2
    await bed.run(0.3)
    assert bed.fleet.traffic["a"].redundant == 1
    assert bed.fleet.traffic["a"].thin == 1
    first.stream.reset(Cause.CLIENT_RESET)
    await second.finish()
    assert len(pairs) == 0
