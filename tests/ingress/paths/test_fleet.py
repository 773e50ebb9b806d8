"""All paths together: the plan and its changes, the round, our own lag, drains, probes, exits that are gone."""

import pytest
import trio

from ingress.choice.connect_times import USES
from ingress.measure.health import PathState
from ingress.paths.fleet import DRAIN_REMOVED, SPARES
from relay.model.cause import Cause
from relay.session.session import EXPIRY
from relay.wire.status import LineReport, status
from tests.ingress.paths.yard import INGRESS, THREE_LINES, TWO_PATHS, Lines, Yard, in_yard

DIRECT: Lines = TWO_PATHS[:1]
TWO_EXITS: Lines = (("direct", INGRESS, "us"), ("other", INGRESS, "eu"))


# ---- what stands


@in_yard()
async def test_streams_are_counted_and_bounded(yard: Yard) -> None:
    await yard.up()
    fleet = yard.fleet
    assert fleet.has_room(1)
    client = yard.open("direct")
    assert fleet.streams() == [client.stream]
    assert fleet.stream_count == 1
    assert not fleet.has_room(1)
    assert fleet.has_room(2)
    yard.memory.used = yard.memory.limit
    assert not fleet.has_room(2)
    assert [live.name for live in fleet.live_to(fleet.peers["us"])] == ["direct", "ix/pacific"]
    assert fleet.live_to(fleet.peers["jp"]) == []  # the prefix is none
    assert fleet.counters() == {name: live.counters for name, live in fleet.live.items()}


@in_yard()
async def test_dial_times_are_told_by_who_dials_the_line(yard: Yard) -> None:
    await yard.up()
    assert yard.fleet.dial_times() == {"direct": 0.06, "ix": 0.04, "pacific": 0.06}
    yard.nodes["us"].say(status(bytes(8), 0, [LineReport("pacific", 9.0)]))  # it only ends there
    await yard.run(0.1)
    assert yard.fleet.dial_times() == {"direct": 0.06, "ix": 0.04, "pacific": 0.06}
    reports = [LineReport("pacific", 0.25), LineReport("direct", 9.0), LineReport("ix", None, "refused")]
    yard.nodes["jp"].say(status(bytes(8), 0, reports))
    await yard.run(0.1)
    assert yard.fleet.dial_times() == {"direct": 0.06, "ix": 0.04, "pacific": 0.25}


@in_yard(THREE_LINES)
async def test_the_best_paths_keep_a_spare_warm(yard: Yard) -> None:
    await yard.up()
    await yard.run(2.0)
    assert [name for name, live in yard.live.items() if live.spare()] == ["a", "b"]
    assert SPARES == 2


@in_yard()
async def test_the_session_goes_by_the_nearest_of_its_paths(yard: Yard) -> None:
    await yard.up()
    assert yard.fleet.peers["us"].session.srtt == pytest.approx(0.06)
    assert yard.fleet.peers["jp"].session.srtt == 0.1  # only a prefix leads there: it has no streams


@in_yard(THREE_LINES)
async def test_whoever_waits_is_told_after_every_round(yard: Yard) -> None:
    told: list[float] = []
    await yard.up()
    yard.fleet.on_round = lambda: told.append(yard.loop.now)
    await yard.run(1.01)
    assert len(told) == 4
    yard.fleet.changed()
    yard.fleet.changed()
    await yard.run(0.001)
    assert len(told) == 5


# ---- another file


@in_yard()
async def test_what_is_new_is_set_up_and_what_is_unchanged_is_not_touched(yard: Yard) -> None:
    await yard.up()
    kept = {name: (live, live.thin) for name, live in yard.live.items()}
    client = yard.open("direct")
    yard.replan((*TWO_PATHS, ("coast", "jp", "us")))
    assert set(yard.live) == {*kept, "ix/coast"}
    await yard.up()
    assert {name: (yard.live[name], yard.live[name].thin) for name in kept} == kept
    await client.exchange()


