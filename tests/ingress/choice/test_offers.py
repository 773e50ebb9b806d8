"""What paths have to offer one more bulk stream, and what holds those back that ride."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.choice.offers import Bulk, Offer, Offers, share
from ingress.measure.capacity import Capacities, LineWay, Way, routes_of
from tests.ingress.choice.figures import path

DOWN = Way.DOWN
ROUTES = routes_of([path("ix/b>us"), path("ix/c>us"), path("d>us", rate=8e6)])


def rider(name: str, speed: float, number: int = 1, **more: bool) -> Bulk:
    return Bulk((b"us", number), name, DOWN, speed, **more)


def offers(*riders: Bulk, used: dict[LineWay, float] | None = None, **seen: float) -> Offers:
    """*seen* is what lines are known to carry; what the riders have passes, unless *used* says otherwise."""
    capacities = Capacities()
    for line, speed in seen.items():
        capacities.saw((line, DOWN), speed, 0.0)
    if used is None:
        used = {}
        for one in riders:
            for line, _ in ROUTES.get((one.path, DOWN), ()):
                used[line] = used.get(line, 0.0) + one.speed
    return Offers(ROUTES, capacities, used, riders, 0.0)


def test_a_path_offers_what_its_narrowest_line_has_free() -> None:
    assert offers(ix=9e6, b=4e6).offer("ix/b", DOWN) == Offer(4e6, math.inf)
    assert offers(used={("ix", DOWN): 7e6}, ix=9e6, b=9e6).offer("ix/b", DOWN).known == 9e6  # thin streams make room
    full = offers(rider("ix/c", 7e6), ix=9e6, b=4e6)
    assert full.offer("ix/b", DOWN).known == 4e6  # half of ix is more than that
    assert offers(rider("ix/c", 7e6), ix=6e6, b=4e6).offer("ix/b", DOWN).known == 3e6


def test_of_a_line_that_nobody_knows_the_file_may_tell_the_most() -> None:
    assert offers().offer("ix/b", DOWN) == Offer(0.0, math.inf)
    assert offers().offer("d", DOWN) == Offer(0.0, 8e6)
    assert offers(d=9e6).offer("d", DOWN) == Offer(8e6, 8e6)


def test_what_was_placed_a_moment_ago_is_there_though_nothing_passes_yet() -> None:
    known = offers(d=8e6)
    known.add(rider("d", 8e6))
    assert known.offer("d", DOWN).known == 4e6


def test_who_rides_is_not_in_his_own_way() -> None:
    one = rider("ix/b", 3e6)
    known = offers(one, ix=9e6, b=4e6, c=9e6)
    assert known.offer("ix/c", DOWN, one).known == 9e6
    assert known.offer("ix/c", DOWN).known == 6e6


def test_what_held_a_stream_back_is_the_most_that_its_path_offers() -> None:
    known = offers(ix=2e6, b=2e6)
    known._capacities.held_to(("ix/b", DOWN), 2e6, 0.0)
    assert known.offer("ix/b", DOWN) == Offer(2e6, 2e6)
    assert known.offer("ix/c", DOWN) == Offer(0.0, math.inf)


def test_a_stream_is_held_back_by_a_line_on_which_it_has_its_share() -> None:
    slow, fast = rider("ix/b", 2e6, 1), rider("ix/c", 20e6, 2)
    known = offers(slow, fast)
    assert known.held_to(slow) == 2e6  # b: on ix it has far less than the other
    assert known.held_to(fast) == 22e6
    both = offers(rider("ix/b", 10e6, 1), rider("ix/c", 10e6, 2))
    assert both.held_to(both.riders[0]) == 20e6
    target = rider("ix/b", 1e6)  # others pass on both of its lines, and have much more
    assert offers(target, used={("ix", DOWN): 30e6, ("b", DOWN): 30e6}).held_to(target) is None


def test_what_rides_on_a_path_that_is_gone_takes_nothing() -> None:
    gone = rider("gone", 5e6)
    assert offers(gone, d=8e6).offer("d", DOWN).known == 8e6
    assert offers(gone).held_to(gone) is None


@given(st.floats(0, 1e9), st.floats(0, 1e9), st.integers(0, 20))
def test_nobody_has_less_than_his_share_nor_more_than_there_is(capacity: float, used: float, riders: int) -> None:
    found = share(capacity, used, riders)
    assert capacity / (riders + 1) <= found <= capacity
    assert found >= capacity - used
    assert share(capacity, used, riders + 1) <= found


@given(st.lists(st.sampled_from(["ix/b", "ix/c", "d"]), max_size=6), st.floats(1e3, 1e8))
def test_another_rider_never_makes_an_offer_better(paths: list[str], speed: float) -> None:
    known = offers(ix=50e6, b=20e6, c=9e6, d=8e6)
    before = {name: known.offer(name, DOWN) for name in ("ix/b", "ix/c", "d")}
    for number, name in enumerate(paths):
        known.add(rider(name, speed, number))
        after = {name: known.offer(name, DOWN) for name in before}
        assert all(after[name].known <= before[name].known for name in before)
        assert all(after[name].most >= after[name].known for name in before)
        before = after
    assert before["d"].known == pytest.approx(max(8e6 / (paths.count("d") + 1), 8e6 - speed * paths.count("d")))
