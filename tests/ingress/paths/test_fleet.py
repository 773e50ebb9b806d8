"""All paths together: the plan and its changes, the round, our own lag, drains, exits that are gone."""

import pytest
import trio

from ingress.choice.demand import Demand
from ingress.measure.health import PathState
from ingress.paths.fleet import DRAIN_REMOVED, SPARES
from relay.model.cause import Cause
from relay.model.vitals import LineReport
from relay.session.session import EXPIRY
from relay.wire.codes import Feature
from relay.wire.status import Status, status
from tests.ingress.paths.fleet_bed import INGRESS, THREE_LINES, TWO_PATHS, FleetBed, Lines, with_bed

DIRECT: Lines = TWO_PATHS[:1]
TWO_EXITS: Lines = (("direct", INGRESS, "us"), ("other", INGRESS, "eu"))


# ---- what stands


@with_bed()
async def test_streams_are_counted_and_bounded(bed: FleetBed) -> None:
    await bed.up()
    fleet = bed.fleet
    assert fleet.has_room(1)
    client = bed.open("direct")
    assert fleet.streams() == [client.stream]
    assert fleet.stream_count == 1
    assert not fleet.has_room(1)
    assert fleet.has_room(2)
    bed.memory.resize(1)
    assert fleet.has_room(2)  # all is promised, and nobody holds any of it
    client.stream.write(b"xx")
    assert fleet.has_room(2)  # the exit takes streams that start with less
    fleet.peers["us"].session.go_by(Feature(0))
    assert not fleet.has_room(2)
    assert [live.name for live in fleet.live_to(fleet.peers["us"])] == ["direct", "ix/pacific"]
    assert fleet.live_to(fleet.peers["jp"]) == []  # the prefix is none
    assert fleet.counters() == {name: live.counters for name, live in fleet.live.items()}


def took(bed: FleetBed) -> dict[str, float | None]:
    return {name: dial.took for name, dial in bed.fleet.dials().items()}


@with_bed()
async def test_dial_times_are_told_by_who_dials_the_line(bed: FleetBed) -> None:
    await bed.up()
    assert took(bed) == {"direct": 0.06, "ix": 0.04, "pacific": 0.06}
    bed.nodes["us"].say(status(Status(bytes(8), 0, (LineReport("pacific", 9.0),))))  # it only ends there
    await bed.run(0.1)
    assert took(bed) == {"direct": 0.06, "ix": 0.04, "pacific": 0.06}
    await bed.run(5.0)
    reports = (LineReport("pacific", 0.25, None, 3.0), LineReport("direct", 9.0), LineReport("ix", None, "refused"))
    bed.nodes["jp"].say(status(Status(bytes(8), 0, reports)))
    await bed.run(0.1)
    assert took(bed) == {"direct": 0.06, "ix": 0.04, "pacific": 0.25}
    assert bed.loop.now - bed.fleet.dials()["pacific"].at == pytest.approx(3.0, abs=0.2)
    bed.nodes["jp"].say(status(Status(bytes(8), 0, (LineReport("pacific", None, "refused"),))))
    await bed.run(0.1)
    assert (took(bed)["pacific"], bed.fleet.dials()["pacific"].error) == (None, "refused")


@with_bed(THREE_LINES)
async def test_the_best_paths_keep_a_spare_warm(bed: FleetBed) -> None:
    await bed.up()
    await bed.run(2.0)
    assert [name for name, live in bed.live.items() if live.spare()] == ["a", "b"]
    assert SPARES == 2


@with_bed()
async def test_the_session_goes_by_the_nearest_of_its_paths(bed: FleetBed) -> None:
    await bed.up()
    assert bed.fleet.peers["us"].session.srtt == pytest.approx(0.06)
    assert bed.fleet.peers["jp"].session.srtt == 0.1  # only a prefix leads there: it has no streams