@in_yard()
async def test_a_prefix_becomes_a_path_when_its_node_becomes_an_exit(yard: Yard) -> None:
    await yard.up()
    live = yard.live["ix"]
    thin = live.thin
    yard.exits = frozenset({"us", "jp"})
    yard.replan(TWO_PATHS)
    assert yard.live["ix"] is live and live.thin is thin
    assert not live.is_prefix
    await yard.run(0.3)
    client = yard.open("ix")
    await client.exchange()
    yard.exits = frozenset({"us"})
    yard.replan(TWO_PATHS)
    assert live.is_prefix


@in_yard()
async def test_a_removed_path_delivers_what_it_has_and_then_closes(yard: Yard) -> None:
    await yard.up()
    client = yard.open("ix/pacific")
    await client.exchange()
    removed = [yard.live[name] for name in ("ix", "ix/pacific")]
    client.stream.write(bytes(50_000))
    yard.replan(DIRECT)
    assert set(yard.live) == {"direct"}
    assert client.paths == ["direct"]
    await yard.run(DRAIN_REMOVED - 0.1)
    assert all(live.thin is not None for live in removed)
    assert len(client.target.data) == 50_010
    await yard.run(0.2)
    assert all(live.thin is None and not live.bulk for live in removed)
    assert set(yard.fleet.peers) == {"us"}
    assert len(yard.nodes["jp"].links) == 0
    begun = len(yard.dials)
    await yard.run(30.0)
    assert len(yard.dials) == begun


@in_yard()
async def test_what_was_counted_on_a_removed_path_is_kept(yard: Yard) -> None:
    await yard.up()
    client = yard.open("ix/pacific")
    client.stream.write(bytes(50_000))
    await yard.run(0.5)
    live = yard.live["ix/pacific"]
    live.counters.count_lost("refused")
    moved = live.bytes_up
    yard.replan(DIRECT)
    past = yard.fleet.past
    assert (past.opened, past.moves, past.lost) == (1, 1, {"refused": 1})
    assert past.bytes_up >= moved > 50_000
    await yard.run(10.0)
    assert past.bytes_up >= moved


@in_yard()
async def test_a_path_that_leaves_without_streams_says_nothing_of_moves(yard: Yard) -> None:
    await yard.up()
    yard.replan(DIRECT)
    await yard.run(5.0)
    assert yard.logged("streams-moved") == []


@in_yard(TWO_EXITS, exits=("us", "eu"))
async def test_streams_of_an_exit_that_is_removed_end_with_it(yard: Yard) -> None:
    await yard.up()
    ours, other = yard.open("direct"), yard.open("other")
    await ours.exchange()
    await other.exchange()
    yard.replan(DIRECT)
    await yard.run(DRAIN_REMOVED + 0.1)
    assert other.sink.cause is Cause.EXIT_LOST
    assert set(yard.fleet.peers) == {"us"}
    await ours.exchange()


@in_yard(TWO_EXITS, exits=("us", "eu"))
async def test_an_exit_that_is_removed_and_comes_back_in_time_keeps_its_streams(yard: Yard) -> None:
    await yard.up()
    other = yard.open("other")
    await other.exchange()
    yard.replan(DIRECT)
    await yard.run(1.0)
    yard.replan(TWO_EXITS)
    await yard.run(DRAIN_REMOVED + 1.0)
    assert other.paths == ["other"]
    await other.exchange()


# ---- our own lag


@in_yard(THREE_LINES)
async def test_what_we_are_late_for_is_nobodys_fault(yard: Yard) -> None:
    await yard.up()
    client = yard.open("a")
    await client.exchange()
    await yard.until(lambda: all(live.monitor.pings.oldest_unanswered for live in yard.live.values()))
    yard.clock.jump(2.0)  # and nobody was served
    yard.loop._serve()
    await yard.run(3.0)
    assert yard.logged("loop-lagged")
    assert yard.logged("path-stalled") == []
    assert client.paths == ["a"]
    assert all(live.monitor.health.state is PathState.UP for live in yard.live.values())


