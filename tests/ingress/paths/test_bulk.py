"""Bulk on carriers of its own: who gets one, who waits, who goes back; and what each gets of its path."""

import pytest

from ingress.choice.moves import Move, MoveKind
from ingress.choice.offers import Bulk
from ingress.measure.capacity import Held, Seen, Way
from ingress.paths.bulk import CALM_SECONDS, SPARES_KEPT
from ingress.paths.live import MOST_BULK
from ingress.paths.ride import MEASURED
from ingress.paths.spares import WANTED_FOR
from relay.model.cause import Cause
from tests.ingress.paths.fleet_bed import INGRESS, THREE_LINES, Client, FleetBed, with_bed

BULKY = 1 << 20
"""Bytes a second that no calm stream has."""
MOVED = Move("a", "b", MoveKind.ALL, True, "node jp drains")


async def download(bed: FleetBed, client: Client, seconds: int, each: int = BULKY) -> None:
    """The target sends *each* bytes every second."""
    for _ in range(seconds):
        client.target.stream.write(bytes(each))
        await bed.run(1.0)


def knows(bed: FleetBed, **speeds: float) -> None:
    """These single-line paths are known to carry so much each way, in bytes per second; of others nothing is known."""
    capacities, now = bed.fleet.line_loads.capacities, bed.fleet.line_loads.wall(bed.loop.now)
    capacities.seen = {(name, way): Seen(speed, now) for name, speed in speeds.items() for way in Way}
    capacities.held = {path: Held(one.speed, now) for path, one in capacities.seen.items()}


async def on_bulk(bed: FleetBed, path: str = "a") -> Client:
    """A stream that has just been given a bulk carrier of *path*."""
    knows(bed, **{name: 1e9 if name == path else 1.0 for name in "abc"})
    client = bed.open("a")
    await client.exchange(0.2)
    bed.fleet.bulk.noticed(client.stream)
    await bed.until(lambda: client.is_bulk)
    assert client.paths == [path]
    return client


def riders(bed: FleetBed) -> dict[int, Bulk]:
    """What the choice is told, by the number of the stream."""
    return {bulk.stream[1]: bulk for bulk in bed.fleet.bulk.riders()}


# ---- who gets one


@with_bed(THREE_LINES)
async def test_who_fills_its_window_gets_a_carrier_of_its_own(bed: FleetBed) -> None:
    """Here nobody says it but the session, which sees the bytes."""
    await bed.up()
    bulk, thin = bed.open("a"), bed.open("a")
    await bulk.exchange()
    await thin.exchange()
    bulk.target.stream.write(bytes(2 * BULKY))
    await bed.until(lambda: bulk.is_bulk)
    assert not thin.is_bulk
    assert bulk.paths == thin.paths == ["a"]
    await bed.run(1.0)
    assert len(bulk.sink.data) == 2 * BULKY + 10
    assert bed.live["a"].spare() is not None  # another is warm already


@with_bed(THREE_LINES)
async def test_who_is_never_given_one(bed: FleetBed) -> None:
    await bed.up()
    noticed = bed.fleet.bulk.noticed
    bulk = await on_bulk(bed)
    carrier = bulk.stream.legs[0].carrier
    await bed.until(bed.live["a"].spare)
    redundant, pair_to_be, adrift = bed.open("a", "b", legs=2), bed.open("a", legs=2), bed.open("a")
    adrift.stream.leave()
    for client in (redundant, pair_to_be, bulk, adrift):
        noticed(client.stream)
    assert bulk.stream.legs[0].carrier is carrier
    assert not any(client.is_bulk for client in (redundant, pair_to_be, adrift))
    assert bed.live["a"].spare() is not None


