"""The gauge of datagrams: round trip, jitter, loss, silence, each by the moments it is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.measure.gauge import (
    LEAST_SILENCE,
    RECENT,
    RECENT_SECONDS,
    SILENT_INTERVALS,
    SILENT_JITTERS,
    Gauge,
    Loss,
)

QUICK = 0.025


def asked(trip: float = 0.134, now: float = 100.0, interval: float = QUICK) -> Gauge:
    """A path that has just been answered, and is asked every *interval* seconds for a while."""
    return Gauge().answered(trip, now).paced(interval, 0.0, now - 10)


# ---- loss


def test_loss_is_what_is_missing_between_two_totals() -> None:
    loss = Loss().told(1000, 1000, 0.0).told(1100, 1090, 1.0)
    assert loss.share == pytest.approx(10 / 1066, rel=0.05)
    assert loss.is_habit(1.0) and not loss.is_calm(1.0)


def test_old_losses_are_forgotten() -> None:
    loss = Loss().told(100, 90, 0.0)
    for second in range(1, 101):
        loss = loss.told(100 + 40 * second, 90 + 40 * second, float(second))
    assert loss.share < 0.001
    assert not loss.is_habit(100.0) and loss.is_calm(100.0)


@pytest.mark.parametrize(("lost", "is_habit"), [(RECENT - 1, False), (RECENT, True)])
def test_three_within_a_minute_are_a_habit(lost: int, is_habit: bool) -> None:
    loss = Loss()
    for count in range(1, lost + 1):
        loss = loss.told(count * 100, count * 99, float(count))
    assert loss.is_habit(float(lost)) is is_habit
    assert not loss.is_habit(1.0 + RECENT_SECONDS + 0.1)
    assert loss.is_calm(lost + RECENT_SECONDS + 0.1) and not loss.is_calm(lost + RECENT_SECONDS - 0.1)


def test_what_comes_late_was_not_lost() -> None:
    loss = Loss().told(100, 97, 0.0).told(100, 100, 0.01)
    assert loss.share == 0 and loss.recent == ()


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 60), st.floats(0, 5)), max_size=40))
def test_any_totals_give_a_share(steps: list[tuple[int, int, float]]) -> None:
    loss, expected, received, now = Loss(), 0, 0, 0.0
    for more, came, after in steps:
        expected, received, now = expected + more, received + came, now + after
        loss = loss.told(expected, received, now)
        assert 0 <= loss.share <= 1 and len(loss.recent) <= RECENT


# ---- round trip and cost


def test_the_round_trip_is_smoothed_and_its_jitter_known() -> None:
    gauge = Gauge()
    assert not gauge.is_measured
    for trip in (0.1, 0.12) * 200:
        gauge = gauge.answered(trip, 0.0)
    assert gauge.trip == pytest.approx(0.11, abs=0.003)
    assert gauge.jitter == pytest.approx(0.02, rel=0.01)


def test_cost_is_round_trip_jitter_and_loss() -> None:
    gauge = asked(0.1).counted((100, 99), (100, 100), 100.0)
    assert gauge.cost == pytest.approx(0.1 + 0.02)
    assert gauge.loss == pytest.approx(0.01)


# ---- silence


@pytest.mark.parametrize(
    ("interval", "jitter", "patience"),
    [
        (QUICK, 0.0, SILENT_INTERVALS * QUICK),
        (0.01, 0.0, LEAST_SILENCE),
        (QUICK, 0.02, QUICK + SILENT_JITTERS * 0.02),
        (5.0, 0.0, SILENT_INTERVALS * 5.0),
    ],
)
def test_u14_how_long_silence_may_last(interval: float, jitter: float, patience: float) -> None:
    assert Gauge(interval, jitter=jitter).patience == pytest.approx(patience)


def test_u14_silent_then_suspect_then_lost_a_round_trip_later() -> None:
    gauge, heard = asked(), 100.0
    assert not gauge.is_suspect(heard, heard + gauge.patience - 0.001)
    assert gauge.is_suspect(heard, heard + gauge.patience + 0.001)
    assert not gauge.is_lost(heard, heard + gauge.patience + 0.133)
    assert gauge.is_lost(heard, heard + gauge.patience + 0.135)


def test_nothing_is_missed_where_nothing_is_asked() -> None:
    gauge = asked().paced(0.0, 0.0, 100.0)
    assert not gauge.is_suspect(0.0, 1e6) and not gauge.is_lost(0.0, 1e6)


def test_nobody_is_late_before_it_can_have_answered() -> None:
    gauge = asked(0.134, interval=5.0).paced(QUICK, 0.5, 100.0)
    assert not gauge.is_suspect(95.5, 100.0 + 0.134 + gauge.patience - 0.001)
    assert gauge.is_suspect(95.5, 100.0 + 0.134 + gauge.patience + 0.001)
    assert gauge.paced(QUICK, 0.5, 200.0) is gauge


def test_a_path_that_was_never_measured_has_the_time_that_it_may_take() -> None:
    gauge = Gauge().paced(QUICK, 0.134, 100.0)
    assert not gauge.is_suspect(0.0, 100.0 + 0.134 + gauge.patience - 0.001)
    assert gauge.is_suspect(0.0, 100.0 + 0.134 + gauge.patience + 0.001)


def test_a_process_that_was_held_up_blames_nobody() -> None:
    gauge = asked().excused(101.0)
    assert not gauge.is_suspect(100.0, 101.0 + gauge.patience - 0.001)
    assert gauge.is_suspect(100.0, 101.0 + gauge.patience + 0.001)


def test_u23_the_other_end_says_that_it_hears_nothing() -> None:
    gauge = asked().told_deaf(100.0)
    assert gauge.is_suspect(100.02, 100.03) and not gauge.is_lost(100.02, 100.03)
    for step in range(1, 8):
        gauge = gauge.told_deaf(100.0 + step * QUICK)
    assert gauge.is_lost(100.17, 100.175)
    assert not gauge.answered(0.134, 100.18).is_suspect(100.18, 100.18), "it hears us again"
    assert not gauge.is_suspect(101.0, 101.0), "it says so no more"


@given(
    interval=st.floats(0.001, 5.0),
    jitter=st.floats(0.0, 0.5),
    trip=st.floats(0.0, 1.0),
    heard=st.floats(0.0, 100.0),
    later=st.floats(0.0, 100.0),
)
def test_what_is_lost_is_suspect(interval: float, jitter: float, trip: float, heard: float, later: float) -> None:
    gauge = Gauge(interval, 0.0, trip, jitter)
    now = heard + later
    assert gauge.is_suspect(heard, now) or not gauge.is_lost(heard, now)
