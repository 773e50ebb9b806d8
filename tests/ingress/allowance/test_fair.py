"""The bucket that streams share: never more than the rate, nobody starves, little comes at once, halves are even."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.allowance.fair import LEAST_SMALL, FairBucket, Rider

RATES = st.floats(1000.0, 1e9)
STEPS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10**6), st.floats(0.0, 2.0)), max_size=40)


@given(RATES, STEPS)
def test_never_more_than_rate_and_burst(rate: float, steps: list[tuple[int, int, float]]) -> None:
    bucket, riders, now = FairBucket(rate, 100.0), [Rider() for _ in range(4)], 100.0
    granted: list[tuple[float, int]] = []
    for which, amount, wait in steps:
        bucket.ask(riders[which], amount)
        granted += [(now, each) for _, each in bucket.give(now)]
        now += wait
    for at, (start, _) in enumerate(granted):
        for end in range(at, len(granted)):
            moved = sum(amount for _, amount in granted[at : end + 1])
            assert moved <= (granted[end][0] - start) * rate + bucket.burst + 1


@given(RATES, STEPS)
def test_whoever_waits_gets_all_of_it(rate: float, steps: list[tuple[int, int, float]]) -> None:
    bucket, riders, now, asked, got = FairBucket(rate, 0.0), [Rider() for _ in range(4)], 0.0, 0, 0
    for which, amount, _ in steps:
        bucket.ask(riders[which], amount)
        asked += amount
    while (due := bucket.due(now)) < math.inf:
        assert due > now
        now = due if asked - got < 20 * rate else max(due, now + 1.0)
        given = bucket.give(now)
        assert all(amount > 0 for _, amount in given)
        got += sum(amount for _, amount in given)
        assert now <= asked / (rate / 2) + 60
    assert got == asked and not any(rider.wanted for rider in riders)


@given(RATES, st.integers(1, 5), st.integers(1, LEAST_SMALL // 8))
def test_a_keystroke_waits_for_no_bulk(rate: float, bulks: int, size: int) -> None:
    bucket, now = FairBucket(rate, 0.0), 0.0
    hogs, thin = [Rider() for _ in range(bulks)], Rider()
    for hog in hogs:
        bucket.ask(hog, 10**10)
    bucket.give(now)
    for _ in range(50):
        now += max(0.25, 2 * size / (rate / 2))
        bucket.ask(thin, size)
        assert (thin, size) in bucket.give(now)


@given(RATES, st.integers(2, 6))
def test_those_that_wait_have_equal_shares(rate: float, count: int) -> None:
    bucket, now = FairBucket(rate, 0.0), 0.0
    got = {Rider(): 0 for _ in range(count)}
    for rider in got:
        bucket.ask(rider, 10**11)
    for _ in range(100):
        for rider, amount in bucket.give(now):
            got[rider] += amount
        now = bucket.due(now)
    assert max(got.values()) - min(got.values()) <= count + 100


@pytest.mark.parametrize("rate", [8000.0, 2.5e6, 1e9])
def test_many_small_ones_leave_half_to_the_rest(rate: float) -> None:
    bucket, bulk, now, got = FairBucket(rate, 0.0), Rider(), 0.0, 0
    bucket.ask(bulk, 10**12)
    for _ in range(100):
        many = [Rider() for _ in range(20)]
        for small in many:
            bucket.ask(small, max(1, min(int(rate * 0.02), LEAST_SMALL)))
        now += 0.05
        got += sum(amount for rider, amount in bucket.give(now) if rider is bulk)
        for small in many:
            bucket.leave(small)
    assert got > 0.4 * rate * now / 21


def test_who_leaves_wants_nothing_and_another_rate_counts_at_once() -> None:
    bucket, one, other = FairBucket(1e6, 0.0), Rider(), Rider()
    bucket.ask(one, 10**9)
    bucket.ask(other, 10**9)
    bucket.ask(other, 0)
    assert sum(amount for _, amount in bucket.give(0.0)) == pytest.approx(100_000, abs=2)
    bucket.leave(one)
    bucket.leave(one)
    bucket.change(8000.0, 0.0)
    assert [rider for rider, _ in bucket.give(100.0)] == [other]
    assert repr(bucket) == "<FairBucket 8000 B/s, 1 wait>"
    bucket.leave(other)
    assert bucket.due(100.0) == math.inf and bucket.give(200.0) == []
