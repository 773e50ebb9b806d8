"""Paths that police UDP: what is much goes by TCP, what is thin stays, and UDP is tried again (U36)."""

import pytest

from ingress.measure import policing
from ingress.measure.policing import FIRST_WAIT
from ingress.paths.detours import CALMED, IDLE
from tests.ingress.paths.datagram_bed import DatagramBed, Player, Policer, Weather
from tests.ingress.paths.fleet_bed import INGRESS, with_bed

ONE = (("direct", INGRESS, "us"),)
RATE = 20_000.0
PACE, SIZE = 80.0, 1000
"""Four times as much; and `MANY`, so that a test has less to seal."""
FEW = 60.0


def police(bed: DatagramBed, line: str = "direct", rate: float = RATE, burst: float = RATE) -> None:
    bed.weather[line] = Weather(policer=Policer(rate, burst))
    bed.patch.setattr(policing, "MANY", FEW)


async def poured(bed: DatagramBed, seconds: float) -> Player:
    player = Player(bed)
    player.pour(PACE, SIZE)
    await bed.run(seconds)
    return player


async def policed(bed: DatagramBed) -> Player:
    """Somebody pours until it goes by TCP."""
    player = await poured(bed, 0.0)
    await bed.until(lambda: player.flow is not None and player.flow.detour is not None, 6.0)
    return player


@with_bed(ONE, kind=DatagramBed)
async def test_u36_bulk_goes_by_tcp_and_a_game_stays(bed: DatagramBed) -> None:
    police(bed)
    await bed.up()
    game = Player(bed)
    game.play()
    bulk = await poured(bed, 0.3)
    assert bulk.flow is not None and game.flow is not None and bulk.flow.detour is None, "the burst passes"
    await bed.until(lambda: bulk.sent > len(bulk.came) + 0.2 * PACE + 10)
    began = bed.loop.now
    await bed.until(lambda: bulk.flow is not None and bulk.flow.detour is not None)
    assert bed.loop.now - began <= 2.0 and game.flow.detour is None
    found = bed.datagrams.ways["us"].paths["direct"].policing.policed
    assert found is not None and found.rate == pytest.approx(RATE, rel=1.0)
    assert [one["path"] for one in bed.logged("udp-policed")] == ["direct"]
    await bed.run(1.0)
    moved, sent, played, came = bed.loop.now, bulk.sent, game.sent, len(game.came)
    await bed.run(3.0)
    assert bulk.came_since(moved) >= 0.98 * (bulk.sent - sent)
    assert len(game.came) - came >= 0.995 * (game.sent - played)
    assert len(bulk.numbers) == len(set(bulk.numbers))


@with_bed(ONE, kind=DatagramBed)
async def test_u36_it_is_tried_again_and_found_healed(bed: DatagramBed) -> None:
    bed.patch.setattr(policing, "HEALED", 2.0)
    police(bed)
    await bed.up()
    bulk = await policed(bed)
    path = bed.datagrams.ways["us"].paths["direct"]
    assert path.policing.policed is not None and path.policing.policed.wait == FIRST_WAIT
    bulk.is_pouring = False
    await bed.run(FIRST_WAIT + 1)
    bulk = await policed(bed)
    assert path.policing.policed is not None and path.policing.policed.wait == 2 * FIRST_WAIT
    bed.spoil("direct")
    bulk.is_pouring = False
    await bed.run(2 * FIRST_WAIT + 1)
    bulk = Player(bed)
    bulk.pour(PACE, SIZE)
    await bed.until(lambda: path.policing.policed is None)
    assert len(bed.logged("udp-free")) == 1 and bulk.flow is not None and bulk.flow.detour is None


@with_bed(ONE, kind=DatagramBed)
async def test_a_line_that_loses_at_any_rate_is_not_policed(bed: DatagramBed) -> None:
    bed.patch.setattr(policing, "MANY", 150.0)
    bed.spoil("direct", up=0.05, down=0.05)
    await bed.up()
    game = Player(bed)
    game.play()
    await bed.run(4.0)
    game.is_playing = False
    player = Player(bed)
    player.pour(2 * 150.0, SIZE)
    await bed.run(1.5)
    assert bed.datagrams.ways["us"].paths["direct"].policing.policed is None


