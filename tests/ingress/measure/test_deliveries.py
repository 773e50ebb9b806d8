"""What lines deliver: sums over the paths that share them, over long enough a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.measure.capacity import LineWay, Way, routes_of
from ingress.measure.deliveries import LARGE, SPAN, WORTH_TELLING, Deliveries
from tests.ingress.measure.test_capacity import path

DOWN, UP = Way.DOWN, Way.UP
ROUTES = routes_of([path("ix", "b"), path("ix", "c"), path("d")])
ROUND = 0.25
MB = 1e6


def play(deliveries: Deliveries, seconds: float, since: float = 0.0, **speeds: float) -> dict[LineWay, float]:
    """The most of what was told while each path moves so many bytes a second; `ix__b` for ix/b."""
    best: dict[LineWay, float] = {}
    for step in range(1, round(seconds / ROUND) + 1):
        moved = {
            (name.replace("__", "/"), DOWN): round((since + step * ROUND) * speed) for name, speed in speeds.items()
        }
        for line, speed in deliveries.note(ROUTES, moved, since + step * ROUND).items():
            best[line] = max(best.get(line, 0.0), speed)
    return best


def test_what_all_paths_over_a_line_deliver_at_once_adds_up() -> None:
    deliveries = Deliveries()
    best = play(deliveries, 4.0, ix__b=1 * MB, ix__c=2 * MB)
    assert best == {("ix", DOWN): pytest.approx(3 * MB), ("b", DOWN): pytest.approx(MB), ("c", DOWN): 2 * MB}
    assert deliveries.speeds["ix", DOWN] == pytest.approx(3 * MB)
    assert repr(deliveries) == "<Deliveries over 3 lines' ways>"


def test_a_moment_says_nothing_unless_it_brings_more_than_nodes_keep_back() -> None:
    assert play(Deliveries(), SPAN, d=MB) == {}
    deliveries = Deliveries()
    assert play(deliveries, SPAN, d=0.0) == {}
    moved = {0.25: 0.9, 0.5: 1.8, 0.75: 1.8}
    best = [deliveries.note(ROUTES, {("d", DOWN): round(LARGE * count)}, SPAN + at) for at, count in moved.items()]
    assert [one["d", DOWN] / LARGE for one in best] == pytest.approx([0.9 / SPAN, 3.6, 2.4])


def test_pings_and_keystrokes_are_no_measure() -> None:
    assert play(Deliveries(), 5.0, d=WORTH_TELLING / 2) == {}


def test_what_a_path_moved_before_it_was_known_does_not_count() -> None:
    deliveries = Deliveries()
    for step in range(20):
        now = step * ROUND
        moved = {("d", DOWN): 0} if step < 10 else {("d", DOWN): 0, ("ix/b", DOWN): 10**12}
        assert deliveries.note(ROUTES, moved, now) == {}
    assert deliveries.speeds == {}


def test_the_present_speed_follows_within_two_seconds() -> None:
    deliveries = Deliveries()
    play(deliveries, 5.0, d=MB)
    for step in range(1, 9):
        deliveries.note(ROUTES, {("d", DOWN): round(5 * MB)}, 5.0 + step * ROUND)
    assert deliveries.speeds == {}


@given(st.lists(st.tuples(st.floats(0.01, 3.0), st.integers(0, 10**8)), max_size=40))
def test_no_line_is_ever_said_to_deliver_more_than_it_did_in_half_a_second(rounds: list[tuple[float, int]]) -> None:
    deliveries, now, total, history = Deliveries(), 0.0, 0, [(0.0, 0)]
    deliveries.note(ROUTES, {("d", UP): 0}, 0.0)
    for elapsed, count in rounds:
        now, total = now + elapsed, total + count
        found = deliveries.note(ROUTES, {("d", UP): total}, now).get(("d", UP), 0.0)
        most = max(((total - then) / (now - at) for at, then in history if now - at >= 0.5), default=0.0)
        assert found <= most * (1 + 1e-9)
        history.append((now, total))
