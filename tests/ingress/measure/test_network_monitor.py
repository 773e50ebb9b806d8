"""What monitors say about each other: composed costs, silent beginnings, own load, room on lines."""

import attrs
import pytest

from ingress.measure.faults import FaultKind, SetupFault
from ingress.measure.figures import PathFigures, Source
from ingress.measure.health import PathState
from ingress.measure.monitor import Due
from ingress.measure.network_monitor import NetworkMonitor
from ingress.measure.pings import Pings
from ingress.measure.schedule import FAR, IDLE, NEAR, RIDING
from ingress.measure.traffic import Traffic
from relay.model.network import Address, Line, Network, Node
from relay.model.walk import find_paths, find_prefixes

HERE = Address("x", 1)
NODES = {name: Node(name, HERE, (HERE,), exit=name.startswith("us")) for name in ("jp1", "jp2", "us1")}
LINES = {
    "ix1": Line("ix1", "sh", "jp1", HERE),
    "ix2": Line("ix2", "sh", "jp2", HERE),
    "j1u": Line("j1u", "jp1", "us1", HERE, rate=1000.0),
    "j2u": Line("j2u", "jp2", "us1", HERE),
}
FOUND = find_paths(Network(("sh",), NODES, LINES), "sh")
PREFIXES = find_prefixes(FOUND)


def measured(**trips: float) -> NetworkMonitor:
    """A network_monitor in which every walk answered ten pings; *trips* are those of the walks, `__` for the slash."""
    network_monitor = NetworkMonitor(FOUND.used, PREFIXES, 0.0)
    for name, monitor in network_monitor.monitors.items():
        monitor.connected(0.0)
        answer(network_monitor, name, trips.get(name.replace("/", "__"), 0.1), 0.0, 10)
    return network_monitor


def answer(network_monitor: NetworkMonitor, name: str, trip: float, start: float, count: int = 1) -> None:
    monitor = network_monitor.monitors[name]
    for step in range(count):
        number = monitor.ping(start + step / 2, 0.0)
        monitor.answered(number, start + step / 2 + trip)


def figures(network_monitor: NetworkMonitor, now: float, **traffic: Traffic) -> dict[str, PathFigures]:
    named = {name.replace("__", "/"): one for name, one in traffic.items()}
    return {one.name: one for one in network_monitor.figures(named, now)}


def test_a_path_that_is_often_asked_counts_as_measured() -> None:
    found = figures(measured(ix1__j1u=0.13), 5.0)["ix1/j1u"]
    assert (found.state, found.round_trip, found.source) == (PathState.UP, pytest.approx(0.13), Source.MEASURED)


def longer_network() -> NetworkMonitor:
    """Measured, with a path over three lines that is asked seldom."""
    nodes = {**NODES, "us2": Node("us2", HERE, (HERE,), exit=True)}
    network = Network(("sh",), nodes, {**LINES, "uu": Line("uu", "us1", "us2", HERE)})
    found = find_paths(network, "sh")
    network_monitor = NetworkMonitor(found.used, find_prefixes(found), 0.0)
    for name, monitor in network_monitor.monitors.items():
        monitor.connected(0.0)
        answer(network_monitor, name, {1: 0.03, 2: 0.13, 3: 0.132}[len(monitor.path.hops)], 0.0, 10)
    network_monitor.monitors["ix1/j1u/uu"].every(FAR, 5.0)
    return network_monitor


def test_what_was_measured_wins_over_the_pieces_and_a_path_that_disagrees_with_them_is_asked() -> None:
    network_monitor = longer_network()
    order = [path for path in network_monitor.paths if path.name != "ix1/j1u/uu"]
    order.append(next(path for path in network_monitor.paths if path.name == "ix1/j1u/uu"))
    network_monitor.figures({}, 5.0)
    for name, trip in {"ix1": 0.08, "ix1/j1u": 0.18, "ix2": 0.03, "ix2/j2u": 0.13, "ix2/j2u/uu": 0.132}.items():
        answer(network_monitor, name, trip, 9.0, 5)
    longer = figures(network_monitor, 12.0)["ix1/j1u/uu"]
    assert (longer.round_trip, longer.source) == (pytest.approx(0.132), Source.MEASURED)
    network_monitor.schedule(order, {}, 12.0)
    assert network_monitor.monitors["ix1/j1u/uu"].interval == NEAR


