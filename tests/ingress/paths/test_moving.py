"""Streams put on paths: rescues that take only what is silent, planned moves, streams that wait for a carrier."""

import os

import pytest

from ingress.choice.moves import Bulk, Move, MoveKind
from ingress.measure.pings import stall_after
from ingress.measure.traffic import Traffic
from ingress.paths.moving import PATIENCE
from relay.model.cause import Cause
from relay.session.states import StreamState
from tests.ingress.paths.yard import INGRESS, THREE_LINES, Client, Yard, in_yard
from tests.relay.session.pair import RecordingSink

TWO_EXITS = (("a", INGRESS, "us"), ("b", INGRESS, "us"), ("c", INGRESS, "eu"), ("d", INGRESS, "eu"))
SHARED = (("ix", INGRESS, "jp"), ("p1", "jp", "us"), ("p2", "jp", "us"))


def rescue(old: str, new: str, kind: MoveKind = MoveKind.ALL) -> Move:
    return Move(old, new, kind, False, "answer overdue")


def plan(old: str, new: str, kind: MoveKind = MoveKind.ALL) -> Move:
    return Move(old, new, kind, True, "node jp drains")


def on_bulk(yard: Yard, path: str) -> Client:
    """A stream on the bulk carrier of *path*."""
    client = yard.open(path)
    yard.fleet.bulk.noticed(client.stream)
    assert client.is_bulk
    return client


# ---- new streams


@in_yard(THREE_LINES)
async def test_a_stream_is_opened_on_the_paths_of_its_choice(yard: Yard) -> None:
    await yard.up()
    moving = yard.fleet.moving
    single, redundant = yard.open("a"), yard.open("b", "c", legs=2)
    assert (single.paths, redundant.paths) == (["a"], ["b", "c"])
    assert single.stream not in moving.pairs and redundant.stream in moving.pairs
    assert [yard.live[name].counters.opened for name in "abc"] == [1, 1, 0]
    assert moving.live_of(redundant.stream) is yard.live["b"]
    await single.exchange()
    await redundant.exchange()


@in_yard(THREE_LINES)
async def test_without_a_carrier_none_is_opened(yard: Yard) -> None:
    await yard.up()
    one, both = yard.choice("a"), yard.choice("a", "b", legs=2)
    yard.cut("a")
    await yard.run(0.001)
    sink = RecordingSink()
    assert yard.fleet.moving.open(one, sink, yard.loop.now) is None
    stream = yard.fleet.moving.open(both, sink, yard.loop.now)
    assert stream is not None and [leg.carrier.name for leg in stream.legs] == ["b"]
    assert yard.live["b"].counters.opened == 1


@in_yard(THREE_LINES)
async def test_open_is_said_again_elsewhere_and_the_exit_opens_once(yard: Yard) -> None:
    await yard.up()
    yard.hold("a")
    client = yard.open("a")
    await yard.run(0.1)
    assert yard.fleet.moving.hedge(client.stream, yard.choice("b"))
    assert client.paths == ["b"]
    await client.exchange()
    yard.release("a")
    await client.exchange()


@in_yard(THREE_LINES)
async def test_a_hedge_needs_a_path_that_works(yard: Yard) -> None:
    await yard.up()
    client = yard.open("a")
    gone, stalled = yard.choice("b"), yard.choice("c")
    yard.weather["b"].refuses = True
    yard.cut("b")
    yard.hold("c")
    await yard.until(lambda: not yard.live["c"].is_usable)
    assert not yard.fleet.moving.hedge(client.stream, gone)
    assert not yard.fleet.moving.hedge(client.stream, stalled)
    assert client.paths == ["a"]
    yard.replan(THREE_LINES[:1])
    assert not yard.fleet.moving.hedge(client.stream, gone)


@in_yard(THREE_LINES)
async def test_how_long_the_answer_to_an_open_may_take(yard: Yard) -> None:
    await yard.up()
    client = yard.open("a")
    pings = yard.live["a"].monitor.pings
    assert yard.fleet.moving.open_patience(client.stream) == stall_after(pings.srtt, pings.live_deviation, 0.0) == 0.4
    client.stream.leave()
    assert yard.fleet.moving.live_of(client.stream) is None
    assert yard.fleet.moving.open_patience(client.stream) == 0.0


@in_yard(THREE_LINES)
async def test_lost_streams_are_counted_with_their_path_while_there_is_one(yard: Yard) -> None:
    await yard.up()
    choice, live = yard.choice("a"), yard.live["a"]
    yard.fleet.moving.count_lost(choice, "refused")
    yard.fleet.moving.count_lost(choice, "refused")
    yard.replan(THREE_LINES[1:])
    yard.fleet.moving.count_lost(choice, "refused")
    assert live.counters.lost == {"refused": 2}


