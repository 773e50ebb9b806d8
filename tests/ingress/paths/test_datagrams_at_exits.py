"""Flows leave an exit that reaches nothing or stops, over a network of virtual lines that carry datagrams."""

from ingress.choice.exit_health import Sickness, Trouble
from relay.model.cause import Cause
from relay.wire import bodies
from relay.wire.frames import HEADER_SIZE, Kind
from tests.ingress.paths.datagram_bed import DatagramBed, Player
from tests.ingress.paths.fleet_bed import INGRESS, with_bed

TWO_EXITS = (("a", INGRESS, "us"), ("b", INGRESS, "eu"))


@with_bed(TWO_EXITS, exits=("us", "eu"), kind=DatagramBed)
async def test_what_hears_nothing_leaves_an_exit_that_reaches_no_targets(bed: DatagramBed) -> None:
    await bed.up()
    silent, heard, idle = Player(bed), Player(bed), Player(bed)
    for player in (silent, heard):
        player.play()
    await bed.run(0.5)
    assert silent.flow is not None
    bed.far["us"].silenced.add(silent.flow.id)
    bed.patch.setattr(bed.fleet.chooser.health, "sick", {"us": Sickness("us", Trouble.SILENT, 0.0)})
    await bed.run(2.5)
    assert bed.datagrams.exits() == {"eu"}
    assert [player.flow and player.flow.exit for player in (silent, heard, idle)] == ["eu", "us", "us"]
    assert len(bed.far["us"].ended) == len(bed.logged("association-leaves-exit")) == 1
    moved = bed.loop.now
    await bed.run(0.5)
    assert silent.came_since(moved) >= 25


@with_bed(TWO_EXITS, exits=("us", "eu"), kind=DatagramBed)
async def test_where_all_exits_reach_no_targets_flows_stay(bed: DatagramBed) -> None:
    await bed.up()
    player = Player(bed)
    player.play()
    await bed.run(0.5)
    assert player.flow is not None
    bed.far["us"].silenced.add(player.flow.id)
    bed.patch.setattr(
        bed.fleet.chooser.health, "sick", {name: Sickness(name, Trouble.SILENT, 0.0) for name in ("us", "eu")}
    )
    await bed.run(2.5)
    assert bed.datagrams.exits() == {"us", "eu"} and player.flow is not None and player.flow.exit == "us"


@with_bed(TWO_EXITS, exits=("us", "eu"), kind=DatagramBed)
async def test_an_exit_that_stops_hands_its_associations_over_and_brings_what_was_under_way(bed: DatagramBed) -> None:
    await bed.up()
    player = Player(bed)
    player.play()
    await bed.run(1.0)
    before = player.flow
    assert before is not None and before.exit == "us"
    bed.nodes["us"].drain()
    await bed.run(1.5)
    assert player.flow is before and bed.live["a"].thin is not None, "it is kept as long as its exit works"
    bed.datagrams.notice(bed.live["a"], Kind.ASSOC_GONE, bodies.assoc_gone(before.id, Cause.DRAINING)[HEADER_SIZE:])
    await bed.run(1.0)
    player.is_playing = False
    await bed.run(2.0)
    assert player.flow is not None and player.flow.exit == "eu"
    assert sorted(player.numbers) == list(range(1, player.sent + 1))
    assert bed.far["us"].ended == [before.id]
    await bed.run(1.5)
    assert bed.live["a"].thin is None, "nothing needs it any more"
    bed.datagrams.notice(bed.live["a"], Kind.ASSOC_GONE, bodies.assoc_gone(before.id, Cause.DRAINING)[HEADER_SIZE:])