def test_a_path_that_was_never_measured_is_put_together_of_its_lines() -> None:
    network_monitor = longer_network()
    network_monitor.monitors["ix1/j1u/uu"].pings = Pings()
    composed = figures(network_monitor, 5.0)["ix1/j1u/uu"]
    assert (composed.round_trip, composed.source) == (pytest.approx(0.132), Source.ASSUMED)


def test_a_path_of_which_nothing_is_known_is_down_and_guessed() -> None:
    network_monitor = NetworkMonitor(FOUND.used, PREFIXES, 0.0)
    assert figures(network_monitor, 0.0)["ix1/j1u"].source is Source.ASSUMED
    assert figures(network_monitor, 0.0)["ix1/j1u"].state is PathState.DOWN


def test_a_silent_beginning_makes_a_path_silent_that_answered_nothing_since() -> None:
    network_monitor = measured()
    network_monitor.monitors["ix1"].ping(5.0, 0.0)
    network_monitor.monitors["ix1"].tick(7.0)
    found = figures(network_monitor, 7.0)
    assert (found["ix1/j1u"].state, found["ix1/j1u"].reason) == (PathState.STALLED, "its beginning ix1 is silent")
    assert found["ix1/j1u"].suspects == {"ix1", "j1u"}
    assert found["ix2/j2u"].state is PathState.UP
    answer(network_monitor, "ix1/j1u", 0.1, 6.0)
    assert figures(network_monitor, 7.0)["ix1/j1u"].state is PathState.UP


def test_a_stalled_path_suspects_what_lies_behind_the_beginning_that_answers() -> None:
    network_monitor = measured()
    network_monitor.monitors["ix1/j1u"].ping(5.0, 0.0)
    answer(network_monitor, "ix1", 0.03, 5.5)
    network_monitor.monitors["ix1/j1u"].tick(7.0)
    found = figures(network_monitor, 7.0)["ix1/j1u"]
    assert (found.state, found.suspects, found.silent_since) == (PathState.STALLED, {"j1u"}, 5.0)
    assert [blame.lines for blame in network_monitor.blame(frozenset({"us1"}), 7.0)] == [("j1u",)]


def test_bulk_excuses_every_walk_over_its_lines() -> None:
    network_monitor, traffic = measured(), Traffic(streams=1, bulk=1)
    found = figures(network_monitor, 5.0, ix1__j1u=traffic)
    assert (found["ix1/j1u"].streams, found["ix1/j1u"].thin) == (1, 0)
    assert {name for name, monitor in network_monitor.monitors.items() if monitor.pings.is_loaded(5.0)} == {
        "ix1",
        "ix1/j1u",
    }


def test_a_path_is_full_if_a_line_of_it_is() -> None:
    found = {one.name: one.is_full for one in measured().figures({}, 5.0, frozenset({"j1u"}))}
    assert found["ix1/j1u"] and not found["ix2/j2u"]


def test_refused_set_ups_show_their_cause_and_accuse_no_line() -> None:
    network_monitor = measured()
    network_monitor.monitors["ix1/j1u"].lost("reset", 5.0)
    network_monitor.monitors["ix1/j1u"].failed(SetupFault(FaultKind.STALE_CONFIG, 1, "us1 has another file"), 6.0)
    found = figures(network_monitor, 7.0)["ix1/j1u"]
    assert (found.state, found.word, found.reason) == (PathState.DOWN, "stale config", "us1 has another file")
    (blame,) = network_monitor.blame(frozenset({"us1"}), 7.0)
    assert (blame.sentence, blame.lines) == ("us1 has another file", ())


