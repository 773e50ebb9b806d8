"""Streams put on paths: rescues that take only what is silent, planned moves, streams that wait for a carrier."""

import os

import pytest

from ingress.choice.moves import Move, MoveKind
from ingress.measure.pings import stall_after
from ingress.paths.moving import PATIENCE
from relay.model.cause import Cause
from relay.session.states import StreamState
from tests.ingress.paths.fleet_bed import INGRESS, THREE_LINES, Client, FleetBed, with_bed
from tests.relay.session.pair import RecordingSink

TWO_EXITS = (("a", INGRESS, "us"), ("b", INGRESS, "us"), ("c", INGRESS, "eu"), ("d", INGRESS, "eu"))
SHARED = (("ix", INGRESS, "jp"), ("p1", "jp", "us"), ("p2", "jp", "us"))


def rescue(old: str, new: str, kind: MoveKind = MoveKind.ALL) -> Move:
    return Move(old, new, kind, False, "answer overdue")


def plan(old: str, new: str, kind: MoveKind = MoveKind.ALL) -> Move:
    return Move(old, new, kind, True, "node jp drains")


def on_bulk(bed: FleetBed, path: str) -> Client:
    """A stream on the bulk carrier of *path*."""
    client = bed.open(path)
    bed.fleet.bulk.noticed(client.stream)
    assert client.is_bulk
    return client


# ---- new streams


@with_bed(THREE_LINES)
async def test_a_stream_is_opened_on_the_paths_of_its_choice(bed: FleetBed) -> None:
    await bed.up()
    moving = bed.fleet.moving
    single, redundant = bed.open("a"), bed.open("b", "c", legs=2)
    assert (single.paths, redundant.paths) == (["a"], ["b", "c"])
    assert single.stream not in moving.pairs and redundant.stream in moving.pairs
    assert [bed.live[name].counters.opened for name in "abc"] == [1, 1, 0]
    assert moving.live_of(redundant.stream) is bed.live["b"]
    await single.exchange()
    await redundant.exchange()


@with_bed(THREE_LINES)
async def test_without_a_carrier_none_is_opened(bed: FleetBed) -> None:
    await bed.up()
    one, both = bed.choice("a"), bed.choice("a", "b", legs=2)
    bed.cut("a")
    await bed.run(0.001)
    sink = RecordingSink()
    assert bed.fleet.moving.open(one, sink, bed.loop.now) is None
    stream = bed.fleet.moving.open(both, sink, bed.loop.now)
    assert stream is not None and [leg.carrier.name for leg in stream.legs] == ["b"]
    assert bed.live["b"].counters.opened == 1


@with_bed(THREE_LINES)
async def test_open_is_said_again_elsewhere_and_the_exit_opens_once(bed: FleetBed) -> None:
    await bed.up()
    bed.hold("a")
    client = bed.open("a")
    await bed.run(0.1)
    assert bed.fleet.moving.hedge(client.stream, bed.choice("b"))
    assert client.paths == ["b"]
    await client.exchange()
    bed.release("a")
    await client.exchange()