@with_bed(THREE_LINES)
async def test_whoever_waits_is_told_after_every_round(bed: FleetBed) -> None:
    told: list[float] = []
    await bed.up()
    bed.fleet.on_round = lambda: told.append(bed.loop.now)
    await bed.run(1.01)
    assert len(told) == 4
    bed.fleet.changed()
    bed.fleet.changed()
    await bed.run(0.001)
    assert len(told) == 5


# ---- another file


@with_bed()
async def test_what_is_new_is_set_up_and_what_is_unchanged_is_not_touched(bed: FleetBed) -> None:
    await bed.up()
    kept = {name: (live, live.thin) for name, live in bed.live.items()}
    client = bed.open("direct")
    bed.replan((*TWO_PATHS, ("coast", "jp", "us")))
    assert set(bed.live) == {*kept, "ix/coast"}
    await bed.up()
    assert {name: (bed.live[name], bed.live[name].thin) for name in kept} == kept
    await client.exchange()


@with_bed()
async def test_a_prefix_becomes_a_path_when_its_node_becomes_an_exit(bed: FleetBed) -> None:
    await bed.up()
    live = bed.live["ix"]
    thin = live.thin
    bed.exits = frozenset({"us", "jp"})
    bed.replan(TWO_PATHS)
    assert bed.live["ix"] is live and live.thin is thin
    assert not live.is_prefix
    await bed.run(0.3)
    client = bed.open("ix")
    await client.exchange()
    bed.exits = frozenset({"us"})
    bed.replan(TWO_PATHS)
    assert live.is_prefix


