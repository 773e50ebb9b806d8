"""Datagrams and lines that carry nothing new, or only stand in: flows leave without a gap, and copies stay away."""

from tests.ingress.paths.datagram_bed import DatagramBed, Player
from tests.ingress.paths.fleet_bed import INGRESS, with_bed

DISJOINT = (("a", INGRESS, "us"), ("b", INGRESS, "us"))
ONE = DISJOINT[:1]


@with_bed(DISJOINT, kind=DatagramBed)
async def test_a_game_leaves_a_closed_line_without_a_gap(bed: DatagramBed) -> None:
    await bed.up()
    player = Player(bed)
    player.play()
    await bed.run(3.0)
    assert bed.route()[0] == "a"
    bed.fleet.standings.close("quota", {"a": "its quota is used"})
    closed = bed.loop.now
    await bed.run(1.0)
    assert bed.route()[0] == "b"
    bed.fleet.moving.end_on("a", "its quota is used")
    await bed.run(1.0)
    player.is_playing = False
    await bed.run(0.5)
    assert bed.route() == ("b", None)
    assert player.longest_gap(closed - 0.1) <= 0.1
    bed.fleet.standings.close("quota", {})
    await bed.run(1.0)
    assert bed.route()[1] == "a"


@with_bed(ONE, kind=DatagramBed)
async def test_what_has_no_other_path_goes_on_until_its_time_is_over(bed: DatagramBed) -> None:
    await bed.up()
    player = Player(bed)
    player.send()
    await bed.run(0.3)
    bed.fleet.standings.close("quota", {"a": "its quota is used"})
    player.send()
    await bed.run(0.3)
    assert player.numbers == [1, 2]
    bed.fleet.moving.end_on("a", "its quota is used")
    await bed.run(6.0)
    player.send()
    await bed.run(0.3)
    assert player.numbers == [1, 2]


@with_bed(DISJOINT, kind=DatagramBed)
async def test_no_copies_go_over_lines_that_stand_in(bed: DatagramBed) -> None:
    await bed.up()
    bed.fleet.standings.stand_in({name: f"the quota of line {name} is nearly used" for name in "ab"})
    for line in ("a", "b"):
        bed.spoil(line, up=0.05, down=0.05)
    player = Player(bed)
    player.play()
    await bed.run(5.0)
    player.is_playing = False
    await bed.run(0.5)
    lost = 1 - len(player.numbers) / player.sent
    assert lost > 0.04  # with copies it is next to nothing
    assert not bed.datagrams.ways["us"].copies


@with_bed(DISJOINT, kind=DatagramBed)
async def test_a_line_that_stands_in_is_no_spare_of_one_that_does_not(bed: DatagramBed) -> None:
    await bed.up()
    bed.fleet.standings.stand_in({"a": "the quota of line a is nearly used"})
    player = Player(bed)
    player.play()
    await bed.run(8.0)
    player.is_playing = False
    assert bed.route() == ("b", None)