# ---- rescues


@in_yard(THREE_LINES)
async def test_a_rescue_takes_only_what_rides_on_silent_carriers(yard: Yard) -> None:
    """The bulk carrier of the path still gets bytes: it is not stuck."""
    await yard.up()
    thin, bulk = yard.open("a"), on_bulk(yard, "a")
    await thin.exchange()
    await bulk.exchange()
    yard.wire(yard.live["a"].thin).is_held = True
    for _ in range(10):
        bulk.target.stream.write(b"still here")
        await yard.run(0.1)
    yard.fleet.moving.execute(rescue("a", "b"))
    assert (thin.paths, bulk.paths) == (["b"], ["a"])
    assert bulk.is_bulk
    await thin.exchange()


@in_yard(THREE_LINES)
async def test_a_rescue_takes_the_bulk_too_when_its_carrier_is_as_silent(yard: Yard) -> None:
    await yard.up()
    thin, bulk = yard.open("a"), on_bulk(yard, "a")
    await thin.exchange()
    await bulk.exchange()
    yard.hold("a")
    await yard.until(lambda: yard.ridden() == {"b": 2})
    assert bulk.is_bulk and not thin.is_bulk  # on the spare of its new path
    await thin.exchange()
    await bulk.exchange()
    assert yard.live["a"].counters.resumes == 2
    assert yard.live["a"].counters.moves == 0
    (told,) = yard.logged("streams-rescued")
    assert (told["count"], told["path"], told["to"]) == (2, "a", "b")


@in_yard(THREE_LINES)
async def test_what_was_swallowed_is_sent_again_and_the_pause_is_from_the_last_byte(yard: Yard) -> None:
    await yard.up()
    client = yard.open("a")
    await client.exchange()
    heard = client.stream.legs[0].carrier.heard_at
    yard.hold("a")
    body = os.urandom(100_000)
    client.stream.write(body)
    await yard.until(lambda: client.paths == ["b"])
    moved = yard.loop.now
    await yard.run(0.5)
    assert bytes(client.target.data[10:]) == body
    pause = yard.live["a"].counters.longest_pause
    assert moved - heard < pause <= moved - heard + 0.1
    yard.release("a")
    await client.exchange()
    assert bytes(client.target.data[10:-10]) == body


@in_yard(THREE_LINES)
async def test_moves_from_or_to_what_is_gone_do_nothing(yard: Yard) -> None:
    await yard.up()
    client, moving = yard.open("a"), yard.fleet.moving
    moving.execute(rescue("nowhere", "b"))
    moving.execute(rescue("a", "nowhere"))
    thin = yard.live["b"].thin
    assert thin is not None
    thin.close("gone")
    moving.execute(rescue("a", "b"))
    moving.execute(rescue("c", "a"))  # nobody rides there
    assert client.paths == ["a"]
    assert yard.logged("streams-rescued") == []
    assert len(moving.pauses) == 0


# ---- planned moves


@in_yard(THREE_LINES)
async def test_a_planned_move_takes_all_and_sends_nothing_twice(yard: Yard) -> None:
    await yard.up()
    thin, bulk = yard.open("a"), on_bulk(yard, "a")
    await thin.exchange()
    body = os.urandom(100_000)
    for client in (thin, bulk):
        client.stream.write(body)
    await yard.run(0.001)
    before = yard.live["b"].bytes_up
    yard.fleet.moving.execute(plan("a", "b"))
    assert thin.paths == bulk.paths == ["b"]
    assert bulk.is_bulk and not thin.is_bulk
    await yard.run(0.5)
    assert bytes(thin.target.data[10:]) == body
    assert bytes(bulk.target.data) == body
    assert yard.live["b"].bytes_up - before < 1000
    assert yard.live["a"].counters.moves == 2
    assert yard.live["a"].counters.resumes == 0
    assert len(yard.fleet.moving.pauses) == 0
    assert yard.live["a"].is_deserted


@in_yard(THREE_LINES)
async def test_a_thin_move_leaves_bulk_where_it_is(yard: Yard) -> None:
    await yard.up()
    thin, bulk = yard.open("a"), on_bulk(yard, "a")
    yard.fleet.moving.execute(plan("a", "b", MoveKind.THIN))
    assert (thin.paths, bulk.paths) == (["b"], ["a"])
    assert yard.live["a"].counters.moves == 1


