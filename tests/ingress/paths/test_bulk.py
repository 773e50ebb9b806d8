"""Bulk on carriers of its own: who gets one, who waits, who goes back; and what each gets of its path."""

import pytest

from ingress.choice.moves import Move, MoveKind
from ingress.paths.bulk import CALM_SECONDS, DELIVERY_AGE, MEASURED, SPARES_KEPT
from ingress.paths.live import MOST_BULK
from relay.model.cause import Cause
from tests.ingress.paths.yard import THREE_LINES, Client, Yard, in_yard

BULKY = 1 << 20
"""Bytes a second that no calm stream has."""
MOVED = Move("a", "b", MoveKind.ALL, True, "node jp drains")


async def download(yard: Yard, client: Client, seconds: int, each: int = BULKY) -> None:
    """The target sends *each* bytes every second."""
    for _ in range(seconds):
        client.target.stream.write(bytes(each))
        await yard.run(1.0)


async def on_bulk(yard: Yard, path: str = "a") -> Client:
    """A stream that has just been given a bulk carrier of *path*."""
    client = yard.open(path)
    await client.exchange(0.2)
    await yard.until(yard.live[path].spare)
    yard.fleet.bulk.noticed(client.stream)
    assert client.is_bulk
    return client


# ---- who gets one


@in_yard(THREE_LINES)
async def test_who_fills_its_window_gets_a_carrier_of_its_own(yard: Yard) -> None:
    """Here nobody says it but the session, which sees the bytes."""
    await yard.up()
    bulk, thin = yard.open("a"), yard.open("a")
    await bulk.exchange()
    await thin.exchange()
    bulk.target.stream.write(bytes(2 * BULKY))
    await yard.until(lambda: bulk.is_bulk)
    assert not thin.is_bulk
    assert bulk.paths == thin.paths == ["a"]
    await yard.run(1.0)
    assert len(bulk.sink.data) == 2 * BULKY + 10
    assert yard.live["a"].spare() is not None  # another is warm already


@in_yard(THREE_LINES)
async def test_who_is_never_given_one(yard: Yard) -> None:
    await yard.up()
    noticed = yard.fleet.bulk.noticed
    bulk = await on_bulk(yard)
    carrier = bulk.stream.legs[0].carrier
    await yard.until(yard.live["a"].spare)
    redundant, pair_to_be, adrift = yard.open("a", "b", legs=2), yard.open("a", legs=2), yard.open("a")
    adrift.stream.leave()
    for client in (redundant, pair_to_be, bulk, adrift):
        noticed(client.stream)
    assert bulk.stream.legs[0].carrier is carrier
    assert not any(client.is_bulk for client in (redundant, pair_to_be, adrift))
    assert yard.live["a"].spare() is not None


@in_yard(THREE_LINES)
async def test_on_a_path_that_does_not_answer_nobody_becomes_bulk(yard: Yard) -> None:
    await yard.up()
    client = yard.open("a")
    for name in "abc":
        yard.hold(name)
    await yard.until(lambda: not yard.live["a"].is_usable)
    yard.fleet.bulk.noticed(client.stream)
    assert client.paths == ["a"] and not client.is_bulk


@in_yard(THREE_LINES)
async def test_without_a_free_carrier_they_wait_in_turn(yard: Yard) -> None:
    await yard.up()
    await yard.until(yard.live["a"].spare)
    clients = [yard.open("a") for _ in range(4)]
    for client in clients:
        yard.fleet.bulk.noticed(client.stream)
    assert [client.is_bulk for client in clients] == [True, False, False, False]
    clients[1].stream.reset(Cause.CLIENT_RESET)
    await yard.until(lambda: clients[2].is_bulk)
    assert not clients[3].is_bulk
    await yard.until(lambda: clients[3].is_bulk)
    assert len({client.stream.legs[0].carrier for client in clients if client.stream.legs}) == 3


@in_yard(THREE_LINES)
async def test_who_waits_on_another_path_or_on_none_is_passed_over(yard: Yard) -> None:
    await yard.up()
    await yard.until(yard.live["a"].spare)
    yard.open("a")
    first, moved, adrift = yard.open("a"), yard.open("a"), yard.open("a")
    for client in (first, moved, adrift):
        yard.fleet.bulk.noticed(client.stream)
    yard.fleet.moving.hedge(moved.stream, yard.choice("c"))
    adrift.stream.leave()
    await yard.until(lambda: len(yard.live["a"].bulk) == 2)
    await yard.run(0.1)
    assert first.is_bulk
    assert not moved.is_bulk and not adrift.is_bulk


@in_yard(THREE_LINES)
async def test_their_number_is_bounded_and_the_rest_share(yard: Yard) -> None:
    await yard.up()
    clients = [yard.open("a") for _ in range(MOST_BULK + 3)]
    for _ in range(MOST_BULK + 5):  # before the first has been calm for long
        for client in clients:
            yard.fleet.bulk.noticed(client.stream)
        await yard.run(0.1)
    assert sum(client.is_bulk for client in clients) == len(yard.live["a"].bulk) == MOST_BULK
    assert yard.live["a"].streams == MOST_BULK + 3


# ---- what they get