@in_yard(THREE_LINES)
async def test_a_little_lateness_is_none(yard: Yard) -> None:
    await yard.up()
    assert not yard.fleet.check_lag(yard.loop.now - 0.09)
    assert yard.logged("loop-lagged") == []
    assert yard.fleet.check_lag(yard.loop.now - 0.5)
    assert yard.logged("loop-lagged") == [{"level": "warning", "seconds": 0.5}]


# ---- drains


@in_yard((("ix", INGRESS, "jp"), ("pacific", "jp", "us"), ("direct", INGRESS, "us")))
async def test_a_draining_node_is_left_by_plan_and_its_carriers_are_closed_when_deserted(yard: Yard) -> None:
    await yard.up()
    client = yard.open("ix/pacific")
    await client.exchange()
    client.stream.write(bytes(100_000))
    yard.nodes["jp"].drain()
    await yard.until(lambda: client.paths == ["direct"])
    live = yard.live["ix/pacific"]
    assert yard.fleet.traffic["ix/pacific"].leaving == "node jp drains"
    assert live.counters.moves == 1 and live.counters.resumes == 0
    await yard.until(lambda: live.thin is None)
    assert len(client.target.data) == 100_010
    assert [told["node"] for told in yard.logged("node-draining")] == ["jp"]
    assert {told["why"] for told in yard.logged("carrier-lost")} == {"node jp drains"}
    yard.nodes["jp"].restart()
    await yard.until(lambda: not yard.fleet.peers["jp"].is_draining)
    await yard.up()
    assert yard.fleet.traffic["ix/pacific"].leaving == ""


@in_yard(DIRECT)
async def test_the_only_exit_drains_and_its_streams_stay_while_they_can(yard: Yard) -> None:
    await yard.up()
    client = yard.open("direct")
    await client.exchange()
    yard.nodes["us"].drain()
    await yard.run(5.0)
    assert client.paths == ["direct"]
    await client.exchange()
    await client.finish()
    await yard.until(lambda: yard.live["direct"].thin is None)


# ---- probes


async def use_often(yard: Yard) -> None:
    """A site is used so often that all exits are asked for it."""
    for _ in range(USES):
        yard.fleet.chooser.opened(yard.choice("direct", host="www.example"), yard.loop.now)
    await yard.run(2.5)


@in_yard(TWO_EXITS, exits=("us", "eu"))
async def test_exits_are_asked_for_a_site_that_is_used_often(yard: Yard) -> None:
    await yard.up()
    yard.nodes["us"].connect_time = 0.2, 0
    yard.nodes["eu"].connect_time = 0.1, 0
    await use_often(yard)
    assert yard.nodes["us"].asked == yard.nodes["eu"].asked == [("www.example", 443)]
    known = yard.fleet.chooser.connect_times.known("www.example")
    assert {exit_: connect.time for exit_, connect in known.items()} == {"us": 0.2, "eu": 0.1}


ANSWERS = [
    ((0.0, int(Cause.REFUSED)), {"us": 1.0}),  # avoided for this site
    ((0.0, int(Cause.LIMIT)), {}),  # it was too busy to try: that says nothing of the site
    (None, {}),
]


@pytest.mark.parametrize(("answer", "known"), ANSWERS)
@in_yard(DIRECT)
async def test_what_an_answer_says_of_the_site(
    yard: Yard, answer: tuple[float, int] | None, known: dict[str, float]
) -> None:
    await yard.up()
    yard.nodes["us"].connect_time = answer
    await use_often(yard)
    found = yard.fleet.chooser.connect_times.known("www.example")
    assert {exit_: connect.time for exit_, connect in found.items()} == known
    assert len(yard.nodes["us"].asked) == 1


@in_yard(TWO_EXITS, exits=("us", "eu"))
async def test_an_exit_without_a_path_is_not_asked(yard: Yard) -> None:
    await yard.up()
    yard.cut("other")
    yard.hold("other")
    await use_often(yard)
    assert yard.nodes["us"].asked and not yard.nodes["eu"].asked


