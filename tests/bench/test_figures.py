"""Medians, spreads and ratios: what the report says of the rounds."""

import pytest

from bench.figures import best, number, ratios, spread
from bench.results import Row


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.01234, "0.0123"), (9.876, "9.88"), (123.4, "123"), (12345.6, "12 346")],
)
def test_numbers_have_three_digits_that_matter(value: float, text: str) -> None:
    assert number(value) == text


def test_a_spread_is_the_median_between_the_least_and_the_most() -> None:
    assert spread([0.003, 0.001, 0.002], 1e3) == "2 (1–3)"
    assert spread([5.0]) == "5"
    assert spread([]) == "–"


def test_ratios_are_taken_within_a_round() -> None:
    ours = Row(rounds=[{"cpu": 1.0}, {"cpu": 10.0}, {"cpu": 5.0}])
    other = Row(rounds=[{"cpu": 2.0}, {"cpu": 20.0}])
    assert ratios(other, ours, "cpu") == [2.0, 2.0]


def test_a_round_without_the_figure_has_no_ratio() -> None:
    ours = Row(rounds=[{"cpu": 0.0}, {}, {"cpu": 2.0}])
    other = Row(rounds=[{"cpu": 2.0}, {"cpu": 2.0}, {"cpu": 3.0}])
    assert ratios(other, ours, "cpu") == [1.5]


def test_the_best_is_told_among_those_that_were_measured() -> None:
    rows = {"a": Row(rounds=[{"rate": 3.0}]), "b": Row(rounds=[{"rate": 2.0}]), "c": Row(error="not installed")}
    assert best(rows, ["a", "b", "c", "d"], "rate") == "b"
    assert best(rows, ["a", "b", "c"], "rate", most=True) == "a"
    assert best(rows, ["c"], "rate") is None
