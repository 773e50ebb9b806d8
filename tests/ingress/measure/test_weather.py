"""The weather of lines, by all walks over them: which line is bad, who is warned, what is forgotten."""

import pytest

from ingress.measure.monitor import PathMonitor
from ingress.measure.weather import LineWeather, in_time
from relay.model.network import Address, Line
from relay.model.walk import Hop, Path

HERE = Address("192.0.2.1", 1)
EVERY = 0.25


def monitor(*names: str) -> PathMonitor:
    hops = [
        Hop(Line(name, f"n{at}", f"n{at + 1}", HERE), f"n{at}", f"n{at + 1}", HERE) for at, name in enumerate(names)
    ]
    made = PathMonitor(Path(tuple(hops)), 0.0)
    made.connected(0.0)
    return made


def told(weather: LineWeather, *monitors: PathMonitor, late: frozenset[str], start: float, count: int = 100) -> None:
    """Each is asked *count* times, in turn; every second ping over a line of *late* comes late."""
    for number in range(count):
        for one in monitors:
            one.pings.outcomes.append((start + number * EVERY, bool(number % 2 and one.path.lines & late)))
        weather.take(monitors)


def test_the_line_that_is_bad_is_told_from_those_that_are_well() -> None:
    """a/x and a/y lose, b/x and b/y do not: it is a, and no path over it has to find out by itself."""
    weather = LineWeather()
    walks = [monitor("a", "x"), monitor("a", "y"), monitor("b", "x"), monitor("b", "y")]
    told(weather, *walks, late=frozenset(), start=0.0)
    assert weather.expected() == {}
    told(weather, *walks, late=frozenset({"a"}), start=25.0, count=12)
    assert list(weather.expected()) == ["a"]
    assert weather.expected()["a"] > 0.15


def test_who_alone_is_asked_leaves_both_its_lines_suspect() -> None:
    weather, walk = LineWeather(), monitor("a", "x")
    told(weather, walk, late=frozenset(), start=0.0)
    told(weather, walk, late=frozenset({"a"}), start=25.0, count=12)
    found = weather.expected()
    assert found["a"] == pytest.approx(found["x"])
    assert 1 - in_time(found.values()) > 0.15


def test_a_carrier_that_is_lost_takes_what_was_late_with_it() -> None:
    weather, walk = LineWeather(), monitor("a", "x")
    told(weather, walk, late=frozenset({"a"}), start=0.0)
    walk.lost("silent", 30.0)
    weather.take([walk])
    assert weather.expected() == {}
    told(weather, walk, late=frozenset({"a"}), start=30.0)
    assert weather.expected()


def test_a_line_that_no_path_leads_over_is_forgotten() -> None:
    weather, walk, other = LineWeather(), monitor("a", "x"), monitor("a", "y")
    told(weather, walk, late=frozenset({"a"}), start=0.0)
    weather.keep([other.path])
    assert list(weather.expected()) == ["a"]