@with_bed(THREE_LINES)
async def test_on_a_path_that_does_not_answer_nobody_becomes_bulk(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("a")
    for name in "abc":
        bed.hold(name)
    await bed.until(lambda: not bed.live["a"].is_usable)
    bed.fleet.bulk.noticed(client.stream)
    assert client.paths == ["a"] and not client.is_bulk


@with_bed(THREE_LINES)
async def test_without_a_free_carrier_they_wait_in_turn(bed: FleetBed) -> None:
    await bed.up()
    knows(bed, a=1e9, b=1.0, c=1.0)
    await bed.until(bed.live["a"].spare)
    clients = [bed.open("a") for _ in range(4)]
    for client in clients:
        bed.fleet.bulk.noticed(client.stream)
    assert [client.is_bulk for client in clients] == [True, False, False, False]
    clients[1].stream.reset(Cause.CLIENT_RESET)
    await bed.until(lambda: clients[2].is_bulk)
    assert not clients[3].is_bulk
    await bed.until(lambda: clients[3].is_bulk)
    assert len({client.stream.legs[0].carrier for client in clients if client.stream.legs}) == 3


@with_bed(THREE_LINES)
async def test_who_was_rescued_onto_the_carrier_of_another_gets_its_own(bed: FleetBed) -> None:
    await bed.up()
    one = await on_bulk(bed)
    await bed.until(bed.live["a"].spare)
    other = await on_bulk(bed)
    await bed.until(bed.live["b"].spare)
    bed.cut("a")
    await bed.run(0.001)
    assert one.stream.legs[0].carrier is other.stream.legs[0].carrier
    await bed.run(2.0)
    assert len(riders(bed)) == 2 and not any(bulk.is_held for bulk in riders(bed).values())
    knows(bed, a=1.0, b=1e9, c=1.0)
    for client in (one, other):
        bed.fleet.bulk.noticed(client.stream)
    assert one.is_bulk and other.is_bulk
    assert one.stream.legs[0].carrier is not other.stream.legs[0].carrier


@with_bed(THREE_LINES)
async def test_a_carrier_that_nobody_wants_any_more_is_closed_after_a_while(bed: FleetBed) -> None:
    for name, delay in zip("abc", (0.03, 0.04, 0.05), strict=True):
        bed.lines[name].delay = delay
    knows(bed, a=1e9, b=1.0, c=1.0)
    await bed.up()
    await bed.run(3.0)
    assert [len(bed.live[name].bulk) for name in "abc"] == [1, 1, 0]
    bed.lines["c"].delay = 0.01
    await bed.until(lambda: bed.live["c"].bulk)
    await bed.run(WANTED_FOR - 5.0)
    assert [len(bed.live[name].bulk) for name in "abc"] == [1, 1, 1]
    await bed.run(10.0)
    assert [len(bed.live[name].bulk) for name in "abc"] == [1, 0, 1]


FAR = (("a", INGRESS, "us"), ("b", INGRESS, "us"), ("c", INGRESS, "eu"), ("d", INGRESS, "eu"))


@with_bed(FAR, exits=("us", "eu"))
async def test_where_bulk_goes_when_its_path_dies_a_carrier_waits(bed: FleetBed) -> None:
    """The two best paths are of two exits; the second best to this one is neither."""
    for name in "bd":
        bed.lines[name].delay = 0.08
    await bed.up()
    knows(bed, a=1e9, b=1.0, c=1e9, d=1.0)
    await bed.run(3.0)
    assert bed.live["b"].bulk == bed.live["d"].bulk == []
    client = bed.open("a")
    bed.fleet.bulk.noticed(client.stream)
    await bed.run(2.0)
    assert client.is_bulk and client.paths == ["a"]
    assert len(bed.live["b"].bulk) == 1 and bed.live["d"].bulk == []


@with_bed(THREE_LINES)
async def test_who_waits_and_lost_its_carrier_is_passed_over(bed: FleetBed) -> None:
    await bed.up()
    knows(bed, a=1e9, b=1.0, c=1.0)
    await bed.until(bed.live["a"].spare)
    first, adrift, waiting = bed.open("a"), bed.open("a"), bed.open("a")
    for client in (first, adrift, waiting):
        bed.fleet.bulk.noticed(client.stream)
    adrift.stream.leave()
    await bed.until(lambda: len(bed.live["a"].bulk) == 2)
    await bed.run(0.1)
    assert first.is_bulk and waiting.is_bulk
    assert not adrift.is_bulk


@with_bed(THREE_LINES)
async def test_their_number_is_bounded_and_the_rest_share(bed: FleetBed) -> None:
    await bed.up("a", "b", "c")
    knows(bed, a=1e12, b=1.0, c=1.0)
    for name in "bc":
        bed.hold(name)
    await bed.until(lambda: not (bed.live["b"].is_usable or bed.live["c"].is_usable))
    clients = [bed.open("a") for _ in range(MOST_BULK + 3)]
    for _ in range(MOST_BULK + 5):  # before the first has been calm for long
        for client in clients:
            bed.fleet.bulk.noticed(client.stream)
        await bed.run(0.1)
    assert sum(client.is_bulk for client in clients) == len(bed.live["a"].bulk) == MOST_BULK
    assert bed.live["a"].streams == MOST_BULK + 3


@with_bed(THREE_LINES)
async def test_streams_that_nothing_can_take_are_not_placed_again_and_again(bed: FleetBed) -> None:
    """A session notices its streams with every half of a window."""
    await bed.up()
    clients = [bed.open("a") for _ in range(4 * MOST_BULK)]
    asked = []
    place = bed.fleet.chooser.place_bulk
    bed.patch.setattr(bed.fleet.chooser, "place_bulk", lambda *given: asked.append(given[0]) or place(*given))
    for _ in range(20):
        for client in clients:
            bed.fleet.bulk.noticed(client.stream)
    assert len(asked) == 3 * MOST_BULK + 1
    riders = bed.fleet.bulk.offers().riders
    assert len({bulk.stream for bulk in riders}) == len(riders) == 3 * MOST_BULK
    for name in "abc":
        assert sum(bulk.path == name for bulk in riders) == MOST_BULK


# ---- where they go


@with_bed(THREE_LINES)
async def test_it_goes_where_it_is_known_to_be_fastest(bed: FleetBed) -> None:
    await bed.up()
    knows(bed, a=2.5e6, b=25e6, c=12e6)
    client = bed.open("a")
    await client.exchange()
    bed.fleet.bulk.noticed(client.stream)
    await bed.until(lambda: client.is_bulk)
    assert client.paths == ["b"]
    assert bed.logged("streams-moved")[-1]["why"] == "bulk: the fastest that is known"
    await client.exchange()


@with_bed(THREE_LINES)
async def test_the_next_goes_where_the_first_leaves_more(bed: FleetBed) -> None:
    await bed.up()
    knows(bed, a=2.5e6, b=25e6, c=20e6)
    clients = [bed.open("a") for _ in range(3)]
    for client in clients:
        bed.fleet.bulk.noticed(client.stream)
    await bed.until(lambda: all(client.is_bulk for client in clients))
    assert [client.paths for client in clients] == [["b"], ["c"], ["b"]]


@with_bed(THREE_LINES)
async def test_downloads_take_the_thick_line_from_the_second_on(bed: FleetBed) -> None:
    """Nobody has told what they carry. The best one is thin, and the first of all downloads finds out."""
    await bed.up()
    bed.lines["a"].rate, bed.lines["b"].rate, bed.lines["c"].rate = 2.5e6, 25e6, 1e6
    placed = []
    for _ in range(5):
        client = bed.open("a")
        await client.exchange()
        client.target.stream.write(bytes(12 * BULKY))
        await bed.until(lambda client=client: client.is_bulk)
        placed += client.paths
        await bed.until(lambda client=client: len(client.sink.data) == 12 * BULKY + 10)
        await client.finish()
    seen = bed.fleet.line_loads.capacities.seen
    assert placed[:2] == ["a", "b"] and placed[3:] == ["b", "b"]  # the third finds out what the third line carries
    assert 2e6 < seen["a", Way.DOWN].speed < 3e6
    assert seen["b", Way.DOWN].speed > 5e6


@with_bed(THREE_LINES)
async def test_who_is_badly_placed_moves_once_another_is_known(bed: FleetBed) -> None:
    await bed.up()
    for name, rate in (("a", 1e6), ("b", 8e6), ("c", 1e6)):
        bed.lines[name].rate = rate
    client = await on_bulk(bed)
    knows(bed, a=1e6, c=1e6)
    client.target.stream.write(bytes(30 * BULKY))
    await bed.run(8.0)
    assert client.paths == ["a"]
    knows(bed, a=1e6, b=8e6, c=1e6)
    await bed.until(lambda: client.paths == ["b"])
    assert client.is_bulk
    moves = len(bed.logged("streams-moved"))
    await bed.until(lambda: len(client.sink.data) == 30 * BULKY + 10)
    assert client.paths == ["b"] and len(bed.logged("streams-moved")) == moves


@with_bed(THREE_LINES)
async def test_where_a_carrier_does_not_come_nobody_waits_for_it(bed: FleetBed) -> None:
    await bed.up()
    knows(bed, a=1e6, b=1.0, c=25e6)
    client = bed.open("a")
    bed.lines["c"].refuses = True
    bed.fleet.bulk.noticed(client.stream)
    await bed.until(lambda: client.is_bulk)
    assert client.paths == ["a"]


# ---- what they get


@with_bed(THREE_LINES)
async def test_what_a_bulk_stream_gets_is_told_once_it_was_measured(bed: FleetBed) -> None:
    await bed.up()
    client = await on_bulk(bed)
    assert riders(bed)[client.stream.id].speed == pytest.approx(1e9)  # as was expected
    await download(bed, client, MEASURED + 4)
    bulk = riders(bed)[client.stream.id]
    assert bulk.stream == (bed.fleet.peers["us"].session.token, client.stream.id)
    assert (bulk.path, bulk.way) == ("a", Way.DOWN)
    assert bulk.speed == pytest.approx(BULKY, rel=0.1)
    assert not bulk.is_held  # its target sends no more


@with_bed(THREE_LINES)
async def test_an_upload_is_measured_by_what_its_exit_has(bed: FleetBed) -> None:
    await bed.up()
    bed.lines["a"].rate = BULKY
    client = await on_bulk(bed)
    for _ in range(8):
        client.stream.write(bytes(2 * BULKY))
        await bed.run(1.0)
    bulk = riders(bed)[client.stream.id]
    assert bulk.way is Way.UP and bulk.is_held
    assert bulk.speed == pytest.approx(BULKY, rel=0.2)
    capacities = bed.fleet.line_loads.capacities
    assert capacities.held["a", Way.UP].speed == pytest.approx(1e9)  # what was known before: less changes nothing yet
    assert bed.fleet.bulk.acked()["a"] == pytest.approx(7 * BULKY, rel=0.3)


@with_bed(THREE_LINES)
async def test_a_line_that_holds_a_stream_back_is_known_by_that(bed: FleetBed) -> None:
    await bed.up()
    bed.lines["a"].rate = BULKY
    client = await on_bulk(bed)
    knows(bed)
    client.target.stream.write(bytes(12 * BULKY))
    await bed.run(8.0)
    assert riders(bed)[client.stream.id].is_held
    capacities = bed.fleet.line_loads.capacities
    assert capacities.seen["a", Way.DOWN].speed == pytest.approx(BULKY, rel=0.2)
    assert capacities.held["a", Way.DOWN].speed == pytest.approx(BULKY, rel=0.2)
    assert ("b", Way.DOWN) not in capacities.seen


@with_bed(THREE_LINES)
async def test_who_is_held_up_by_its_client_says_nothing_of_the_path(bed: FleetBed) -> None:
    await bed.up()
    bed.lines["a"].rate = BULKY
    client = await on_bulk(bed)
    client.target.stream.write(bytes(12 * BULKY))
    await bed.run(5.0)
    assert riders(bed)[client.stream.id].is_held
    client.sink.is_holding = True
    await bed.run(0.1)
    assert not riders(bed)[client.stream.id].is_held


# ---- who goes back


@with_bed(THREE_LINES)
async def test_a_stream_that_has_calmed_down_goes_back(bed: FleetBed) -> None:
    await bed.up()
    client = await on_bulk(bed)
    await download(bed, client, 2)
    assert client.is_bulk
    calm = bed.loop.now
    await bed.until(lambda: not client.is_bulk)
    assert CALM_SECONDS - 1 <= bed.loop.now - calm <= CALM_SECONDS + 1
    assert client.paths == ["a"]
    await client.exchange()


@with_bed(THREE_LINES)
async def test_a_pause_between_two_bursts_is_no_calm(bed: FleetBed) -> None:
    await bed.up()
    client = await on_bulk(bed)
    for _ in range(3):
        await download(bed, client, 1)
        await bed.run(CALM_SECONDS - 1.5)
        assert client.is_bulk


@with_bed(THREE_LINES)
async def test_a_stream_that_was_moved_to_a_bulk_carrier_goes_back_too(bed: FleetBed) -> None:
    """It got the spare of its new path: it is measured there like any other."""
    await bed.up()
    client = await on_bulk(bed)
    await bed.until(bed.live["b"].spare)
    bed.fleet.moving.execute(MOVED)
    assert client.paths == ["b"] and client.is_bulk
    await download(bed, client, MEASURED + 4)
    bulk = riders(bed)[client.stream.id]
    assert (bulk.path, bulk.speed) == ("b", pytest.approx(BULKY, rel=0.1))
    await bed.run(CALM_SECONDS + 1.0)
    assert not client.is_bulk


@with_bed(THREE_LINES)
async def test_what_one_stream_had_on_a_carrier_is_not_held_against_the_next(bed: FleetBed) -> None:
    await bed.up()
    first = await on_bulk(bed, "b")
    carrier = first.stream.legs[0].carrier
    await download(bed, first, 5)
    first.stream.reset(Cause.CLIENT_RESET)
    await bed.run(1.1)
    second = await on_bulk(bed)
    bed.fleet.moving.execute(MOVED)
    assert second.stream.legs[0].carrier is carrier
    await download(bed, second, MEASURED + 4, each=BULKY // 4)
    assert riders(bed)[second.stream.id].speed == pytest.approx(BULKY // 4, rel=0.1)


@with_bed(THREE_LINES)
async def test_carriers_that_nobody_needs_are_closed(bed: FleetBed) -> None:
    await bed.up()
    clients = [await on_bulk(bed) for _ in range(3)]
    live = bed.live["a"]
    await bed.until(lambda: len(live.bulk) == 4)
    for client in clients:
        client.stream.reset(Cause.CLIENT_RESET)
    await bed.until(lambda: len(live.bulk) == SPARES_KEPT)
    assert {told["why"] for told in bed.logged("carrier-lost")} == {"not needed"}
    assert live.thin is not None


@with_bed(THREE_LINES)
async def test_while_the_path_does_not_answer_a_calm_stream_stays(bed: FleetBed) -> None:
    await bed.up()
    client = await on_bulk(bed)
    link = next(link for link in bed.live["a"].bulk if link.riders)
    for name in "bc":
        bed.lines[name].refuses = True
        bed.cut(name)
    bed.connection(bed.live["a"].thin).is_held = True
    await bed.until(lambda: not bed.live["a"].is_usable)
    bed.fleet.moving.to_thin(link, bed.live["a"])
    assert client.is_bulk


@with_bed(THREE_LINES)
async def test_what_rides_and_what_lines_carry_can_be_read(bed: FleetBed) -> None:
    await bed.up()
    client = await on_bulk(bed)
    (ride,) = bed.fleet.bulk._rides.values()
    assert repr(ride) == "<Ride on a down 0 B/s for 0 s>"
    await download(bed, client, 3)
    assert ride.seconds > 0 and ride.speed > 0
    assert repr(ride) == f"<Ride on a down {ride.speed:.0f} B/s for {ride.seconds} s>"
    loads = bed.fleet.line_loads
    assert loads.full == {"b", "c"}, "a ping is more than they are known to carry"
    assert repr(loads) == f"<LineLoads: {loads.capacities!r}, full ['b', 'c']>"
