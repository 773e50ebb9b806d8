"""The comparison with an earlier checkout: ratios of paired rounds, intervals that hold the median, nothing hidden."""

import random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.before.checkout import installed
from bench.before.ratios import FIGURES, interval, paired, table
from bench.load import Failed


def test_rounds_are_paired_and_a_round_without_the_figure_is_left_out() -> None:
    today = [{"one.p50": 2.0}, {}, {"one.p50": 3.0}, {"one.p50": 4.0}]
    before = [{"one.p50": 1.0}, {"one.p50": 1.0}, {"one.p50": 2.0}]
    assert paired(today, before, "one.p50") == [2.0, 1.5]


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=40))
def test_the_interval_holds_the_median_and_lies_within_the_values(values: list[float]) -> None:
    low, high = interval(values)
    assert min(values) <= low <= median(values) <= high <= max(values)
    if len(values) < 6:
        assert (low, high) == (min(values), max(values))


def test_the_interval_holds_the_true_median_as_often_as_it_says() -> None:
    chance = random.Random(7)
    held = 0
    for _ in range(2000):
        low, high = interval([chance.gauss(1, 0.1) for _ in range(15)])
        held += low <= 1 <= high
    assert 0.95 <= held / 2000 < 0.99


def test_a_figure_that_is_missing_is_said_to_be() -> None:
    lines = table([{"one.p50": 1.03}] * 15, [{"one.p50": 1.0}] * 15).splitlines()
    assert len(lines) == 2 + len(FIGURES)
    assert "| time of a connection, one at a time, p50 | 1.030 | 1.030–1.030 | 15 |" in lines
    assert sum("missing" in line for line in lines) == len(FIGURES) - 1


def test_a_commit_that_is_not_there_is_named() -> None:
    with pytest.raises(Failed, match="no commit 0123456789 here"):
        installed("0123456789")
