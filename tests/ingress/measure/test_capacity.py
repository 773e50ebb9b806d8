"""What lines are believed to carry: what was seen is the least, what held a stream back the most, both for a while."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.measure.capacity import DOUBLES, HALVES, RECENT, Capacities, Held, Seen, SeenBy, Way, routes_of
from relay.model.network import Address, Line
from relay.model.walk import Hop, Path

HERE = Address("x", 1)
DOWN, UP = Way.DOWN, Way.UP
speeds = st.floats(1e3, 1e9)


def path(*names: str, **rates: float) -> Path:
    """One line after another."""
    made = [Line(one, f"n{at}", f"n{at + 1}", HERE, rate=rates.get(one)) for at, one in enumerate(names)]
    return Path(tuple(Hop(line, line.start, line.end, HERE) for line in made))


def test_what_was_seen_halves_in_a_week_and_what_held_a_stream_doubles_in_a_day() -> None:
    assert Seen(8e6, 1000.0).least(1000.0 + HALVES) == pytest.approx(4e6)
    assert Held(8e6, 1000.0).most(1000.0 + DOUBLES) == pytest.approx(16e6)
    assert Seen(8e6, 1000.0).least(0.0) == Held(8e6, 1000.0).most(0.0) == 8e6  # the wall's clock was set back
    assert Held(8e6, 0.0).most(1e12) < float("inf")


def test_the_most_of_all_that_was_seen_counts() -> None:
    known = Capacities()
    known.saw(("a", DOWN), 5e6, 0.0)
    known.saw(("a", DOWN), 2e6, 60.0)
    assert known.least(("a", DOWN), None, 60.0) == pytest.approx(5e6, rel=1e-3)
    known.saw(("a", DOWN), 3e6, 2 * HALVES, SeenBy.SPEED_TEST)
    assert known.seen["a", DOWN] == Seen(3e6, 2 * HALVES, SeenBy.SPEED_TEST)
    assert known.least(("a", UP), None, 0.0) == 0.0
    assert repr(known) == "<Capacities of 1 lines' ways, 0 paths'>"


def test_the_rate_of_the_file_is_the_most_and_never_the_least() -> None:
    known = Capacities()
    known.saw(("a", DOWN), 5e6, 0.0)
    assert known.least(("a", DOWN), 1e6, 0.0) == 1e6
    assert known.least(("b", DOWN), 1e6, 0.0) == 0.0
    routes = routes_of([path("a", "b", a=1e6)])
    assert known.limits(routes, 0.0) == {("a", DOWN): 1e6, ("a", UP): 1e6}


def test_a_line_is_the_narrow_one_if_all_others_of_its_path_are_known_to_be_wider() -> None:
    known, routes = Capacities(), routes_of([path("a", "b"), path("c", "b")])
    for line in ("a", "b"):
        known.saw((line, DOWN), 2e6, 0.0)
    known.held_to(("a/b", DOWN), 2e6, 0.0)
    assert known.limits(routes, 0.0) == {}  # it may be either
    known.saw(("b", DOWN), 9e6, 1.0)
    assert known.limits(routes, 1.0) == {("a", DOWN): pytest.approx(2e6, rel=1e-4)}
    assert known.limits(routes, DOUBLES) == {("a", DOWN): pytest.approx(4e6, rel=1e-4)}


def test_a_slower_ride_takes_nothing_back_for_a_while() -> None:
    known = Capacities()
    known.held_to(("a", DOWN), 5e6, 0.0)
    known.held_to(("a", DOWN), 1e6, RECENT)
    assert known.held["a", DOWN] == Held(5e6, 0.0)
    known.held_to(("a", DOWN), 1e6, RECENT + 1)
    assert known.held["a", DOWN] == Held(1e6, RECENT + 1)
    known.held_to(("a", DOWN), 2e6, RECENT + 2)
    assert known.held["a", DOWN].speed == 2e6


def test_news_are_told_once() -> None:
    known = Capacities()
    known.saw(("a", DOWN), 5e6, 0.0)
    known.held_to(("a", DOWN), 5e6, 0.0)
    known.saw(("a", DOWN), 1e6, 1.0)
    assert known.news() == ({("a", DOWN): Seen(5e6, 0.0)}, {("a", DOWN): Held(5e6, 0.0)})
    assert known.news() == ({}, {})


def test_what_an_earlier_process_knew_is_no_news_and_yields_to_more() -> None:
    known = Capacities()
    known.saw(("a", DOWN), 5e6, 100.0)
    known.saw(("b", DOWN), 1e6, 100.0)
    known.recall({("a", DOWN): Seen(2e6, 50.0), ("b", DOWN): Seen(8e6, 50.0)}, {("a", DOWN): Held(1.0, 2.0)})
    assert known.seen == {("a", DOWN): Seen(5e6, 100.0), ("b", DOWN): Seen(8e6, 50.0)}
    assert known.held == {("a", DOWN): Held(1.0, 2.0)}
    assert known.news() == ({("a", DOWN): Seen(5e6, 100.0)}, {})


def test_a_line_that_is_walked_back_carries_the_other_way() -> None:
    line = Line("a", "one", "two", HERE, both=True)
    there, back = Path((Hop(line, "one", "two", HERE),)), Path((Hop(line, "two", "one", HERE),))
    assert routes_of([there])["a", DOWN] == ((("a", DOWN), None),)
    assert routes_of([back])["a", DOWN] == ((("a", UP), None),)


@given(st.lists(st.tuples(speeds, st.floats(0, 3 * HALVES)), min_size=1, max_size=20), st.floats(0, 4 * HALVES))
def test_it_never_falls_by_being_seen_and_never_exceeds_what_was(
    sights: list[tuple[float, float]], later: float
) -> None:
    known, now = Capacities(), 0.0
    for speed, elapsed in sights:
        now += elapsed
        before = known.least(("a", DOWN), None, now)
        known.saw(("a", DOWN), speed, now)
        assert known.least(("a", DOWN), None, now) == max(before, speed)
    assert known.least(("a", DOWN), None, now + later) <= max(speed for speed, _ in sights)