def test_a_new_plan_keeps_the_history_of_what_did_not_change() -> None:
    network_monitor = measured()
    kept = network_monitor.monitors["ix2/j2u"]
    lines = {**LINES, "j1u": Line("j1u", "jp1", "us1", Address("elsewhere", 2))}
    found = find_paths(Network(("sh",), NODES, lines), "sh")
    new, gone = network_monitor.replan(found.used, find_prefixes(found), 9.0)
    assert (new, gone) == (["ix1/j1u"], ["ix1/j1u"])
    assert network_monitor.monitors["ix2/j2u"] is kept
    assert network_monitor.monitors["ix1/j1u"].health.state is PathState.DOWN


def test_the_schedule_asks_where_streams_ride_most_often() -> None:
    network_monitor, traffic = measured(), Traffic(streams=1, spoke_at=4.0)
    network_monitor.schedule(FOUND.used, {"ix1/j1u": traffic}, 5.0)
    assert {name: monitor.interval for name, monitor in network_monitor.monitors.items()} == {
        "ix1/j1u": 0.25,
        "ix2/j2u": 0.5,
        "ix1": 0.5,
        "ix2": 0.5,
    }


def test_a_late_ping_brings_a_path_into_doubt_and_one_on_its_beginning_until_it_answers() -> None:
    network_monitor = measured()
    own, beginning = network_monitor.monitors["ix1/j1u"], network_monitor.monitors["ix1"]
    beginning.ping(10.0, 0.0)
    beginning.tick(10.5)
    doubted = {one.name: one.is_in_doubt for one in network_monitor.figures({}, 10.5)}
    assert doubted == {"ix1/j1u": True, "ix2/j2u": False}
    own.answered(own.ping(10.5, 0.0), 10.63)
    assert not network_monitor.figures({}, 10.7)[0].is_in_doubt
    own.ping(11.0, 0.0)
    own.tick(11.4)
    assert network_monitor.figures({}, 11.4)[0].is_in_doubt


def test_while_nobody_speaks_little_is_asked_and_who_speaks_again_wakes_all() -> None:
    network_monitor = measured()
    network_monitor.schedule(FOUND.used, {"ix1/j1u": Traffic(streams=1, spoke_at=4.0)}, 5.0 + IDLE)
    every = {name: monitor.interval for name, monitor in network_monitor.monitors.items()}
    assert every == {"ix1/j1u": NEAR, "ix2/j2u": FAR, "ix1": FAR, "ix2": FAR}
    for monitor in network_monitor.monitors.values():
        monitor.ping(5.0 + IDLE, 0.0)
    now = 6.0 + IDLE
    network_monitor.schedule(FOUND.used, {"ix1/j1u": Traffic(streams=1, spoke_at=now)}, now)
    assert [monitor.interval for monitor in network_monitor.monitors.values()] == [RIDING, NEAR, NEAR, NEAR]
    assert all(Due.PING in monitor.tick(now) for monitor in network_monitor.monitors.values())


def test_idle_streams_cost_nothing_and_who_speaks_is_watched_at_once() -> None:
    network_monitor, traffic = measured(), Traffic(streams=20_000)
    order = [path for path in FOUND.used if path.name != "ix1/j1u"]
    idle = network_monitor.monitors["ix1/j1u"]
    network_monitor.schedule(order, {"ix1/j1u": traffic}, 60.0)
    idle.interval = FAR
    idle.ping(60.0, 0.0)
    network_monitor.schedule(FOUND.used, {"ix2/j2u": traffic}, 61.0)
    before = {name: monitor.interval for name, monitor in network_monitor.monitors.items()}
    network_monitor.schedule(FOUND.used, {}, 61.0)
    assert before == {name: monitor.interval for name, monitor in network_monitor.monitors.items()}
    traffic = attrs.evolve(traffic, spoke_at=61.9)
    network_monitor.schedule(FOUND.used, {"ix1/j1u": traffic}, 62.0)
    assert idle.interval == RIDING
    assert Due.PING in idle.tick(62.0)
