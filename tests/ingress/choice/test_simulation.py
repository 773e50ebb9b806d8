"""Whole worlds of scripted weather, played without a socket: how well measuring and choosing do together.

The figures that a short run must reach are wider than those that long ones do: this fails when the quality falls, not
when chance is against it. Virtual time, and chance from seeds: the same every time. `./run bench choice` plays more.
"""

from collections.abc import Mapping

import pytest

from bench.choice.games import WEATHERS
from bench.choice.ours import Ours
from bench.choice.own_load import PAGES, OwnLoad
from bench.choice.score import WARM, Score
from bench.choice.weather import LineWeather, steps_of
from bench.choice.worlds import World, costs_of, make_world
from ingress.choice.ranking import Switch
from ingress.measure.health import PathState
from relay.model.network import Address, Line
from relay.model.walk import Hop, Path

HOURS = 0.15
CHANGE = WARM + 30.0
"""Seconds after which a test changes the weather."""
DELAYS = {"a": 0.130, "b": 0.135, "c": 0.155}
"""Round trips of three paths of one line each."""


def path(name: str) -> Path:
    line = Line(name, "sh", "us", Address("192.0.2.1", 1))
    return Path((Hop(line, "sh", "us", line.address),))


def world(
    seconds: float, delays: Mapping[str, float] = DELAYS, *, swing: float = 0.0003, own_load: OwnLoad | None = None
) -> World:
    """Steady paths of one line each, to be made worse by a test."""
    steps = steps_of(seconds)
    lines = {name: LineWeather.still(delay, steps, swing) for name, delay in delays.items()}
    return World(tuple(path(name) for name in delays), (), lines, steps, {}, {}, own_load)


def play(played: World, seed: int = 1) -> tuple[Ours, Score]:
    for one in played.paths:
        played.costs[one.name] = costs_of(one, played.lines, played.steps)  # type: ignore[index]
    ours = Ours(played, seed)
    return ours, ours.run()


def switches(ours: Ours) -> list[Switch]:
    """Those after the beginning, in which nobody knows anything."""
    return [switch for switch in ours.chooser.ranking.switches if switch.at > WARM]


def left_after(played: World, at: float, seed: int) -> float:
    """Seconds until a, which leads, is left for another when it changes at *at*."""
    ours, _ = play(played, seed)
    first = switches(ours)[0]
    assert first.old == "a" and first.at >= at
    return first.at - at


@pytest.mark.parametrize(
    ("weather", "regret", "gain", "switches"),
    [
        ("usual day", 1.0, 91, 31),
        ("quiet day", 0.09, None, 0),
        ("equals", 0.001, None, 0),
        ("bursty loss", 0.3, 90, 31),
        ("wrong pieces", 1.15, 83, 31),
        ("own page loads", 0.045, None, 0),
    ],
)
def test_a_short_run_is_near_the_oracle(weather: str, regret: float, gain: float | None, switches: float) -> None:
    found = Ours(make_world(4, WEATHERS[weather], HOURS, 1), 1).run().figures()
    assert found["regret"] is not None and found["regret"] <= regret
    assert gain is None or (found["gain"] is not None and found["gain"] >= gain)
    assert found["switches"] is not None and found["switches"] <= switches
    assert found["needless"] is not None and found["needless"] <= 1
    assert found["exits"] is not None and found["exits"] <= 5
    assert found["dead"] is not None and found["dead"] <= 0.05


@pytest.mark.parametrize("seed", range(4))
def test_a_dead_path_is_left_in_900_ms(seed: int) -> None:
    played = world(CHANGE + 20.0)
    played.lines["a"].kill(steps_of(CHANGE), played.steps)
    assert left_after(played, CHANGE, seed) <= 0.9


@pytest.mark.parametrize("seed", range(3))
def test_a_path_that_is_30_ms_worse_is_left_in_4_s_and_so_is_it_by_its_streams(seed: int) -> None:
    played = world(CHANGE + 20.0)
    played.lines["a"].add(steps_of(CHANGE), played.steps, delay=0.030)
    ours, _ = play(played, seed)
    (switch,) = switches(ours)
    assert (switch.old, switch.new) == ("a", "b")
    assert CHANGE < switch.at <= CHANGE + 4.0
    assert ours.riding["a"] == 0


def test_one_segment_lost_in_a_thousand_moves_nothing() -> None:
    played = world(600.0)
    for name in DELAYS:
        played.lines[name].add(0, played.steps, up=0.0005, down=0.0005)
    ours, score = play(played)
    assert switches(ours) == []
    assert (score.moves, score.switches, score.exit_changes) == (0, 0, 0)


@pytest.mark.parametrize("seed", range(2))
def test_two_equal_paths_with_5_ms_of_jitter_do_not_trade_places(seed: int) -> None:
    ours, score = play(world(600.0, {"a": 0.130, "b": 0.130}, swing=0.0025), seed)
    assert switches(ours) == []
    assert score.moves == 0


def test_our_own_page_loads_move_nothing_where_another_path_is_a_little_longer() -> None:
    """Ten of 150 KB every 4 s push the line of 132 ms to 180: nobody goes to the one of 150."""
    ours, score = play(world(120.0, {"a": 0.132, "b": 0.150}, own_load=PAGES))
    assert switches(ours) == []
    assert ours.chooser.ranking.by_name["a"].cost < 0.134
    assert score.moves == 0


def test_a_path_that_becomes_uneven_is_left() -> None:
    played = world(CHANGE + 30.0, {"a": 0.130, "b": 0.140})
    played.lines["a"].add(steps_of(CHANGE), played.steps, swing=0.030)
    ours, _ = play(played)
    assert [(switch.old, switch.new) for switch in switches(ours)] == [("a", "b")]


def test_loss_on_the_only_path_is_no_death() -> None:
    played = world(600.0, {"a": 0.180})
    played.lines["a"].add(0, played.steps, up=0.01, down=0.01)
    ours, score = play(played)
    monitor = ours.network_monitor.monitors["a"]
    assert (monitor.health.deaths, monitor.health.state) == (0, PathState.UP)
    assert score.dead == 0