@with_bed(THREE_LINES)
async def test_a_hedge_needs_a_path_that_works(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("a")
    gone, stalled = bed.choice("b"), bed.choice("c")
    bed.lines["b"].refuses = True
    bed.cut("b")
    bed.hold("c")
    await bed.until(lambda: not bed.live["c"].is_usable)
    assert not bed.fleet.moving.hedge(client.stream, gone)
    assert not bed.fleet.moving.hedge(client.stream, stalled)
    assert client.paths == ["a"]
    bed.replan(THREE_LINES[:1])
    assert not bed.fleet.moving.hedge(client.stream, gone)


@with_bed(THREE_LINES)
async def test_how_long_the_answer_to_an_open_may_take(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("a")
    pings = bed.live["a"].monitor.pings
    assert bed.fleet.moving.open_patience(client.stream) == stall_after(pings.srtt, pings.live_deviation, 0.0) == 0.4
    client.stream.leave()
    assert bed.fleet.moving.live_of(client.stream) is None
    assert bed.fleet.moving.open_patience(client.stream) == 0.0


@with_bed(THREE_LINES)
async def test_lost_streams_are_counted_with_their_path_while_there_is_one(bed: FleetBed) -> None:
    await bed.up()
    choice, live = bed.choice("a"), bed.live["a"]
    bed.fleet.moving.count_lost(choice, "refused")
    bed.fleet.moving.count_lost(choice, "refused")
    bed.replan(THREE_LINES[1:])
    bed.fleet.moving.count_lost(choice, "refused")
    assert live.counters.lost == {"refused": 2}


# ---- rescues


@with_bed(THREE_LINES)
async def test_a_rescue_takes_only_what_rides_on_silent_carriers(bed: FleetBed) -> None:
    """The bulk carrier of the path still gets bytes: it is not stuck."""
    await bed.up()
    thin, bulk = bed.open("a"), on_bulk(bed, "a")
    await thin.exchange()
    await bulk.exchange()
    bed.connection(bed.live["a"].thin).is_held = True
    for _ in range(10):
        bulk.target.stream.write(b"still here")
        await bed.run(0.1)
    bed.fleet.moving.execute(rescue("a", "b"))
    assert (thin.paths, bulk.paths) == (["b"], ["a"])
    assert bulk.is_bulk
    await thin.exchange()


@with_bed(THREE_LINES)
async def test_a_rescue_takes_the_bulk_too_when_its_carrier_is_as_silent(bed: FleetBed) -> None:
    await bed.up()
    thin, bulk = bed.open("a"), on_bulk(bed, "a")
    await thin.exchange()
    await bulk.exchange()
    bed.hold("a")
    await bed.until(lambda: bed.ridden() == {"b": 2})
    assert bulk.is_bulk and not thin.is_bulk  # on the spare of its new path
    await thin.exchange()
    await bulk.exchange()
    assert bed.live["a"].counters.resumes == 2
    assert bed.live["a"].counters.moves == 0
    (told,) = bed.logged("streams-rescued")
    assert (told["count"], told["path"], told["to"]) == (2, "a", "b")


@with_bed(THREE_LINES)
async def test_what_was_swallowed_is_sent_again_and_the_pause_is_from_the_last_byte(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("a")
    await client.exchange()
    heard = client.stream.legs[0].carrier.heard_at
    bed.hold("a")
    body = os.urandom(100_000)
    client.stream.write(body)
    await bed.until(lambda: client.paths == ["b"])
    moved = bed.loop.now
    await bed.run(0.5)
    assert bytes(client.target.data[10:]) == body
    pause = bed.live["a"].counters.longest_pause
    assert moved - heard < pause <= moved - heard + 0.1
    bed.release("a")
    await client.exchange()
    assert bytes(client.target.data[10:-10]) == body


@with_bed(THREE_LINES)
async def test_moves_from_or_to_what_is_gone_do_nothing(bed: FleetBed) -> None:
    await bed.up()
    client, moving = bed.open("a"), bed.fleet.moving
    moving.execute(rescue("nowhere", "b"))
    moving.execute(rescue("a", "nowhere"))
    thin = bed.live["b"].thin
    assert thin is not None
    thin.close("gone")
    moving.execute(rescue("a", "b"))
    moving.execute(rescue("c", "a"))  # nobody rides there
    assert client.paths == ["a"]
    assert bed.logged("streams-rescued") == []
    assert len(moving.pauses) == 0


# ---- planned moves


@with_bed(THREE_LINES)
async def test_a_planned_move_takes_all_and_sends_nothing_twice(bed: FleetBed) -> None:
    await bed.up()
    thin, bulk = bed.open("a"), on_bulk(bed, "a")
    await thin.exchange()
    body = os.urandom(100_000)
    for client in (thin, bulk):
        client.stream.write(body)
    await bed.run(0.001)
    before = bed.live["b"].bytes_up
    bed.fleet.moving.execute(plan("a", "b"))
    assert thin.paths == bulk.paths == ["b"]
    assert bulk.is_bulk and not thin.is_bulk
    await bed.run(0.5)
    assert bytes(thin.target.data[10:]) == body
    assert bytes(bulk.target.data) == body
    assert bed.live["b"].bytes_up - before < 1000
    assert bed.live["a"].counters.moves == 2
    assert bed.live["a"].counters.resumes == 0
    assert len(bed.fleet.moving.pauses) == 0
    assert bed.live["a"].is_deserted


@with_bed(THREE_LINES)
async def test_a_thin_move_leaves_bulk_where_it_is(bed: FleetBed) -> None:
    await bed.up()
    thin, bulk = bed.open("a"), on_bulk(bed, "a")
    bed.fleet.moving.execute(plan("a", "b", MoveKind.THIN))
    assert (thin.paths, bulk.paths) == (["b"], ["a"])
    assert bed.live["a"].counters.moves == 1


@with_bed(THREE_LINES)
async def test_a_thin_move_of_a_path_whose_carrier_has_just_gone_is_nothing(bed: FleetBed) -> None:
    await bed.up()
    bulk = on_bulk(bed, "a")
    thin = bed.live["a"].thin
    assert thin is not None
    thin.close("gone")
    bed.fleet.moving.execute(plan("a", "b", MoveKind.THIN))
    assert bulk.paths == ["a"]


@with_bed(THREE_LINES)
async def test_bulk_without_a_free_carrier_shares_until_it_is_noticed_again(bed: FleetBed) -> None:
    await bed.up()
    bulk = on_bulk(bed, "a")
    assert bed.live["c"].spare() is None  # only the best two keep one warm
    bed.fleet.moving.execute(plan("a", "c"))
    assert bulk.paths == ["c"]
    assert not bulk.is_bulk
    await bulk.exchange()


# ---- a path that is removed


@with_bed(THREE_LINES)
async def test_a_removed_path_is_left_by_plan_for_the_best_other(bed: FleetBed) -> None:
    await bed.up()
    clients, redundant = [bed.open("a") for _ in range(3)], bed.open("a", "c", legs=2)
    for client in clients:
        await client.exchange()
    live = bed.live["a"]
    bed.fleet.moving.evacuate(live, "removed from the file")
    assert all(client.paths == ["b"] for client in clients)
    assert live.counters.moves == 4
    assert bed.logged("streams-moved")[-1]["count"] == 4
    await bed.run(0.3)
    assert len(redundant.paths) == 2
    await clients[0].exchange()


@with_bed(THREE_LINES)
async def test_with_nowhere_to_go_the_streams_stay_and_wait(bed: FleetBed) -> None:
    await bed.up("a")
    client = bed.open("a")
    for name in "bc":
        bed.cut(name)
        bed.hold(name)
    await bed.run(1.0)
    live = bed.live["a"]
    bed.replan(THREE_LINES[1:])
    assert client.paths == ["a"]
    await bed.until(lambda: bed.fleet.moving.detached == 1)  # its carrier was closed
    bed.release("b")
    await bed.until(lambda: client.paths == ["b"])
    await client.exchange()
    assert live.counters.resumes == 1


# ---- streams without a carrier


@with_bed(THREE_LINES)
async def test_who_loses_its_carrier_is_placed_at_once_where_it_is_sound(bed: FleetBed) -> None:
    await bed.up()
    clients = [bed.open("a") for _ in range(3)]
    for client in clients:
        await client.exchange()
    bed.cut("a")
    await bed.run(0.001)
    assert all(client.paths == ["b"] for client in clients)
    assert bed.logged("streams-rescued") == [{"count": 3, "to": "b", "why": "their carrier was lost"}]
    for client in clients:
        await client.exchange()
    assert bed.live["a"].counters.resumes == 3
    assert bed.fleet.moving.detached == len(bed.fleet.moving.pauses) == 0


@with_bed(THREE_LINES)
async def test_bulk_that_loses_its_path_goes_beside_other_bulk_and_not_among_thin_streams(bed: FleetBed) -> None:
    """A keystroke would stand behind all that is said again, on a carrier that has carried nothing yet."""
    await bed.up()
    first, thin = on_bulk(bed, "a"), bed.open("a")
    await bed.until(bed.live["a"].spare)
    second = on_bulk(bed, "a")
    await bed.until(bed.live["b"].spare)
    for client in (first, second, thin):
        await client.exchange(0.1)
    for link in bed.live["b"].bulk[1:]:
        link.close("not needed")
    bed.cut("a")
    await bed.run(0.001)
    assert first.paths == second.paths == thin.paths == ["b"]
    assert (first.is_bulk, second.is_bulk, thin.is_bulk) == (True, True, False)
    assert first.stream.legs[0].carrier is second.stream.legs[0].carrier
    for client in (first, second, thin):
        await client.exchange()
    assert not bed.fleet.moving._bulky


@with_bed(SHARED)
async def test_who_finds_only_doubtful_paths_waits_and_then_takes_one(bed: FleetBed) -> None:
    """The other path shares the line that may be broken, and says nothing: but after a while it is all there is."""
    await bed.up()
    client = bed.open("ix/p1")
    await client.exchange()
    bed.lines["p1"].refuses = True
    silent = [bed.connection(bed.live[name].thin) for name in ("ix", "ix/p2")]
    for connection in silent:
        connection.is_held = True
    lost = bed.loop.now
    bed.cut("p1")
    await bed.until(lambda: client.paths == ["ix/p2"])
    assert PATIENCE <= bed.loop.now - lost < PATIENCE + 0.3
    for connection in silent:
        connection.is_held = False
    await client.exchange()


@with_bed((("direct", INGRESS, "us"),))
async def test_with_one_path_it_waits_for_its_next_carrier(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("direct")
    await client.exchange()
    bed.cut("direct")
    bed.hold("direct")
    client.stream.write(b"waits")
    await bed.run(3.0)
    assert bed.fleet.moving.detached == 1
    bed.release("direct")
    await bed.until(lambda: client.paths == ["direct"])
    await bed.run(0.2)
    assert bytes(client.target.data[10:]) == b"waits"
    assert bed.live["direct"].counters.longest_pause >= 3.0


@with_bed((("direct", INGRESS, "us"),))
async def test_who_ends_while_it_waits_is_forgotten(bed: FleetBed) -> None:
    await bed.up()
    client, other = bed.open("direct"), bed.open("direct")
    bed.cut("direct")
    bed.hold("direct")
    await bed.until(lambda: bed.fleet.moving.detached == 2)
    client.stream.reset(Cause.CLIENT_RESET)
    await bed.run(0.3)
    assert bed.fleet.moving.detached == len(bed.fleet.moving.pauses) == 1
    other.stream.reset(Cause.CLIENT_RESET)
    await bed.run(0.3)
    assert bed.fleet.moving.detached == len(bed.fleet.moving.pauses) == 0


@with_bed(THREE_LINES)
async def test_who_was_put_on_a_path_meanwhile_waits_no_more(bed: FleetBed) -> None:
    await bed.up()
    client, choice = bed.open("a"), bed.choice("b")
    thin = bed.live["a"].thin
    assert thin is not None
    thin.close("gone")
    assert bed.fleet.moving.detached == 1
    assert bed.fleet.moving.hedge(client.stream, choice)
    generation = client.stream.generation
    bed.fleet.moving.place_detached()
    assert bed.fleet.moving.detached == 0
    assert client.stream.generation == generation


@with_bed((("direct", INGRESS, "us"),))
async def test_a_stream_that_waits_too_long_is_told(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("direct")
    bed.cut("direct")
    bed.hold("direct")
    await bed.run(61.0)
    assert client.sink.cause is Cause.SESSION_EXPIRED
    assert client.stream.state is StreamState.RESET
    assert bed.fleet.moving.detached == 0


PLACES = [
    # which of a, b, c are cut at once, and where a stream of a may go
    ("a", "b"),
    ("ab", "c"),
    ("ac", "b"),
    ("abc", "abc"),  # all are dialled anew: the first that answers
]


@pytest.mark.parametrize(("cut", "to"), PLACES)
@with_bed(THREE_LINES)
async def test_where_a_stream_goes_whose_line_is_reset(bed: FleetBed, cut: str, to: str) -> None:
    await bed.up()
    client = bed.open("a")
    await client.exchange()
    for name in cut:
        bed.cut(name)
    await bed.until(lambda: client.paths)
    assert client.paths[0] in to
    await client.exchange()