@in_yard(THREE_LINES)
async def test_what_a_bulk_stream_gets_is_told_once_it_was_measured(yard: Yard) -> None:
    await yard.up()
    client = await on_bulk(yard)
    key = yard.fleet.peers["us"].session.token, client.stream.id
    await download(yard, client, MEASURED - 1)
    assert yard.fleet.bulk.figures() == []
    await download(yard, client, 4)
    (figures,) = yard.fleet.bulk.figures()
    assert (figures.stream, figures.path) == (key, "a")
    assert figures.now == pytest.approx(BULKY, rel=0.1)
    assert figures.best == pytest.approx(BULKY, rel=0.1)
    await download(yard, client, 2, each=BULKY // 8)
    (figures,) = yard.fleet.bulk.figures()
    assert figures.now < BULKY / 2 < figures.best


@in_yard(THREE_LINES)
async def test_who_is_held_up_by_its_client_says_nothing_of_the_path(yard: Yard) -> None:
    await yard.up()
    client = await on_bulk(yard)
    await download(yard, client, 4)
    assert yard.fleet.bulk.figures()
    client.sink.is_holding = True
    client.target.stream.write(bytes(1000))
    await yard.run(0.1)
    assert yard.fleet.bulk.figures() == []


@in_yard(THREE_LINES)
async def test_a_delivery_is_believed_for_a_while_after_its_bulk(yard: Yard) -> None:
    await yard.up()
    bulk = yard.fleet.bulk
    assert bulk.delivery("a") is None
    client = await on_bulk(yard)
    await download(yard, client, 5)
    assert bulk.delivery("a") == pytest.approx(BULKY, rel=0.1)
    client.stream.reset(Cause.CLIENT_RESET)
    ended = yard.loop.now
    await yard.until(lambda: bulk.delivery("a") is None, most=2 * DELIVERY_AGE)
    assert DELIVERY_AGE - 1.0 < yard.loop.now - ended < DELIVERY_AGE + 2.0
    assert bulk.delivery("b") is None


# ---- who goes back


@in_yard(THREE_LINES)
async def test_a_stream_that_has_calmed_down_goes_back(yard: Yard) -> None:
    await yard.up()
    client = await on_bulk(yard)
    await download(yard, client, 2)
    assert client.is_bulk
    calm = yard.loop.now
    await yard.until(lambda: not client.is_bulk)
    assert CALM_SECONDS - 1 <= yard.loop.now - calm <= CALM_SECONDS + 1
    assert client.paths == ["a"]
    await client.exchange()


@in_yard(THREE_LINES)
async def test_a_pause_between_two_bursts_is_no_calm(yard: Yard) -> None:
    await yard.up()
    client = await on_bulk(yard)
    for _ in range(3):
        await download(yard, client, 1)
        await yard.run(CALM_SECONDS - 1.5)
        assert client.is_bulk


@in_yard(THREE_LINES)
async def test_a_stream_that_was_moved_to_a_bulk_carrier_goes_back_too(yard: Yard) -> None:
    """It got the spare of its new path: it is measured there like any other."""
    await yard.up()
    client = await on_bulk(yard)
    await yard.until(yard.live["b"].spare)
    yard.fleet.moving.execute(MOVED)
    assert client.paths == ["b"] and client.is_bulk
    await download(yard, client, MEASURED + 2)
    (figures,) = yard.fleet.bulk.figures()
    assert (figures.path, figures.now) == ("b", pytest.approx(BULKY, rel=0.1))
    assert yard.fleet.bulk.delivery("b") == pytest.approx(BULKY, rel=0.1)
    await yard.run(CALM_SECONDS + 1.0)
    assert not client.is_bulk


@in_yard(THREE_LINES)
async def test_what_one_stream_had_on_a_carrier_is_not_held_against_the_next(yard: Yard) -> None:
    await yard.up()
    first = await on_bulk(yard, "b")
    carrier = first.stream.legs[0].carrier
    await download(yard, first, 5)
    first.stream.reset(Cause.CLIENT_RESET)
    await yard.run(1.1)
    second = await on_bulk(yard)
    yard.fleet.moving.execute(MOVED)
    assert second.stream.legs[0].carrier is carrier
    await download(yard, second, MEASURED + 2, each=BULKY // 4)
    (figures,) = yard.fleet.bulk.figures()
    assert figures.best == pytest.approx(BULKY // 4, rel=0.1)


@in_yard(THREE_LINES)
async def test_carriers_that_nobody_needs_are_closed(yard: Yard) -> None:
    await yard.up()
    clients = [await on_bulk(yard) for _ in range(3)]
    live = yard.live["a"]
    await yard.until(lambda: len(live.bulk) == 4)
    for client in clients:
        client.stream.reset(Cause.CLIENT_RESET)
    await yard.until(lambda: len(live.bulk) == SPARES_KEPT)
    assert {told["why"] for told in yard.logged("carrier-lost")} == {"not needed"}
    assert live.thin is not None


@in_yard(THREE_LINES)
async def test_while_the_path_does_not_answer_a_calm_stream_stays(yard: Yard) -> None:
    await yard.up()
    client = await on_bulk(yard)
    link = next(link for link in yard.live["a"].bulk if link.riders)
    for name in "bc":
        yard.weather[name].refuses = True
        yard.cut(name)
    yard.wire(yard.live["a"].thin).is_held = True
    await yard.until(lambda: not yard.live["a"].is_usable)
    yard.fleet.moving.to_thin(link, yard.live["a"])
    assert client.is_bulk
