"""Bulk on carriers of its own: who gets one, who waits, who goes back; and what each gets of its path."""

import pytest

from ingress.choice.moves import Move, MoveKind
from ingress.paths.bulk import CALM_SECONDS, DELIVERY_AGE, MEASURED, SPARES_KEPT
from ingress.paths.live import MOST_BULK
from relay.model.cause import Cause
from tests.ingress.paths.fleet_bed import THREE_LINES, Client, FleetBed, with_bed

BULKY = 1 << 20
"""Bytes a second that no calm stream has."""
MOVED = Move("a", "b", MoveKind.ALL, True, "node jp drains")


async def download(bed: FleetBed, client: Client, seconds: int, each: int = BULKY) -> None:
    """The target sends *each* bytes every second."""
    for _ in range(seconds):
        client.target.stream.write(bytes(each))
        await bed.run(1.0)


async def on_bulk(bed: FleetBed, path: str = "a") -> Client:
    """A stream that has just been given a bulk carrier of *path*."""
    client = bed.open(path)
    await client.exchange(0.2)
    await bed.until(bed.live[path].spare)
    bed.fleet.bulk.noticed(client.stream)
    assert client.is_bulk
    return client


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
async def test_who_waits_on_another_path_or_on_none_is_passed_over(bed: FleetBed) -> None:
    await bed.up()
    await bed.until(bed.live["a"].spare)
    bed.open("a")
    first, moved, adrift = bed.open("a"), bed.open("a"), bed.open("a")
    for client in (first, moved, adrift):
        bed.fleet.bulk.noticed(client.stream)
    bed.fleet.moving.hedge(moved.stream, bed.choice("c"))
    adrift.stream.leave()
    await bed.until(lambda: len(bed.live["a"].bulk) == 2)
    await bed.run(0.1)
    assert first.is_bulk
    assert not moved.is_bulk and not adrift.is_bulk


@with_bed(THREE_LINES)
async def test_their_number_is_bounded_and_the_rest_share(bed: FleetBed) -> None:
    await bed.up()
    clients = [bed.open("a") for _ in range(MOST_BULK + 3)]
    for _ in range(MOST_BULK + 5):  # before the first has been calm for long
        for client in clients:
            bed.fleet.bulk.noticed(client.stream)
        await bed.run(0.1)
    assert sum(client.is_bulk for client in clients) == len(bed.live["a"].bulk) == MOST_BULK
    assert bed.live["a"].streams == MOST_BULK + 3


# ---- what they get


@with_bed(THREE_LINES)
async def test_what_a_bulk_stream_gets_is_told_once_it_was_measured(bed: FleetBed) -> None:
    await bed.up()
    client = await on_bulk(bed)
    key = bed.fleet.peers["us"].session.token, client.stream.id
    await download(bed, client, MEASURED - 1)
    assert bed.fleet.bulk.figures() == []
    await download(bed, client, 4)
    (figures,) = bed.fleet.bulk.figures()
    assert (figures.stream, figures.path) == (key, "a")
    assert figures.now == pytest.approx(BULKY, rel=0.1)
    assert figures.best == pytest.approx(BULKY, rel=0.1)
    await download(bed, client, 2, each=BULKY // 8)
    (figures,) = bed.fleet.bulk.figures()
    assert figures.now < BULKY / 2 < figures.best


@with_bed(THREE_LINES)
async def test_who_is_held_up_by_its_client_says_nothing_of_the_path(bed: FleetBed) -> None:
    await bed.up()
    client = await on_bulk(bed)
    await download(bed, client, 4)
    assert bed.fleet.bulk.figures()
    client.sink.is_holding = True
    client.target.stream.write(bytes(1000))
    await bed.run(0.1)
    assert bed.fleet.bulk.figures() == []


@with_bed(THREE_LINES)
async def test_a_delivery_is_believed_for_a_while_after_its_bulk(bed: FleetBed) -> None:
    await bed.up()
    bulk = bed.fleet.bulk
    assert bulk.delivery("a") is None
    client = await on_bulk(bed)
    await download(bed, client, 5)
    assert bulk.delivery("a") == pytest.approx(BULKY, rel=0.1)
    client.stream.reset(Cause.CLIENT_RESET)
    ended = bed.loop.now
    await bed.until(lambda: bulk.delivery("a") is None, most=2 * DELIVERY_AGE)
    assert DELIVERY_AGE - 1.0 < bed.loop.now - ended < DELIVERY_AGE + 2.0
    assert bulk.delivery("b") is None


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
    await download(bed, client, MEASURED + 2)
    (figures,) = bed.fleet.bulk.figures()
    assert (figures.path, figures.now) == ("b", pytest.approx(BULKY, rel=0.1))
    assert bed.fleet.bulk.delivery("b") == pytest.approx(BULKY, rel=0.1)
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
    await download(bed, second, MEASURED + 2, each=BULKY // 4)
    (figures,) = bed.fleet.bulk.figures()
    assert figures.best == pytest.approx(BULKY // 4, rel=0.1)


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
