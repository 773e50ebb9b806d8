"""Estimators against plain arithmetic over all samples."""

import random
from statistics import median as plain_median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingress.measure.estimators import (
    FIRST_GUESS,
    RECENT,
    REMEMBERED,
    WEATHERS,
    WINDOW,
    Lateness,
    Level,
    Minimum,
    Smoothed,
    Weather,
    median,
    quantile,
)

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


def level(*samples: float, every: float = 0.5) -> Level:
    made = Level()
    for number, sample in enumerate(samples):
        made.add(sample, number * every)
    return made


def noisy(mean: float, deviation: float, count: int, seed: int = 1) -> list[float]:
    chance = random.Random(seed)
    return [mean + chance.gauss(0, 1.2533 * deviation) for _ in range(count)]


@given(st.lists(st.tuples(trips, st.floats(0, 30)), min_size=1, max_size=120))
def test_a_level_lies_within_its_samples_and_never_claims_to_know_what_it_cannot(
    steps: list[tuple[float, float]],
) -> None:
    made, now = Level(), 0.0
    assert not made and made.error == FIRST_GUESS
    for sample, wait in steps:
        now += wait
        made.add(sample, now)
        assert made.deviation >= 0 and made.error >= 0
    samples = [sample for sample, _ in steps]
    assert min(samples) - 1e-9 <= made.mean <= max(samples) + 1e-9
    assert bool(made)


@given(st.floats(0.001, 1.0), st.integers(1, 300))
def test_a_level_that_does_not_move_is_known_exactly(trip: float, count: int) -> None:
    made = level(*[trip] * count)
    assert made.mean == pytest.approx(trip)
    assert made.is_settled is (count > RECENT)


def test_a_steady_path_is_known_to_a_fraction_of_its_noise() -> None:
    made = level(*noisy(0.13, 0.001, 120))
    assert made.mean == pytest.approx(0.13, abs=0.0005)
    assert made.deviation == pytest.approx(0.001, rel=0.3)
    assert made.error < 0.0003


@given(st.integers(0, 10_000))
def test_one_sample_far_off_is_an_accident(seed: int) -> None:
    made = level(*noisy(0.13, 0.001, 100, seed), 0.19)
    assert made.mean == pytest.approx(0.13, abs=0.0025)
    assert made.deviation < 0.002
    assert not made.is_settled


@pytest.mark.parametrize("change", [-0.02, 0.02, 0.08])
def test_a_path_that_became_another_is_known_as_that_within_a_second(change: float) -> None:
    made = level(*noisy(0.13, 0.001, 200))
    for number, sample in enumerate(noisy(0.13 + change, 0.001, 2, 2)):
        made.add(sample, 100.0 + number / 4)
    assert made.mean == pytest.approx(0.13 + change, abs=0.004)


@pytest.mark.parametrize(("before", "after", "samples"), [(0.0005, 0.010, 12), (0.010, 0.0005, 22)])
def test_a_path_that_becomes_uneven_is_known_as_that_after_ten_samples_and_an_even_one_after_twenty(
    before: float, after: float, samples: int
) -> None:
    made = level(*noisy(0.13, before, 200), *noisy(0.13, after, samples, 2))
    assert made.deviation == pytest.approx(after, rel=0.7)


def test_what_was_learned_a_while_ago_counts_for_less() -> None:
    made = level(*[0.13] * 50)
    made.add(0.1304, 25.0 + 10 * REMEMBERED)
    assert made.mean == pytest.approx(0.1304, abs=0.00001)


def test_ten_samples_that_lie_near_to_each_other_by_chance_make_no_path_even() -> None:
    made = level(*noisy(0.13, 0.004, 100), *noisy(0.13, 0.0002, 12, 2))
    assert made.deviation > 0.002


