"""Strangers make room for each other, and whoever holds most does so first."""

from collections import Counter
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.strangers import Stranger, Strangers, StrangersStatistics


class Crowd:
    """Strangers by name, and who had to go."""

    def __init__(self, most: int, most_each: int) -> None:
        self.strangers = Strangers(most, most_each)
        self.gone: list[str] = []

    def comes(self, name: str, address: str = "") -> Stranger:
        return self.strangers.admit(address or f"192.0.2.{name}", lambda: self.gone.append(name))


def test_the_oldest_of_a_source_makes_room_first() -> None:
    crowd = Crowd(10, 2)
    for name, address in (("other", "192.0.2.9"), *((each, "192.0.2.1") for each in ("first", "second", "third"))):
        crowd.comes(name, address)
    assert crowd.gone == ["first"]
    assert len(crowd.strangers) == 3


def test_the_oldest_of_all_makes_room_when_there_are_too_many() -> None:
    crowd = Crowd(3, 3)
    for number in range(1, 6):
        crowd.comes(str(number))
    assert crowd.gone == ["1", "2"]
    assert crowd.strangers.statistics() == StrangersStatistics(waiting=3, evicted=2)


def test_d1_who_holds_most_makes_room_for_others() -> None:
    crowd = Crowd(5, 4)
    crowd.comes("1")
    for number in range(4):
        crowd.comes(f"flood {number}", "203.0.113.9")
    for number in range(2, 5):
        crowd.comes(str(number))
    assert crowd.gone == ["flood 0", "flood 1", "flood 2"]


@pytest.mark.parametrize(("address", "is_same"), [("2001:db8::ffff:1", True), ("2001:db8:0:1::1", False)])
def test_an_ipv6_64_is_one_source(address: str, is_same: bool) -> None:
    crowd = Crowd(10, 1)
    crowd.comes("first", "2001:db8::1")
    crowd.comes("second", address)
    assert (crowd.gone == ["first"]) is is_same


def test_whoever_is_known_takes_no_place() -> None:
    crowd = Crowd(1, 1)
    ours = crowd.comes("1")
    crowd.strangers.leave(ours)
    crowd.comes("2")
    crowd.strangers.leave(ours)
    assert crowd.gone == []
    assert len(crowd.strangers) == 1


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=80))
def test_the_bounds_hold_and_nobody_is_forgotten(steps: list[tuple[int, bool]]) -> None:
    strangers = Strangers(6, 3)
    here: dict[int, tuple[int, Stranger]] = {}
    for number, (source, leaves) in enumerate(steps):
        if leaves and here:
            strangers.leave(here.pop(next(iter(here)))[1])
        else:
            here[number] = source, strangers.admit(f"192.0.2.{source}", partial(here.__delitem__, number))
        assert len(here) == len(strangers) <= 6
        assert max(Counter(each for each, _ in here.values()).values(), default=0) <= 3