@with_bed(ONE, kind=DatagramBed)
async def test_where_tcp_loses_as_much_udp_is_taken_again(bed: DatagramBed) -> None:
    police(bed)
    bed.is_tcp_poor = True
    await bed.up()
    bulk = await policed(bed)
    await bed.until(lambda: bool(bed.logged("udp-policed-tcp-too")))
    await bed.run(1.0)
    assert bulk.flow is not None and bulk.flow.detour is None
    found = bed.datagrams.ways["us"].paths["direct"].policing.policed
    assert found is not None and not found.by_tcp and bed.loop.now + 30 < found.until


@with_bed(ONE, kind=DatagramBed)
async def test_what_has_calmed_down_goes_by_udp_and_the_carrier_is_let_go(bed: DatagramBed) -> None:
    police(bed)
    await bed.up()
    bulk = await policed(bed)
    assert bulk.flow is not None and bulk.flow.detour is not None and len(bed.carriers) == 1
    label = bulk.flow.detour.labeling.label
    bulk.is_pouring = False
    bulk.play()
    await bed.run(CALMED + 2.0)
    assert bulk.flow.detour is None and len(bed.carriers) == 1
    await bed.run(IDLE + 1.0)
    assert bed.carriers == [] and not bed.datagrams.ways["us"].detours
    assert not any(known[1:] == label[1:] for known in bed.datagrams._by_label)


@with_bed(ONE, kind=DatagramBed)
async def test_a_carrier_that_is_lost_leaves_udp_until_it_is_back(bed: DatagramBed) -> None:
    police(bed)
    await bed.up()
    bulk = await policed(bed)
    assert bulk.flow is not None and bulk.flow.detour is not None
    bed.lines["direct"].refuses = True
    bed.carriers[0].connection.cut()
    await bed.until(lambda: bulk.flow is not None and bulk.flow.detour is None, 1.0)
    bed.lines["direct"].refuses = False
    await bed.until(lambda: bulk.flow is not None and bulk.flow.detour is not None, 5.0)


@with_bed(ONE, kind=DatagramBed)
async def test_another_session_knows_no_detours(bed: DatagramBed) -> None:
    police(bed)
    await bed.up()
    bulk = await policed(bed)
    assert bulk.flow is not None and bulk.flow.detour is not None
    bulk.is_pouring = False
    bed.nodes["us"].restart()
    await bed.until(lambda: bulk.flow is None)
    assert not bed.datagrams.ways["us"].detours
    await bed.up()
    await bed.run(1.0)
    assert bed.carriers == []


@with_bed((*ONE, ("other", INGRESS, "us")), kind=DatagramBed)
async def test_a_primary_that_is_lost_is_left_by_what_goes_round_it_too(bed: DatagramBed) -> None:
    police(bed)
    await bed.up()
    bed.hold("other")
    bulk = await policed(bed)
    bed.release("other")
    await bed.run(3.0)
    assert bed.route()[0] == "direct" and bulk.flow is not None and bulk.flow.detour is not None
    bed.hold("direct")
    await bed.run(1.0)
    assert bed.route()[0] == "other" and bulk.flow.detour is None
    moved = bed.loop.now
    await bed.run(1.0)
    assert bulk.came_since(moved) >= 0.8 * PACE


@with_bed(ONE, kind=DatagramBed)
async def test_a_new_carrier_of_the_path_says_both_labels_again(bed: DatagramBed) -> None:
    police(bed)
    await bed.up()
    bulk = await policed(bed)
    said = bed.far["us"].labels_said
    thin = bed.live["direct"].thin
    for connection in bed.connections:
        if thin is not None and connection.near.sock is thin.tls.sock:
            connection.cut()
    await bed.run(3.0)
    assert bed.far["us"].labels_said == said + 2
    moved, sent = bed.loop.now, bulk.sent
    await bed.run(2.0)
    assert bulk.came_since(moved) >= 0.95 * (bulk.sent - sent)
