"""A client leaves its exit only for one that was better all the time, by what was measured of both."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.choice.affinity import is_given_up
from ingress.choice.exit_costs import STEADY, ExitCosts

Round = dict[str, float]


def noted(*rounds: Round, every: float = 0.5) -> tuple[ExitCosts, float]:
    made, now = ExitCosts(), 0.0
    for number, costs in enumerate(rounds):
        now = number * every
        made.note(costs, now)
    return made, now


def given_up(*rounds: Round, kept_share: float = 0.0, other_share: float = 0.0) -> bool:
    made, now = noted(*rounds)
    return made.is_given_up("us", kept_share, "hk", other_share, now)


FAR: Round = {"us": 0.300, "hk": 0.100}
NEAR: Round = {"us": 0.110, "hk": 0.100}


@pytest.mark.parametrize(("rounds", "expected"), [(10, False), (11, True), (100, True)])
def test_it_takes_seconds_on_end(rounds: int, expected: bool) -> None:
    assert given_up(*[FAR] * rounds) is expected


def test_one_round_in_which_it_was_not_so_holds_a_client_for_seconds() -> None:
    assert not given_up(*[FAR] * 50, NEAR, *[FAR] * 10)
    assert given_up(*[FAR] * 50, NEAR, *[FAR] * 11)


def test_an_exit_that_was_not_measured_all_the_time_is_no_better() -> None:
    assert not given_up(*[FAR] * 50, {"us": 0.3}, *[FAR] * 10)
    assert not given_up(*[{"us": 0.3}] * 50)


def test_what_the_target_adds_counts() -> None:
    assert given_up(*[NEAR] * 20, kept_share=0.1)
    assert not given_up(*[FAR] * 20, other_share=0.2)


rounds = st.lists(st.dictionaries(st.sampled_from(["us", "hk"]), st.floats(0.001, 1.0)), min_size=1, max_size=60)


@given(rounds, st.floats(0, 0.3), st.floats(0, 0.3))
def test_it_is_what_all_rounds_of_the_last_seconds_say(history: list[Round], one: float, other: float) -> None:
    made, now = noted(*history)
    last = [costs for at, costs in enumerate(history) if now - at * 0.5 <= STEADY]
    are_known = len(last) == 11 and all({"us", "hk"} <= costs.keys() for costs in last)
    expected = are_known and is_given_up(
        min(costs["us"] for costs in last) + one, max(costs["hk"] for costs in last) + other
    )
    assert made.is_given_up("us", one, "hk", other, now) is expected