def test_a_path_that_comes_back_to_what_it_was_is_known_at_once_as_well_as_before() -> None:
    made = level(*noisy(0.13, 0.001, 100))
    before = made.error
    made.restart([0.30, 0.34, 0.25], 25.0)
    assert made.error > 0.01
    for number, sample in enumerate(noisy(0.13, 0.001, 3, 2)):
        made.add(sample, 26.0 + number / 4)
    assert made.mean == pytest.approx(0.13, abs=0.0005)
    assert made.error < 2 * before
    for number, sample in enumerate(noisy(0.14, 0.001, 20, 3)):
        made.add(sample, 27.0 + number / 4)
    assert made.mean == pytest.approx(0.14, abs=0.0015)  # what it was before that is no trap


def test_a_level_starts_anew_when_it_is_told_to() -> None:
    made = level(*noisy(0.13, 0.001, 100))
    made.restart([0.30, 0.31, 0.32], 60.0)
    assert made.mean == pytest.approx(0.31)


@given(st.lists(st.booleans(), max_size=300))
def test_the_share_is_that_of_the_last_hundred(outcomes: list[bool]) -> None:
    made = Lateness()
    for outcome in outcomes:
        made.add(outcome)
    last = outcomes[-WINDOW:]
    assert made.share == (sum(last) / len(last) if last else 0)


def weather(*outcomes: bool, every: float = 0.25, elsewhere: float = 0.0) -> Weather:
    made = Weather()
    for number, outcome in enumerate(outcomes):
        made.add(outcome, number * every, elsewhere)
    return made


@given(st.lists(st.booleans(), max_size=300), st.floats(0.05, 60), st.floats(0, 0.9))
def test_what_is_expected_is_a_share_and_nothing_where_nothing_was_late(
    outcomes: list[bool], every: float, elsewhere: float
) -> None:
    made = weather(*outcomes, every=every, elsewhere=elsewhere)
    assert WEATHERS[0] * 0.99 <= made.share <= WEATHERS[-1]
    assert made.expected in (0.0, made.share)
    assert made.expected == 0.0 or any(outcomes)


def test_the_first_late_one_of_hundreds_is_little_evidence_and_the_second_a_moment_later_is_much() -> None:
    calm = [False] * 400
    assert weather(*calm, True).expected < 0.025  # 8 ms on a path of 130 ms
    assert weather(*calm, True, *[False] * 10).expected == 0.0
    assert weather(*calm, True, *[False] * 10, True).expected > 0.05
    assert weather(*calm, True, False, True, False, True).expected == pytest.approx(WEATHERS[-1], rel=0.2)


def test_what_was_late_because_of_another_line_is_no_evidence() -> None:
    calm = [False] * 400
    late = [True, False, True, False, True]
    assert weather(*calm, *late, elsewhere=0.2).expected < weather(*calm, *late, elsewhere=0.01).expected / 5


@settings(deadline=None, max_examples=20)
@given(st.sampled_from(WEATHERS[2:]), st.integers(0, 99))
def test_weather_that_lasts_is_known_as_what_it_is(share: float, seed: int) -> None:
    chance = random.Random(seed)
    made, seen = weather(*[False] * 400), []
    for number in range(1200):
        made.add(chance.random() < share, 100 + number / 4)
        seen.append(made.expected)
    assert sum(seen[200:]) / 1000 == pytest.approx(share, rel=0.5)


def test_a_burst_that_is_over_is_forgotten_the_sooner_the_worse_it_was() -> None:
    heavy = weather(*[False] * 80, *[True, False] * 8, *[False] * 30)
    assert heavy.expected == 0.0
    light = weather(*[False] * 80, *[True, *[False] * 15] * 12, *[False] * 30)
    assert light.expected > 0.0


@given(st.lists(st.tuples(st.floats(0, 30), trips), max_size=60), st.floats(0, 90))
def test_the_minimum_is_the_least_of_the_span(steps: list[tuple[float, float]], later: float) -> None:
    least, now, seen = Minimum(60.0), 0.0, []
    for wait, trip in steps:
        now += wait
        least.add(trip, now)
        seen.append((now, trip))
    now += later
    assert least.value(now) == min((trip for at, trip in seen if at >= now - 60.0), default=None)