@in_yard(THREE_LINES)
async def test_a_thin_move_of_a_path_whose_carrier_has_just_gone_is_nothing(yard: Yard) -> None:
    await yard.up()
    bulk = on_bulk(yard, "a")
    thin = yard.live["a"].thin
    assert thin is not None
    thin.close("gone")
    yard.fleet.moving.execute(plan("a", "b", MoveKind.THIN))
    assert bulk.paths == ["a"]


@in_yard(THREE_LINES)
async def test_bulk_without_a_free_carrier_shares_until_it_is_noticed_again(yard: Yard) -> None:
    await yard.up()
    bulk = on_bulk(yard, "a")
    assert yard.live["c"].spare() is None  # only the best two keep one warm
    yard.fleet.moving.execute(plan("a", "c"))
    assert bulk.paths == ["c"]
    assert not bulk.is_bulk
    await bulk.exchange()


@in_yard(TWO_EXITS, exits=("us", "eu"))
async def test_bulk_streams_of_two_exits_with_the_same_id_both_move(yard: Yard) -> None:
    """Ids are a session's own: the first stream of each exit is number 1."""
    await yard.up()
    await yard.until(yard.live["a"].spare)
    yard.live["c"].want_spare()
    await yard.run(1.0)
    bulks = {"a": on_bulk(yard, "a"), "c": on_bulk(yard, "c")}
    bystander = yard.open("a")
    await yard.run(0.3)
    assert bulks["a"].stream.id == bulks["c"].stream.id
    fleet, now = yard.fleet, yard.loop.now
    traffic = {name: Traffic(streams=1, delivery=1e6) for name in ("b", "d")}
    fleet.chooser.rank(fleet.network_monitor.figures(fleet.traffic | traffic, now), now)
    fallen = [
        Bulk((yard.fleet.peers[exit_].session.token, bulks[path].stream.id), path, 1e5, 1e6)
        for path, exit_ in (("a", "us"), ("c", "eu"))
    ]
    for move in fleet.chooser.moves(fallen, now):
        fleet.moving.execute(move)
    assert (bulks["a"].paths, bulks["c"].paths) == (["b"], ["d"])
    assert bystander.paths == ["a"]
    assert [told["why"] for told in yard.logged("streams-moved")] == ["its delivery fell to 10%"] * 2
    await bulks["a"].exchange()
    await bulks["c"].exchange()


@in_yard(TWO_EXITS, exits=("us", "eu"))
async def test_a_bulk_move_is_of_one_stream(yard: Yard) -> None:
    await yard.up()
    ours, other = on_bulk(yard, "a"), yard.open("a")
    token = yard.fleet.peers["us"].session.token
    await yard.until(yard.live["a"].spare)
    yard.fleet.bulk.noticed(other.stream)
    assert other.is_bulk
    strangers = bytes(16), ours.stream.id
    yard.fleet.moving.execute(Move("a", "b", MoveKind.BULK, True, "of another session", strangers))
    assert (ours.paths, other.paths) == (["a"], ["a"])
    yard.fleet.moving.execute(Move("a", "b", MoveKind.BULK, True, "fell", (token, ours.stream.id)))
    assert (ours.paths, other.paths) == (["b"], ["a"])


# ---- a path that is removed


@in_yard(THREE_LINES)
async def test_a_removed_path_is_left_by_plan_for_the_best_other(yard: Yard) -> None:
    await yard.up()
    clients, redundant = [yard.open("a") for _ in range(3)], yard.open("a", "c", legs=2)
    for client in clients:
        await client.exchange()
    live = yard.live["a"]
    yard.fleet.moving.evacuate(live, "removed from the file")
    assert all(client.paths == ["b"] for client in clients)
    assert live.counters.moves == 4
    assert yard.logged("streams-moved")[-1]["count"] == 4
    await yard.run(0.3)
    assert len(redundant.paths) == 2
    await clients[0].exchange()


@in_yard(THREE_LINES)
async def test_with_nowhere_to_go_the_streams_stay_and_wait(yard: Yard) -> None:
    await yard.up("a")
    client = yard.open("a")
    for name in "bc":
        yard.cut(name)
        yard.hold(name)
    await yard.run(1.0)
    live = yard.live["a"]
    yard.replan(THREE_LINES[1:])
    assert client.paths == ["a"]
    await yard.until(lambda: yard.fleet.moving.detached == 1)  # its carrier was closed
    yard.release("b")
    await yard.until(lambda: client.paths == ["b"])
    await client.exchange()
    assert live.counters.resumes == 1


