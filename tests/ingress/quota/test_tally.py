"""What is counted of a quota: as its seller counts, once a period, whatever the clock does."""

import datetime

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ingress.quota.period import period_at
from ingress.quota.tally import Kept, Tally
from relay.model.quota import Counts, Each, Quota

TB = 10**12
MONTH = Quota(amount=TB, day=5, zone="Asia/Tokyo")
NOW = datetime.datetime(2026, 11, 27, tzinfo=datetime.UTC).timestamp()
DAY = 86400.0


@pytest.mark.parametrize(
    ("counts", "used", "set_to"),
    [
        (Counts.BOTH, 300, (0, 500)),
        (Counts.UP, 200, (500, 0)),
        (Counts.DOWN, 100, (0, 500)),
        (Counts.LARGER, 200, (500, 500)),
    ],
)
def test_it_counts_as_the_seller_counts(counts: Counts, used: int, set_to: tuple[int, int]) -> None:
    tally = Tally(attrs.evolve(MONTH, counts=counts), NOW)
    tally.add(200, 100, NOW)
    assert tally.used == used
    tally.set(500, NOW)
    assert tally.used == 500 and (tally.up, tally.down) == set_to
    tally.add(10, 10, NOW)
    assert tally.used == 520 if counts is Counts.BOTH else 510


def test_near_from_nine_tenths_on_and_used_at_ten() -> None:
    tally = Tally(MONTH, NOW)
    assert not tally.is_near and tally.fraction == 0.0
    tally.add(TB * 9 // 10, 0, NOW)
    assert tally.is_near and not tally.is_used
    tally.add(0, TB // 10, NOW)
    assert tally.is_used and repr(tally).startswith("<Tally 1000000000000 of 1000000000000")


def test_an_ingress_has_its_own_part_and_of_what_the_seller_says_too() -> None:
    tally = Tally(MONTH, NOW, part=0.5)
    tally.add(TB // 2, 0, NOW)
    assert tally.is_used and tally.amount == TB / 2
    tally.set(TB // 2, NOW)
    assert tally.used == TB // 4


def test_another_month_begins_with_nothing() -> None:
    tally = Tally(MONTH, NOW)
    tally.add(TB, TB, NOW)
    tally.add(1, 2, tally.running.end)
    assert tally.used == 3 and tally.running.start == period_at(MONTH, NOW).end
    assert not tally.look(tally.running.start) and tally.look(tally.running.end)


def test_a_clock_that_is_set_back_opens_no_period_again() -> None:
    tally = Tally(MONTH, NOW)
    tally.add(TB, 0, NOW)
    tally.add(5, 0, NOW + 31 * DAY)
    running = tally.running
    tally.add(7, 0, NOW)
    assert tally.running == running and tally.used == 12 and tally.is_ahead
    tally.add(7, 0, NOW + 31 * DAY)
    assert tally.used == 19 and not tally.is_ahead


def test_what_the_seller_says_puts_a_clock_right_that_had_been_wrong() -> None:
    tally = Tally(MONTH, NOW)
    tally.look(NOW + 4000 * DAY)
    tally.look(NOW)
    assert tally.is_ahead
    tally.set(300, NOW)
    assert not tally.is_ahead and tally.used == 300 and tally.running == period_at(MONTH, NOW)


def test_another_day_in_the_file_gives_nobody_a_quota_twice() -> None:
    tally = Tally(MONTH, NOW)
    tally.add(TB, 0, NOW)
    other = attrs.evolve(MONTH, day=20, amount=2 * TB)
    tally.change(other, NOW)
    assert tally.used == TB and tally.running == period_at(other, NOW) and not tally.is_near
    tally.change(MONTH, NOW + 60 * DAY)  # by then it was over
    assert tally.used == 0


def test_a_restart_goes_on_counting() -> None:
    before = Tally(MONTH, NOW)
    before.add(100, 50, NOW)
    after = Tally(MONTH, NOW + DAY)
    after.add(1, 1, NOW + DAY)
    after.recall(before.kept(), NOW + DAY)
    assert after.used == 152
    much_later = Tally(MONTH, NOW + 31 * DAY)
    much_later.recall(before.kept(), NOW + 31 * DAY)
    assert much_later.used == 0
    set_back = Tally(MONTH, NOW - 40 * DAY)
    set_back.recall(before.kept(), NOW - 40 * DAY)
    assert set_back.used == 150 and set_back.running == before.running
    otherwise = Tally(attrs.evolve(MONTH, day=20), NOW)
    otherwise.recall(before.kept(), NOW)
    assert otherwise.used == 150 and otherwise.running == period_at(otherwise.quota, NOW)


def test_a_percentile_is_a_rate_that_falls_again() -> None:
    quota = Quota(counts=Counts.P95, day=5, zone="Asia/Tokyo")
    tally = Tally(quota, NOW)
    start = tally.running.start
    tally.add(3_000_000, 30_000_000, start + 10)
    tally.look(start + 301)
    assert tally.used == 100_000 and tally.amount is None and tally.fraction == 0.0 and not tally.is_near
    tally.look(start + 7000)
    assert tally.used == 0.0
    tally.change(attrs.evolve(quota, amount=1000.0), start + 302)
    assert tally.fraction == 100.0
    tally.change(MONTH, start + 302)
    assert tally.rates is None and tally.used == 33_000_000
    tally.change(quota, start + 303)
    tally.add(1, 1, start - 9999)  # a clock that was set back
    assert tally.rates is not None and list(tally.rates.slots) == [start // 300]
    tally.look(tally.running.end)
    assert tally.rates.slots == {}


class AnyClock(RuleBasedStateMachine):
    """Whatever the clock does, every byte counts once, in a period that is never one that was left."""

    def __init__(self) -> None:
        super().__init__()
        self.quota = Quota(amount=1000, each=Each.DAY, zone="Europe/London")
        self.now = NOW
        self.tally = Tally(self.quota, self.now)
        self.counted = 0
        self.latest = self.tally.running.start

    @rule(seconds=st.floats(-90 * DAY, 90 * DAY))
    def jump(self, seconds: float) -> None:
        self.now += seconds

    @rule(up=st.integers(0, 10**6), down=st.integers(0, 10**6))
    def carry(self, up: int, down: int) -> None:
        was_over = self.now >= self.tally.running.end
        self.tally.add(up, down, self.now)
        self.counted = up + down + (0 if was_over else self.counted)

    @rule()
    def restart(self) -> None:
        kept = self.tally.kept()
        if self.now >= kept.end:
            self.counted = 0
        self.tally = Tally(self.quota, self.now)
        self.tally.recall(kept, self.now)

    @invariant()
    def no_period_is_begun_twice(self) -> None:
        assert self.tally.running.start >= self.latest
        self.latest = self.tally.running.start
        if self.now < self.tally.running.end:
            assert self.tally.used == self.counted


TestAnyClock = AnyClock.TestCase


@given(st.integers(0, 10**15), st.floats(0, 4e9))
def test_what_is_kept_is_all_there_is(used: int, now: float) -> None:
    tally = Tally(MONTH, now)
    tally.set(used, now)
    other = Tally(MONTH, now)
    other.recall(tally.kept(), now)
    assert isinstance(tally.kept(), Kept) and other.kept() == tally.kept()
