"""The rules of a race (RFC 8305), by time alone: nothing is dialled."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.engine.happy_eyeballs import STAGGER, Race, interleave


def test_one_begins_every_stagger_and_the_last_has_nobody_behind_it() -> None:
    race = Race(["a", "b"])
    assert race.start(10.0) == "a"
    assert race.next_at == 10.0 + STAGGER
    assert race.start(10.0 + STAGGER / 2) is None
    assert race.start(10.0 + STAGGER) == "b"
    assert race.next_at is None
    assert race.start(99.0) is None
    assert not race.is_lost


def test_a_failure_lets_the_next_begin_at_once() -> None:
    race = Race(["a", "b", "c"])
    race.start(0.0)
    race.fail(OSError(errno.ECONNREFUSED, ""))
    assert race.next_at is not None and race.next_at <= 0.0
    assert race.start(0.001) == "b"
    assert race.next_at == 0.001 + STAGGER


def test_it_is_lost_when_all_that_began_have_failed_and_none_is_left() -> None:
    race = Race(["a", "b"], stagger=1.0)
    assert (race.start(0.0), race.start(1.0)) == ("a", "b")
    race.fail(OSError(errno.ENETUNREACH, ""))
    assert not race.is_lost
    race.fail(OSError(errno.ETIMEDOUT, ""))
    assert race.is_lost
    assert race.error.errno == errno.ETIMEDOUT
    assert repr(race) == "<Race: 0 waiting, 2 started, 2 failed>"


def test_none_begins_once_the_time_is_over() -> None:
    race = Race(["a", "b", "c"], stagger=1.0, until=1.5)
    assert (race.start(0.0), race.start(1.0)) == ("a", "b")
    race.fail(OSError(errno.ETIMEDOUT, ""))
    assert race.start(1.5) is None
    assert not race.is_lost  # b is still under way
    race.fail(OSError(errno.ETIMEDOUT, ""))
    assert race.is_lost


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        ([errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ETIMEDOUT, errno.ECONNREFUSED], errno.ECONNREFUSED),
        ([errno.ENETUNREACH, errno.EPERM], errno.EPERM),
        ([errno.EPERM, errno.EHOSTUNREACH], errno.EPERM),
        ([errno.ECONNRESET, errno.ECONNREFUSED], errno.ECONNRESET),
        ([], errno.EADDRNOTAVAIL),
    ],
)
def test_the_error_that_says_most_of_the_target_is_told(errors: list[int], told: int) -> None:
    race = Race(errors)
    for each in errors:
        race.start(0.0)
        race.fail(OSError(each, ""))
    assert race.is_lost
    assert race.error.errno == told


@given(st.lists(st.just("6"), max_size=20), st.lists(st.just("4"), max_size=20))
def test_families_take_turns_and_the_first_begins(first: list[str], second: list[str]) -> None:
    both = interleave(first, second)
    turns = min(len(first), len(second))
    assert both[: 2 * turns] == ["6", "4"] * turns
    assert len(both) == len(first) + len(second)
