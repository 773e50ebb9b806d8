"""Estimators against plain arithmetic over all samples."""

from statistics import median as plain_median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.measure.estimators import FIRST_GUESS, Minimum, Share, Smoothed, median, quantile

trips = st.floats(0.0001, 5.0)


@given(st.lists(trips, min_size=1, max_size=50))
def test_the_median_is_the_middle(samples: list[float]) -> None:
    assert median(samples) == pytest.approx(plain_median(samples))


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (2, 2), (20, 19), (100, 95)])
def test_p95_is_the_nearest_rank(count: int, expected: int) -> None:
    assert quantile([float(value) for value in range(1, count + 1)], 0.95) == expected


@given(st.lists(trips, min_size=1, max_size=50), st.floats(0.01, 1))
def test_a_quantile_is_a_sample_that_the_share_does_not_exceed(samples: list[float], share: float) -> None:
    found = quantile(samples, share)
    assert found in samples
    assert sum(one <= found for one in samples) >= share * len(samples) - 1e-9


def test_the_first_sample_guesses_the_deviation_and_the_second_measures_it() -> None:
    smoothed = Smoothed()
    smoothed.add(0.2)
    assert (smoothed.srtt, smoothed.deviation) == (0.2, 0.1)
    smoothed.add(0.21)
    assert smoothed.deviation == pytest.approx(0.01)
    assert smoothed.srtt == pytest.approx(0.205)


@given(st.lists(trips, min_size=1, max_size=200))
def test_the_smoothed_mean_stays_within_the_samples(samples: list[float]) -> None:
    smoothed = Smoothed()
    for sample in samples:
        smoothed.add(sample)
    assert min(samples) - 1e-9 <= smoothed.srtt <= max(samples) + 1e-9
    assert smoothed.deviation >= 0


def test_one_late_sample_raises_the_deviation_no_further_than_the_late_line() -> None:
    smoothed = Smoothed()
    for _ in range(50):
        smoothed.add(0.18)
    smoothed.add(0.9)
    assert smoothed.deviation == pytest.approx(0.1 / 4)


def test_late_is_behind_four_deviations_or_a_tenth_of_a_second() -> None:
    smoothed = Smoothed()
    assert smoothed.late_after == FIRST_GUESS
    smoothed.add(0.1)
    assert smoothed.late_after == pytest.approx(0.1 + 4 * 0.05)
    for _ in range(100):
        smoothed.add(0.1)
    assert smoothed.late_after == pytest.approx(0.2)


@given(st.lists(st.booleans(), max_size=300))
def test_the_share_is_that_of_the_last_hundred(outcomes: list[bool]) -> None:
    share = Share(100)
    for outcome in outcomes:
        share.add(outcome)
    last = outcomes[-100:]
    assert share.value == (sum(last) / len(last) if last else 0)


@given(st.lists(st.tuples(st.floats(0, 30), trips), max_size=60), st.floats(0, 90))
def test_the_minimum_is_the_least_of_the_span(steps: list[tuple[float, float]], later: float) -> None:
    least, now, seen = Minimum(60.0), 0.0, []
    for wait, trip in steps:
        now += wait
        least.add(trip, now)
        seen.append((now, trip))
    now += later
    assert least.value(now) == min((trip for at, trip in seen if at >= now - 60.0), default=None)
