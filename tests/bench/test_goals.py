"""Goals are judged by the median of the rounds, and what is missed says by how much."""

import pytest

from bench.goals import GOALS, Goal, against_best, goals_table, own
from bench.peers import OURS
from bench.results import Result, Row


def result_of(measure: str, key: str, ours: list[float], **others: list[float]) -> Result:
    named = {OURS.name: ours, **{name.replace("_", " "): values for name, values in others.items()}}
    return Result(
        measure, "", "", {name: Row(rounds=[{key: value} for value in found]) for name, found in named.items()}
    )


@pytest.mark.parametrize(
    ("values", "verdict"), [([9.0, 10.0, 99.0], "yes"), ([12.5], "no, 25% above"), ([1.0, 11.0, 12.0], "no, 10% above")]
)
def test_the_median_decides(values: list[float], verdict: str) -> None:
    row = Goal("cost", "bulk", own("cpu"), 10.0).row(result_of("bulk", "cpu", values))
    assert row is not None
    assert row[-1] == verdict


def test_more_may_be_better() -> None:
    goal = Goal("speed", "bulk", own("rate"), 10.0, is_least=True)
    assert (goal.row(result_of("bulk", "rate", [11.0])) or [""])[-1] == "yes"
    assert (goal.row(result_of("bulk", "rate", [5.0])) or [""])[-1] == "no, 50% below"


def test_the_best_chain_is_named_and_taken_round_by_round() -> None:
    result = result_of(
        "connections", "p50", [1.0, 4.0], haproxy_tls=[2.0, 8.0], xray_trojan=[3.0, 9.0], direct=[0.1, 0.1]
    )
    assert against_best("p50")(result) == ([0.5, 0.5], " (haproxy tls)")


def test_what_was_not_measured_is_not_judged() -> None:
    assert goals_table({}) == ""
    assert Goal("cost", "bulk", own("cpu"), 10.0).row(result_of("bulk", "cpu", [])) is None
    assert against_best("cpu")(result_of("bulk", "cpu", [1.0])) == ([], "")


def test_every_goal_belongs_to_a_measure() -> None:
    from bench.measures.every import MEASURES

    assert {goal.measure for goal in GOALS} <= {measure.name for measure in MEASURES}
