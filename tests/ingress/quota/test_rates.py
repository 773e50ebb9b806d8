"""The 95th percentile of five-minute rates, against the plain rule."""

from hypothesis import given
from hypothesis import strategies as st

from ingress.quota.rates import SLOT, Rates, percentile

HOUR = 3600.0


@given(st.lists(st.integers(0, 50), max_size=200), st.integers(0, 50))
def test_a_twentieth_is_left_out_and_silence_counts(amounts: list[int], silent: int) -> None:
    count = len(amounts) + silent
    whole = sorted([*amounts, *[0] * silent], reverse=True)
    expected = whole[count * 5 // 100] if count else 0
    assert percentile(amounts, count) == expected


def test_the_larger_way_is_billed_and_the_five_minutes_that_run_are_not_yet() -> None:
    rates = Rates()
    for minute in range(0, 100 * 5, 5):
        rates.add(3000, 9000 if minute >= 450 else 300, 60.0 * minute)
    assert rates.percentile(0, 500 * 60) == 9000 / SLOT  # ten of a hundred
    assert rates.percentile(0, 475 * 60) == 3000 / SLOT or rates.percentile(0, 475 * 60) == 9000 / SLOT
    rates.add(10**9, 0, 500 * 60 + 1)
    assert rates.percentile(0, 500 * 60 + 2) == 9000 / SLOT
    rates.begin()
    assert rates.percentile(0, 501 * 60) == 0.0


def test_what_was_counted_before_a_restart_is_added() -> None:
    rates = Rates()
    rates.add(1, 2, 10.0)
    rates.recall({0: (10, 20), 5: (7, 7)})
    assert rates.slots == {0: (11, 22), 5: (7, 7)}
    assert rates.percentile(0, SLOT) == 22 / SLOT


def test_a_line_that_is_used_for_one_hour_a_day_is_billed_for_nothing() -> None:
    rates = Rates()
    for day in range(30):
        for slot in range(12):
            rates.add(10**9, 10**9, day * 24 * HOUR + slot * SLOT)
    assert rates.percentile(0, 30 * 24 * HOUR) == 0.0