# ---- streams without a carrier


@in_yard(THREE_LINES)
async def test_who_loses_its_carrier_is_placed_at_once_where_it_is_sound(yard: Yard) -> None:
    await yard.up()
    clients = [yard.open("a") for _ in range(3)]
    for client in clients:
        await client.exchange()
    yard.cut("a")
    await yard.run(0.001)
    assert all(client.paths == ["b"] for client in clients)
    assert yard.logged("streams-rescued") == [{"count": 3, "to": "b", "why": "their carrier was lost"}]
    for client in clients:
        await client.exchange()
    assert yard.live["a"].counters.resumes == 3
    assert yard.fleet.moving.detached == len(yard.fleet.moving.pauses) == 0


@in_yard(SHARED)
async def test_who_finds_only_doubtful_paths_waits_and_then_takes_one(yard: Yard) -> None:
    """The other path shares the line that may be broken, and says nothing: but after a while it is all there is."""
    await yard.up()
    client = yard.open("ix/p1")
    await client.exchange()
    yard.weather["p1"].refuses = True
    silent = [yard.wire(yard.live[name].thin) for name in ("ix", "ix/p2")]
    for wire in silent:
        wire.is_held = True
    lost = yard.loop.now
    yard.cut("p1")
    await yard.until(lambda: client.paths == ["ix/p2"])
    assert PATIENCE <= yard.loop.now - lost < PATIENCE + 0.3
    for wire in silent:
        wire.is_held = False
    await client.exchange()


@in_yard((("direct", INGRESS, "us"),))
async def test_with_one_path_it_waits_for_its_next_carrier(yard: Yard) -> None:
    await yard.up()
    client = yard.open("direct")
    await client.exchange()
    yard.cut("direct")
    yard.hold("direct")
    client.stream.write(b"waits")
    await yard.run(3.0)
    assert yard.fleet.moving.detached == 1
    yard.release("direct")
    await yard.until(lambda: client.paths == ["direct"])
    await yard.run(0.2)
    assert bytes(client.target.data[10:]) == b"waits"
    assert yard.live["direct"].counters.longest_pause >= 3.0


@in_yard((("direct", INGRESS, "us"),))
async def test_who_ends_while_it_waits_is_forgotten(yard: Yard) -> None:
    await yard.up()
    client, other = yard.open("direct"), yard.open("direct")
    yard.cut("direct")
    yard.hold("direct")
    await yard.until(lambda: yard.fleet.moving.detached == 2)
    client.stream.reset(Cause.CLIENT_RESET)
    await yard.run(0.3)
    assert yard.fleet.moving.detached == len(yard.fleet.moving.pauses) == 1
    other.stream.reset(Cause.CLIENT_RESET)
    await yard.run(0.3)
    assert yard.fleet.moving.detached == len(yard.fleet.moving.pauses) == 0


@in_yard(THREE_LINES)
async def test_who_was_put_on_a_path_meanwhile_waits_no_more(yard: Yard) -> None:
    await yard.up()
    client, choice = yard.open("a"), yard.choice("b")
    thin = yard.live["a"].thin
    assert thin is not None
    thin.close("gone")
    assert yard.fleet.moving.detached == 1
    assert yard.fleet.moving.hedge(client.stream, choice)
    generation = client.stream.generation
    yard.fleet.moving.place_detached()
    assert yard.fleet.moving.detached == 0
    assert client.stream.generation == generation


@in_yard((("direct", INGRESS, "us"),))
async def test_a_stream_that_waits_too_long_is_told(yard: Yard) -> None:
    await yard.up()
    client = yard.open("direct")
    yard.cut("direct")
    yard.hold("direct")
    await yard.run(61.0)
    assert client.sink.cause is Cause.SESSION_EXPIRED
    assert client.stream.state is StreamState.RESET
    assert yard.fleet.moving.detached == 0


PLACES = [
    # which of a, b, c are cut at once, and where a stream of a may go
    ("a", "b"),
    ("ab", "c"),
    ("ac", "b"),
    ("abc", "abc"),  # all are dialled anew: the first that answers
]


@pytest.mark.parametrize(("cut", "to"), PLACES)
@in_yard(THREE_LINES)
async def test_where_a_stream_goes_whose_line_is_reset(yard: Yard, cut: str, to: str) -> None:
    await yard.up()
    client = yard.open("a")
    await client.exchange()
    for name in cut:
        yard.cut(name)
    await yard.until(lambda: client.paths)
    assert client.paths[0] in to
    await client.exchange()