# ---- exits that are gone


GONE = [
    # which lines have a forward's address, which refuse, and whether the exit is known to be gone
    ((), ("a",), True),  # the node's own address: its word counts
    (("a",), ("a",), False),  # a forward may refuse by itself
    (("a", "b", "c"), ("a", "b"), False),
    (("a", "b", "c"), ("a", "b", "c"), True),  # when all say so
]


@pytest.mark.parametrize("case", range(len(GONE)))
def test_when_nothing_listens_at_an_exit(case: int) -> None:
    forwards, refusing, is_gone = GONE[case]

    @in_yard(THREE_LINES, forwards=forwards)
    async def play(yard: Yard) -> None:
        await yard.up()
        client = yard.open("a")
        await client.exchange()
        for name in "abc":
            yard.cut(name)
            yard.weather[name].refuses = name in refusing
            yard.weather[name].is_held = name not in refusing
        await yard.run(3.0)
        assert (client.sink.cause is Cause.EXIT_LOST) == is_gone
        assert len(yard.logged("exit-lost")) == is_gone

    play()


@in_yard(THREE_LINES)
async def test_an_exit_with_a_carrier_left_is_not_gone(yard: Yard) -> None:
    await yard.up()
    client = yard.open("a")
    for name in "ab":
        yard.weather[name].refuses = True
        yard.cut(name)
    await yard.run(5.0)
    assert client.paths == ["c"]
    assert yard.logged("exit-lost") == []


@in_yard(THREE_LINES)
async def test_a_refusal_that_comes_when_its_node_is_no_longer_in_the_file_is_nothing(yard: Yard) -> None:
    """The reload and the answer to the dial were ready in the same moment."""
    await yard.up()
    client = yard.open("a")
    live = yard.live["a"]
    for name in "abc":
        yard.weather[name].refuses = True
    yard.replan((("d", INGRESS, "eu"),))
    for one in list(live.peer.session.carriers.values()):
        live.peer.session.lose(one, yard.loop.now)
    yard.fleet.nothing_listens(live)
    assert client.sink.cause is None
    await yard.run(DRAIN_REMOVED + 1.0)
    assert client.sink.cause is Cause.EXIT_LOST


@in_yard(DIRECT)
async def test_a_session_without_a_carrier_ends_for_us_as_well(yard: Yard) -> None:
    await yard.up()
    old = yard.fleet.peers["us"].session
    yard.hold("direct")
    yard.cut("direct")
    await yard.run(EXPIRY + 2.0)
    assert yard.fleet.peers["us"].session is not old
    yard.release("direct")
    await yard.up()
    await yard.open("direct").exchange()


@in_yard()
async def test_a_carrier_that_is_up_again_wakes_whoever_waits_for_its_nodes(yard: Yard) -> None:
    await yard.up()
    for name in ("ix", "pacific"):
        yard.weather[name].refuses = True
        yard.cut(name)
    await yard.run(60.0)
    yard.weather["ix"].refuses = yard.weather["pacific"].refuses = False
    yard.live["ix"].poke()
    await yard.run(0.5)
    assert yard.live["ix/pacific"].thin is not None


@in_yard()
async def test_when_a_node_is_back_its_other_paths_need_not_wait(yard: Yard) -> None:
    await yard.up()
    yard.weather["pacific"].refuses = True
    yard.cut("pacific")
    await yard.run(60.0)
    begun = len(yard.dials)
    yard.fleet.session_unknown(yard.live["direct"])
    await yard.run(0.001)
    assert [path for path, _ in yard.dials[begun:]] == ["ix/pacific"]


@in_yard()
async def test_the_tasks_end_with_their_nursery(yard: Yard) -> None:
    await yard.up()
    tasks = trio.lowlevel.current_statistics().tasks_living
    yard.replan(DIRECT)
    await yard.run(0.1)
    assert trio.lowlevel.current_statistics().tasks_living < tasks
