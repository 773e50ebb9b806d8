"""What a meter makes of pings that are answered, late, abandoned, or held up by ourselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.measure.pings import Meter, death_deadline, stall_after, stall_deadline


def asked(meter: Meter, trips: list[float], every: float = 0.5, start: float = 0.0, first: int = 1) -> float:
    """Send a ping each *every* seconds, each answered before the next leaves; when the next would leave."""
    now = start
    for number, trip in enumerate(trips, first):
        meter.sent(number, now)
        assert meter.answered(number, now + trip) == pytest.approx(trip)
        now += every
    return now


def test_figures_of_a_quiet_path() -> None:
    meter = Meter()
    now = asked(meter, [0.1, 0.2, 0.1, 0.1, 0.3, 0.1, 0.1])
    figures = meter.figures(now)
    assert figures.samples == 7
    assert figures.round_trip == figures.median == pytest.approx(0.1)
    assert figures.p95 == pytest.approx(0.3)
    assert figures.least == pytest.approx(0.1)
    assert figures.age == pytest.approx(0.4)


def test_nothing_is_known_before_the_first_answer() -> None:
    figures = Meter().figures(5.0)
    assert (figures.samples, figures.round_trip, figures.p95, figures.srtt, figures.age) == (0, None, None, None, None)


def test_an_answer_to_nothing_is_ignored() -> None:
    meter = Meter()
    meter.sent(1, 0.0)
    assert meter.answered(1, 0.1) is not None
    assert meter.answered(1, 0.2) is None
    assert meter.samples == 1


def test_a_ping_is_late_once_whether_it_is_answered_or_not() -> None:
    meter = Meter()
    now = asked(meter, [0.1] * 9)
    meter.sent(10, now)
    assert meter.late_deadline is not None
    assert not meter.notice_late(meter.late_deadline - 0.001)
    assert meter.notice_late(meter.late_deadline)
    assert meter.is_late
    assert not meter.notice_late(now + 1)
    assert meter.late == pytest.approx(0.1)
    meter.answered(10, now + 1)
    assert meter.late == pytest.approx(0.1)
    assert not meter.last_is_good


def test_pings_that_die_with_their_carrier_are_late() -> None:
    meter = Meter()
    now = asked(meter, [0.1] * 8)
    meter.sent(9, now)
    meter.sent(10, now)
    meter.abandoned()
    assert meter.late == pytest.approx(0.2)
    assert meter.oldest_unanswered is None


def test_our_own_bulk_is_shown_but_costs_nothing() -> None:
    meter = Meter()
    now = asked(meter, [0.1] * 20)
    for number in range(100, 120):
        meter.load(now)
        meter.sent(number, now)
        meter.answered(number, now + (0.4 if number % 5 else 0.1))
        now += 0.2
    loaded = meter.figures(now)
    assert loaded.loaded
    assert loaded.round_trip == pytest.approx(0.1)  # the least of the last 2 s
    assert loaded.median == pytest.approx(0.4)
    assert (loaded.deviation, loaded.late) == (pytest.approx(0.0), 0.0)
    assert loaded.srtt is not None and loaded.srtt > 0.3  # deadlines follow what is
    assert meter.figures(now + 2).round_trip == pytest.approx(0.1)


def test_weather_that_comes_under_our_own_load_is_seen_after_two_seconds() -> None:
    meter = Meter()
    now = asked(meter, [0.1] * 20)
    for number in range(100, 112):
        meter.load(now)
        meter.sent(number, now)
        meter.answered(number, now + 0.3)
        now += 0.25
    assert meter.figures(now).round_trip == pytest.approx(0.3)


def test_no_queue_of_ours_explains_an_answer_half_a_second_late() -> None:
    meter = Meter()
    now = asked(meter, [0.1] * 20)
    meter.load(now)
    meter.sent(100, now)
    assert not meter.notice_late(now + 0.55)
    assert meter.notice_late(now + 0.65)
    assert meter.late > 0


def test_after_a_minute_of_load_the_least_of_that_minute_stands() -> None:
    meter = Meter()
    now = asked(meter, [0.1] * 5)
    for number in range(100, 250):
        meter.load(now)
        meter.sent(number, now)
        meter.answered(number, now + 0.15)
        now += 0.5
    assert meter.round_trip(now) == pytest.approx(0.15)


def test_what_our_own_loop_held_up_proves_nothing() -> None:
    meter = Meter()
    now = asked(meter, [0.1] * 20)
    before = meter.figures(now)
    meter.sent(30, now)
    meter.lagged(now + 4)
    assert meter.oldest_unanswered == now + 4
    assert not meter.notice_late(now + 4.05)
    meter.answered(30, now + 4.1)
    after = meter.figures(now)
    assert (after.samples, after.srtt, after.late) == (before.samples, before.srtt, 0.0)


@pytest.mark.parametrize(
    ("srtt", "deviation", "interval", "expected"),
    [
        (None, 0.0, 0.25, 1.0),
        (0.01, 0.0, 0.25, 0.4),
        (0.13, 0.002, 0.25, 0.13 * 2.25 + 0.25 + 0.008),
        (0.18, 0.0, 0.25, 0.18 * 2.25 + 0.25),
        (0.13, 0.0, 5.0, 0.13 * 2.25 + 0.5),
    ],
)
def test_the_stall_rule(srtt: float | None, deviation: float, interval: float, expected: float) -> None:
    assert stall_after(srtt, deviation, interval) == pytest.approx(expected)


def test_deadlines_count_from_the_oldest_ping_and_from_the_last_byte() -> None:
    meter = Meter()
    assert stall_deadline(meter, 0.25) is None
    assert death_deadline(meter, 7.0) is None
    now = asked(meter, [0.1] * 50)
    meter.sent(60, now)
    meter.sent(61, now + 0.25)
    assert stall_deadline(meter, 0.25) == pytest.approx(now + 0.475)
    assert death_deadline(meter, now + 1) == pytest.approx(now + 4)
    assert death_deadline(meter, now - 5) == pytest.approx(now + 3)


def test_bulk_that_still_arrives_puts_a_stall_off_but_not_for_long() -> None:
    meter = Meter()
    now = asked(meter, [0.1] * 50)
    meter.sent(60, now)
    assert stall_deadline(meter, 0.25, now + 0.2) == pytest.approx(now + 0.675)
    assert stall_deadline(meter, 0.25, now + 60) == pytest.approx(now + 0.775)


@given(
    st.lists(
        st.tuples(st.sampled_from(["send", "answer", "late", "lag", "gone", "load"]), st.floats(0, 2)), max_size=80
    )
)
def test_figures_stay_sane_whatever_happens(steps: list[tuple[str, float]]) -> None:
    meter, now, sent, waiting = Meter(), 0.0, 0, []
    for step, wait in steps:
        now += wait
        match step:
            case "send":
                sent += 1
                waiting.append(sent)
                meter.sent(sent, now)
            case "answer" if waiting:
                trip = meter.answered(waiting.pop(0), now)
                assert trip is not None and trip >= 0
            case "late":
                meter.notice_late(now)
            case "lag":
                meter.lagged(now)
            case "gone":
                waiting.clear()
                meter.abandoned()
            case "load":
                meter.load(now)
        figures = meter.figures(now)
        assert 0 <= figures.late <= 1 and figures.deviation >= 0
        assert (meter.oldest_unanswered is None) == (not waiting)
        assert figures.samples <= sent
