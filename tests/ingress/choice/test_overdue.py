"""When an exit has had a stream for too long, and when a client's tie to it is worth more than that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.choice.overdue import LEAST, TIED, TIMES, Usual, Waiting, overdue

NOW = 100.0
NOBODY: dict[str, float] = {}


def waiting(age: float, *, is_tied: bool = False, usual: float = 0.1, exit_: str = "us") -> Waiting:
    return Waiting(exit_, NOW - age, usual, is_tied)


def late(*some: Waiting, connected: dict[str, float] = NOBODY, failing: set[str] = frozenset()) -> list[int]:  # type: ignore[assignment]
    return overdue(some, connected, failing, NOW)


@pytest.mark.parametrize(("age", "usual", "expected"), [(0.51, 0.1, True), (0.49, 0.1, False), (0.9, 0.3, False)])
def test_f1_it_takes_longer_than_is_usual_there(age: float, usual: float, expected: bool) -> None:
    assert late(waiting(age, usual=usual)) == [0] * expected


def test_f1_one_lost_syn_does_not_tear_a_login_apart() -> None:
    assert late(waiting(2.0, is_tied=True), waiting(0.1)) == []
    assert late(waiting(TIED + 0.01, is_tied=True)) == [0]


def test_f1_a_tie_counts_for_nothing_when_others_of_the_exit_are_overdue_and_nothing_younger_was_connected() -> None:
    two = waiting(1.0, is_tied=True), waiting(0.8)
    assert late(*two) == [0, 1]
    assert late(*two, connected={"us": NOW - 2.0}) == [0, 1]
    assert late(*two, connected={"us": NOW - 0.5}) == [1]
    assert late(*two, waiting(0.7), connected={"us": NOW - 0.5}) == [0, 1, 2]
    assert late(two[0], waiting(0.8, exit_="eu")) == [1]


def test_f1_a_tie_to_an_exit_that_has_failed_others_counts_for_nothing() -> None:
    assert late(waiting(1.0, is_tied=True), failing={"us"}) == [0]
    assert late(waiting(1.0, is_tied=True), failing={"eu"}) == []


SOME = st.lists(
    st.builds(Waiting, st.sampled_from(["us", "eu"]), st.floats(90, 100), st.floats(0, 3), st.booleans()), max_size=8
)


@given(SOME, st.sets(st.sampled_from(["us", "eu"])))
def test_f1_nothing_is_taken_back_in_haste_and_everything_in_the_end(some: list[Waiting], failing: set[str]) -> None:
    found = set(overdue(some, {}, failing, NOW))
    for at, one in enumerate(some):
        age, most = NOW - one.since, max(LEAST, TIMES * one.usual)
        assert at not in found or age > most
        assert at in found or age <= max(most, TIED)


def test_what_is_usual_follows_slowly() -> None:
    usual = Usual()
    assert usual.of("us") == 0.0
    usual.add("us", 0.1)
    usual.add("us", 3.0)
    assert 0.1 < usual.of("us") < 0.5
    for _ in range(60):
        usual.add("us", 3.0)
    assert usual.of("us") > 2.9 and usual.of("eu") == 0.0