@with_bed()
async def test_a_removed_path_delivers_what_it_has_and_then_closes(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("ix/pacific")
    await client.exchange()
    removed = [bed.live[name] for name in ("ix", "ix/pacific")]
    client.stream.write(bytes(50_000))
    bed.replan(DIRECT)
    assert set(bed.live) == {"direct"}
    assert client.paths == ["direct"]
    await bed.run(DRAIN_REMOVED - 0.1)
    assert all(live.thin is not None for live in removed)
    assert len(client.target.data) == 50_010
    await bed.run(0.2)
    assert all(live.thin is None and not live.bulk for live in removed)
    assert set(bed.fleet.peers) == {"us"}
    assert len(bed.nodes["jp"].links) == 0
    begun = len(bed.dials)
    await bed.run(30.0)
    assert len(bed.dials) == begun


@with_bed()
async def test_what_was_counted_on_a_removed_path_is_kept(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("ix/pacific")
    client.stream.write(bytes(50_000))
    await bed.run(0.5)
    live = bed.live["ix/pacific"]
    live.counters.count_lost("refused")
    moved = live.bytes_up
    bed.replan(DIRECT)
    past = bed.fleet.past
    assert (past.opened, past.moves, past.lost) == (1, 1, {"refused": 1})
    assert past.bytes_up >= moved > 50_000
    await bed.run(10.0)
    assert past.bytes_up >= moved


@with_bed()
async def test_a_path_that_leaves_without_streams_says_nothing_of_moves(bed: FleetBed) -> None:
    await bed.up()
    bed.replan(DIRECT)
    await bed.run(5.0)
    assert bed.logged("streams-moved") == []


@with_bed(TWO_EXITS, exits=("us", "eu"))
async def test_streams_of_an_exit_that_is_removed_end_with_it(bed: FleetBed) -> None:
    await bed.up()
    ours, other = bed.open("direct"), bed.open("other")
    await ours.exchange()
    await other.exchange()
    bed.replan(DIRECT)
    await bed.run(DRAIN_REMOVED + 0.1)
    assert other.sink.cause is Cause.EXIT_LOST
    assert set(bed.fleet.peers) == {"us"}
    await ours.exchange()


@with_bed(TWO_EXITS, exits=("us", "eu"))
async def test_an_exit_that_is_removed_and_comes_back_in_time_keeps_its_streams(bed: FleetBed) -> None:
    await bed.up()
    other = bed.open("other")
    await other.exchange()
    bed.replan(DIRECT)
    await bed.run(1.0)
    bed.replan(TWO_EXITS)
    await bed.run(DRAIN_REMOVED + 1.0)
    assert other.paths == ["other"]
    await other.exchange()


# ---- our own lag


@with_bed(THREE_LINES)
async def test_what_we_are_late_for_is_nobodys_fault(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("a")
    await client.exchange()
    await bed.until(lambda: all(live.monitor.pings.oldest_unanswered for live in bed.live.values()))
    bed.clock.jump(2.0)  # and nobody was served
    bed.loop._serve()
    await bed.run(3.0)
    assert len(bed.logged("loop-lagged")) == 1
    assert bed.logged("path-stalled") == []
    assert client.paths == ["a"]
    assert all(live.monitor.health.state is PathState.UP for live in bed.live.values())


@with_bed(THREE_LINES)
async def test_a_little_lateness_is_none(bed: FleetBed) -> None:
    await bed.up()
    assert not bed.fleet.check_lag(bed.loop.now - 0.09)
    assert bed.logged("loop-lagged") == []
    assert bed.fleet.check_lag(bed.loop.now - 0.5)
    assert bed.fleet.check_lag(bed.loop.now - 0.4)  # for another that fell due while we stood still
    assert bed.logged("loop-lagged") == [{"level": "warning", "seconds": 0.5}]
    bed.clock.jump(0.5)  # longer than until the next round
    bed.loop._serve()
    assert len(bed.logged("loop-lagged")) == 2


# ---- drains


@with_bed((("ix", INGRESS, "jp"), ("pacific", "jp", "us"), ("direct", INGRESS, "us")))
async def test_a_draining_node_is_left_by_plan_and_its_carriers_are_closed_when_deserted(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("ix/pacific")
    await client.exchange()
    client.stream.write(bytes(100_000))
    bed.nodes["jp"].drain()
    await bed.until(lambda: client.paths == ["direct"])
    live = bed.live["ix/pacific"]
    assert bed.fleet.traffic["ix/pacific"].leaving == "node jp drains"
    assert live.counters.moves == 1 and live.counters.resumes == 0
    await bed.until(lambda: live.thin is None)
    assert len(client.target.data) == 100_010
    assert [told["node"] for told in bed.logged("node-draining")] == ["jp"]
    assert {told["why"] for told in bed.logged("carrier-lost")} == {"node jp drains"}
    bed.nodes["jp"].restart()
    await bed.until(lambda: not bed.fleet.peers["jp"].is_draining)
    await bed.up()
    assert bed.fleet.traffic["ix/pacific"].leaving == ""


@with_bed(DIRECT)
async def test_the_only_exit_drains_and_its_streams_stay_while_they_can(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("direct")
    await client.exchange()
    bed.nodes["us"].drain()
    await bed.run(5.0)
    assert client.paths == ["direct"]
    await client.exchange()
    await client.finish()
    await bed.until(lambda: bed.live["direct"].thin is None)


# ---- exits that are gone


GONE = [
    # which lines refuse, while the others are black holes, and whether the exit is known to be gone
    ("a", False),  # a firewall, or a forward, may refuse by itself
    ("ab", False),
    ("abc", True),  # when all say so
]


@pytest.mark.parametrize(("refusing", "is_gone"), GONE)
def test_c1_when_nobody_is_there_at_an_exit(refusing: str, is_gone: bool) -> None:
    @with_bed(THREE_LINES)
    async def play(bed: FleetBed) -> None:
        await bed.up()
        client = bed.open("a")
        await client.exchange()
        for name in "abc":
            bed.cut(name)
            bed.lines[name].refuses = name in refusing
            bed.lines[name].is_held = name not in refusing
        await bed.run(20.0)
        assert (client.sink.cause is Cause.EXIT_LOST) == is_gone
        assert len(bed.logged("exit-lost")) == is_gone

    play()


@with_bed(THREE_LINES)
async def test_an_exit_with_a_carrier_left_is_not_gone(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("a")
    for name in "ab":
        bed.lines[name].refuses = True
        bed.cut(name)
    await bed.run(5.0)
    assert client.paths == ["c"]
    assert bed.logged("exit-lost") == []


@with_bed(THREE_LINES)
async def test_a_refusal_that_comes_when_its_node_is_no_longer_in_the_file_is_nothing(bed: FleetBed) -> None:
    """The reload and the answer to the dial were ready in the same moment."""
    await bed.up()
    client = bed.open("a")
    live = bed.live["a"]
    for name in "abc":
        bed.lines[name].refuses = True
    bed.replan((("d", INGRESS, "eu"),))
    for one in list(live.peer.session.carriers.values()):
        live.peer.session.lose(one, bed.loop.now)
    bed.fleet.found_nobody(live)
    assert client.sink.cause is None
    await bed.run(DRAIN_REMOVED + 1.0)
    assert client.sink.cause is Cause.EXIT_LOST


@with_bed(DIRECT)
async def test_a_session_without_a_carrier_ends_for_us_as_well(bed: FleetBed) -> None:
    await bed.up()
    old = bed.fleet.peers["us"].session
    bed.hold("direct")
    bed.cut("direct")
    await bed.run(EXPIRY + 2.0)
    assert bed.fleet.peers["us"].session is not old
    bed.release("direct")
    await bed.up()
    await bed.open("direct").exchange()


@with_bed()
async def test_a_carrier_that_is_up_again_wakes_whoever_waits_for_its_nodes(bed: FleetBed) -> None:
    await bed.up()
    for name in ("ix", "pacific"):
        bed.lines[name].refuses = True
        bed.cut(name)
    await bed.run(60.0)
    bed.lines["ix"].refuses = bed.lines["pacific"].refuses = False
    bed.live["ix"].poke()
    await bed.run(0.5)
    assert bed.live["ix/pacific"].thin is not None


@with_bed()
async def test_when_a_node_is_back_its_other_paths_need_not_wait(bed: FleetBed) -> None:
    await bed.up()
    bed.lines["pacific"].refuses = True
    bed.cut("pacific")
    await bed.run(60.0)
    begun = len(bed.dials)
    bed.fleet.session_unknown(bed.live["direct"])
    await bed.run(0.001)
    assert [path for path, _ in bed.dials[begun:]] == ["ix/pacific"]


@with_bed()
async def test_the_tasks_end_with_their_nursery(bed: FleetBed) -> None:
    await bed.up()
    tasks = trio.lowlevel.current_statistics().tasks_living
    bed.replan(DIRECT)
    await bed.run(0.1)
    assert trio.lowlevel.current_statistics().tasks_living < tasks


@with_bed((("a", INGRESS, "us"), ("b", INGRESS, "eu")), exits=("us", "eu"))
async def test_f1_an_exit_that_is_sick_and_well_again_is_told(bed: FleetBed) -> None:
    await bed.up()
    health = bed.fleet.chooser.health
    bed.hold("a")  # or it would answer what it is asked, which speaks for it
    for site in ("one", "two", "three"):
        health.failed("us", Demand(f"www.{site}.test", 443, "10.0.0.1"), Cause.CONNECT_TIMEOUT, bed.loop.now)
        health.reached("eu", f"{site}.test", bed.loop.now, probed=False)
    await bed.until(lambda: bed.logged("exit-sick"))
    bed.release("a")
    (sick,) = bed.logged("exit-sick")
    assert (sick["about"], sick["node"], sick["level"]) == ("us", "us", "warning") and "us" in sick["why"]
    await bed.until(lambda: bed.logged("exit-well"))  # it has answered what it is asked every second
    assert bed.logged("exit-well") == [{"about": "us", "node": "us"}]
