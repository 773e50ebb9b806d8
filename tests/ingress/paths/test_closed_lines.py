"""Lines that carry nothing new, and lines that only stand in: what leaves them, what goes there no more."""

from ingress.choice.demand import Demand
from relay.model.cause import Cause
from tests.ingress.paths.fleet_bed import INGRESS, THREE_LINES, FleetBed, with_bed

USED = {"direct": "the quota of line direct is used"}


def taken(bed: FleetBed) -> str | None:
    """The path that a new stream takes."""
    choice = bed.fleet.chooser.decide(Demand("target.test", 443), bed.loop.now)
    return None if choice is None else choice.paths[0]


@with_bed()
async def test_what_rides_on_a_closed_line_leaves_by_plan_and_nothing_new_goes_there(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("direct")
    await client.exchange()
    bed.fleet.standings.close("quota", USED)
    await bed.until(lambda: client.paths == ["ix/pacific"])
    await client.exchange()
    assert bed.live["direct"].counters.moves == 1
    assert [told["why"] for told in bed.logged("streams-moved")] == ["the quota of line direct is used"]
    assert taken(bed) == "ix/pacific"
    assert bed.live["direct"].thin is not None and not bed.live["direct"].is_usable
    bed.fleet.standings.close("quota", {})
    await bed.run(0.3)
    assert bed.live["direct"].is_usable and taken(bed) == "direct"


@with_bed()
async def test_a_closed_line_takes_nobody_even_if_nothing_else_is_there(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("direct")
    bed.fleet.standings.close("hold", USED)
    bed.fleet.standings.close("quota", {"pacific": "the quota of line pacific is used"})
    await bed.run(0.3)
    assert taken(bed) is None
    assert client.paths == ["direct"]  # it goes on where it is, as long as it may
    await client.exchange()


@with_bed()
async def test_who_has_found_no_other_path_is_reset_when_the_time_is_over(bed: FleetBed) -> None:
    await bed.up()
    stays, both = bed.open("direct", within=["direct"]), bed.open("direct", "ix/pacific", legs=2)
    await stays.exchange()
    bed.fleet.standings.close("quota", USED)
    bed.fleet.moving.end_on("pacific", "it is not closed")
    await bed.run(0.3)
    assert stays.paths == ["direct"] and both.paths == ["ix/pacific"]
    bed.fleet.moving.end_on("direct", "the quota of line direct is used")
    await bed.run(0.3)
    assert stays.sink.cause is Cause.NO_PATH and stays.stream.is_over
    assert both.sink.cause is None
    assert bed.live["direct"].is_barred and bed.live["direct"].counters.lost == {"no-path": 1}
    assert [(told["count"], told["path"]) for told in bed.logged("streams-ended")] == [(1, "direct")]
    bed.fleet.standings.close("quota", {})
    await bed.run(0.3)
    assert not bed.live["direct"].is_barred


@with_bed()
async def test_who_may_fall_through_does_so_instead_of_being_reset(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("direct", within=["direct"], falls=True)
    await client.exchange()
    bed.fleet.standings.close("quota", USED)
    await bed.run(1.0)
    assert client.paths == ["direct"]
    bed.fleet.moving.end_on("direct", USED["direct"])
    await bed.until(lambda: client.paths == ["ix/pacific"])
    bed.fleet.moving.end_on("direct", USED["direct"])
    await client.exchange()
    assert client.sink.cause is None


@with_bed(THREE_LINES)
async def test_no_copy_and_no_spare_goes_over_a_line_that_stands_in(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("a", "b", legs=2)
    await client.exchange()
    bed.fleet.standings.stand_in({name: f"the quota of line {name} is nearly used" for name in "bc"})
    await bed.until(lambda: client.paths == ["a"])
    await bed.run(3.0)
    assert client.paths == ["a"]
    assert taken(bed) == "a"
    await bed.until(lambda: not bed.live["b"].bulk and not bed.live["c"].bulk, most=90.0)
    assert bed.live["a"].bulk
    bed.fleet.standings.close("quota", {"a": "the quota of line a is used"})
    await bed.run(0.3)
    assert taken(bed) in ("b", "c")


@with_bed((("direct", INGRESS, "us"),))
async def test_bulk_gets_its_carrier_on_a_backup_as_well_and_no_spare_beside_it(bed: FleetBed) -> None:
    bed.fleet.standings.stand_in({"direct": "the quota of line direct is nearly used"})
    await bed.up()
    assert not bed.live["direct"].bulk
    client = bed.open("direct")
    await client.exchange()
    bed.fleet.bulk.noticed(client.stream)
    await bed.until(lambda: client.is_bulk)
    for _ in range(4):
        client.target.stream.write(bytes(1 << 20))
        await bed.run(1.0)
    assert client.is_bulk and bed.live["direct"].spare() is None


@with_bed((("direct", INGRESS, "us"),))
async def test_a_line_that_is_planned_while_it_is_closed_begins_so(bed: FleetBed) -> None:
    bed.fleet.standings.close("hold", {"ix": "held by hand"})
    bed.replan((("direct", INGRESS, "us"), ("ix", INGRESS, "us")))
    await bed.up()
    assert bed.live["ix"].is_closed and not bed.live["direct"].is_closed
