"""What a pings makes of pings that are answered, late, abandoned, or held up by ourselves."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.measure.pings import (
    LOADED_SAMPLES,
    MOST_WAITING,
    SURE_SAMPLES,
    Pings,
    death_deadline,
    stall_after,
    stall_deadline,
)


def asked(pings: Pings, trips: list[float], every: float = 0.5, start: float = 0.0, first: int = 1) -> float:
    """Send a ping each *every* seconds, each answered before the next leaves; when the next would leave."""
    now = start
    for number, trip in enumerate(trips, first):
        pings.sent(number, now)
        assert pings.answered(number, now + trip) == pytest.approx(trip)
        now += every
    return now


def test_figures_of_a_quiet_path() -> None:
    pings = Pings()
    now = asked(pings, [0.1, 0.12, 0.1, 0.1, 0.13, 0.1, 0.1])
    figures = pings.figures(now)
    assert figures.samples == 7
    assert figures.median == pytest.approx(0.1)
    assert figures.p95 == pytest.approx(0.13)
    assert figures.round_trip == pytest.approx(0.75 / 7, abs=0.001)
    assert figures.least == pytest.approx(0.1)
    assert figures.age == pytest.approx(0.4)
    assert repr(pings) == f"<Pings 7 samples, srtt {pings.srtt:.4f} s, 0 pings waiting>"


def test_nothing_is_known_before_the_first_answer() -> None:
    figures = Pings().figures(5.0)
    assert (figures.samples, figures.round_trip, figures.p95, figures.srtt, figures.age) == (0, None, None, None, None)


def test_an_answer_to_nothing_is_ignored() -> None:
    pings = Pings()
    pings.sent(1, 0.0)
    assert pings.answered(1, 0.1) is not None
    assert pings.answered(1, 0.2) is None
    assert pings.samples == 1


def test_no_more_pings_are_followed_than_could_be_under_way() -> None:
    pings = Pings()
    for number in range(MOST_WAITING + 1):
        pings.sent(number, 0.0)
    assert pings.answered(MOST_WAITING, 0.1) is None
    assert pings.answered(MOST_WAITING - 1, 0.1) == pytest.approx(0.1)


def test_a_ping_is_late_once_whether_it_is_answered_or_not() -> None:
    pings = Pings()
    now = asked(pings, [0.1] * 9)
    pings.sent(10, now)
    assert pings.late_deadline is not None
    assert not pings.notice_late(pings.late_deadline - 0.001)
    assert pings.notice_late(pings.late_deadline)
    assert pings.is_late
    assert not pings.notice_late(now + 1)
    assert pings.late == pytest.approx(0.1)
    pings.answered(10, now + 1)
    assert pings.late == pytest.approx(0.1)
    assert not pings.last_is_good


def test_pings_that_die_with_their_carrier_say_nothing_of_the_next_one() -> None:
    pings = Pings()
    now = asked(pings, [0.1] * 8 + [0.6] * 2)
    assert pings.late > 0.0
    pings.sent(11, now)
    pings.abandoned()
    assert (pings.late, list(pings.outcomes), pings.is_anew) == (0.0, [], True)
    assert pings.oldest_unanswered is None


def test_one_lost_segment_says_nothing_of_how_long_the_path_is() -> None:
    """A perfect path of 130 ms: a ping is lost, and two more wait behind it; the cost moves by a few ms at most."""
    pings = Pings()
    now = asked(pings, [0.13] * 60)
    before = pings.figures(now)
    for number in (100, 101, 102):
        pings.sent(number, now + (number - 100) * 0.25)
    answer = now + 0.55
    pings.notice_late(now + 0.4)
    for number in (100, 101, 102):
        pings.answered(number, answer + 0.08 * (number == 102))
    after = pings.figures(now + 1.0)
    assert (after.round_trip, after.deviation) == pytest.approx((before.round_trip, before.deviation), abs=0.00001)
    assert [is_late for _, is_late in pings.outcomes].count(True) == 1
    assert pings.late == pytest.approx(1 / 63, abs=0.001)


def test_what_came_in_time_and_was_held_up_behind_a_lost_segment_says_nothing_of_how_long_the_path_is() -> None:
    pings = Pings()
    now = asked(pings, [0.13] * 60)
    before = pings.figures(now)
    for number, sent in ((100, 0.0), (101, 0.12), (102, 0.2)):
        pings.sent(number, now + sent)
    for number in (100, 101, 102):
        pings.answered(number, now + 0.34)
    after = pings.figures(now + 1.0)
    assert (after.round_trip, after.deviation) == (before.round_trip, before.deviation)
    assert [is_late for _, is_late in pings.outcomes][-3:] == [True, False, False]


def test_late_answers_that_go_on_are_a_longer_path() -> None:
    pings = Pings()
    now = asked(pings, [0.13] * 60)
    asked(pings, [0.40] * 3, every=0.5, start=now, first=100)
    assert pings.round_trip(now + 2) == pytest.approx(0.40)


def test_our_own_bulk_is_shown_but_costs_nothing() -> None:
    pings = Pings()
    now = asked(pings, [0.1] * 20)
    for number in range(100, 120):
        pings.load(now)
        pings.sent(number, now)
        pings.answered(number, now + (0.4 if number % 5 else 0.1))
        now += 0.2
    loaded = pings.figures(now)
    assert loaded.loaded
    assert loaded.round_trip == pytest.approx(0.1)  # the least of late
    assert loaded.median == pytest.approx(0.4)
    assert (loaded.deviation, loaded.late) == (pytest.approx(0.0, abs=0.001), 0.0)
    assert loaded.srtt is not None and loaded.srtt > 0.3  # deadlines follow what is
    assert pings.figures(now + 2).round_trip == pytest.approx(0.1)


@given(st.integers(0, 1000), st.sampled_from([0.25, 0.5]))
def test_a_queue_of_ours_that_comes_and_goes_is_no_weather(seed: int, every: float) -> None:
    """A download of 25 s, with pings anywhere in 40 ms of its queue."""
    chance, pings = random.Random(seed), Pings()
    now = asked(pings, [0.1] * 40, every)
    off = 0
    for number in range(100, 100 + round(25 / every)):
        pings.load(now)
        pings.sent(number, now)
        pings.answered(number, now + 0.1 + chance.uniform(0.0, 0.04))
        now += every
        trip = pings.round_trip(now)
        assert trip is not None
        off += abs(trip - 0.1) > 0.005
    assert off <= 12  # of 100, or of 50; one seed in a hundred has any


@pytest.mark.parametrize(("longer", "samples"), [(0.018, LOADED_SAMPLES), (0.03, SURE_SAMPLES), (0.2, SURE_SAMPLES)])
def test_weather_that_comes_under_our_own_load_is_seen_after_some_seconds(longer: float, samples: int) -> None:
    """Sooner if it is more than our queue explains."""
    pings = Pings()
    now = asked(pings, [0.1] * 20)
    for number in range(100, 100 + samples):
        assert pings.round_trip(now) == pytest.approx(0.1)
        pings.load(now)
        pings.sent(number, now)
        pings.answered(number, now + 0.1 + longer)
        now += 0.25
    assert pings.figures(now).round_trip == pytest.approx(0.1 + longer)


def test_an_uneven_path_that_became_longer_is_seen_under_our_own_load() -> None:
    """The least of many lies below the mean; if it lies above, that is no noise."""
    chance, pings = random.Random(1), Pings()
    now = asked(pings, [0.1 + chance.uniform(0.0, 0.05) for _ in range(60)])
    assert pings.deviation > 0.01
    for number in range(100, 100 + LOADED_SAMPLES):
        pings.load(now)
        pings.sent(number, now)
        pings.answered(number, now + 0.15 + chance.uniform(0.0, 0.05))
        now += 0.25
    trip = pings.round_trip(now)
    assert trip is not None and trip >= 0.15


def test_no_queue_of_ours_explains_an_answer_half_a_second_late() -> None:
    pings = Pings()
    now = asked(pings, [0.1] * 20)
    pings.load(now)
    pings.sent(100, now)
    assert not pings.notice_late(now + 0.55)
    assert pings.notice_late(now + 0.65)
    assert pings.late > 0


def test_after_a_minute_of_load_the_least_of_that_minute_stands() -> None:
    pings = Pings()
    now = asked(pings, [0.1] * 5)
    for number in range(100, 250):
        pings.load(now)
        pings.sent(number, now)
        pings.answered(number, now + 0.15)
        now += 0.5
    assert pings.round_trip(now) == pytest.approx(0.15)


def test_what_our_own_loop_held_up_proves_nothing() -> None:
    pings = Pings()
    now = asked(pings, [0.1] * 20)
    before = pings.figures(now)
    pings.sent(30, now)
    pings.lagged(now + 4)
    assert pings.oldest_unanswered == now + 4
    assert not pings.notice_late(now + 4.05)
    pings.answered(30, now + 4.1)
    after = pings.figures(now)
    assert (after.samples, after.srtt, after.late) == (before.samples, before.srtt, 0.0)


def test_a_ping_behind_a_page_of_our_own_is_no_weather() -> None:
    """Ten of 150 KB come before its answer; keystrokes beside others are nothing."""
    pings = Pings()
    now = asked(pings, [0.13] * 60)
    before = pings.figures(now)
    for number in range(100, 104):
        pings.carried(500 * (number - 99), 900 * (number - 99), now)
        pings.sent(number, now)
        came = 1_500_000 if number == 102 else 500 * (number - 99)
        pings.carried(came if number < 103 else 1_500_500, 3600, now + 0.13)
        trip = 0.30 if number == 102 else 0.13
        assert not pings.notice_late(now + trip)
        pings.answered(number, now + trip)
        now += 0.5
    after = pings.figures(now)
    assert (after.round_trip, after.late) == (pytest.approx(before.round_trip), 0.0)
    assert pings.moved_much(now - 0.5) and not pings.moved_much(now + 2.0)


def test_what_goes_does_not_excuse_an_answer_that_does_not_come() -> None:
    """Into a black hole a client writes on: that must not put its rescue off."""
    pings = Pings()
    now = asked(pings, [0.13] * 60)
    pings.sent(100, now)
    due = pings.late_deadline
    pings.carried(0, 10_000_000, now + 0.1)
    assert pings.late_deadline == due
    pings.carried(20_000, 10_000_000, now + 0.1)
    assert pings.late_deadline is not None and due is not None and pings.late_deadline > due


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
    pings = Pings()
    assert stall_deadline(pings, 0.25) is None
    assert death_deadline(pings, 7.0) is None
    now = asked(pings, [0.1] * 50)
    pings.sent(60, now)
    pings.sent(61, now + 0.25)
    assert stall_deadline(pings, 0.25) == pytest.approx(now + 0.475)
    assert death_deadline(pings, now + 1) == pytest.approx(now + 4)
    assert death_deadline(pings, now - 5) == pytest.approx(now + 3)


def test_bulk_that_still_arrives_puts_a_stall_off_but_not_for_long() -> None:
    pings = Pings()
    now = asked(pings, [0.1] * 50)
    pings.sent(60, now)
    assert stall_deadline(pings, 0.25, now + 0.2) == pytest.approx(now + 0.675)
    assert stall_deadline(pings, 0.25, now + 60) == pytest.approx(now + 0.775)


@given(
    st.lists(
        st.tuples(st.sampled_from(["send", "answer", "late", "lag", "gone", "load"]), st.floats(0, 2)), max_size=80
    )
)
def test_figures_stay_sane_whatever_happens(steps: list[tuple[str, float]]) -> None:
    pings, now, sent, waiting = Pings(), 0.0, 0, []
    for step, wait in steps:
        now += wait
        match step:
            case "send":
                sent += 1
                waiting.append(sent)
                pings.sent(sent, now)
            case "answer" if waiting:
                trip = pings.answered(waiting.pop(0), now)
                assert trip is not None and trip >= 0
            case "late":
                pings.notice_late(now)
            case "lag":
                pings.lagged(now)
            case "gone":
                waiting.clear()
                pings.abandoned()
            case "load":
                pings.load(now)
        figures = pings.figures(now)
        assert 0 <= figures.late <= 1 and figures.deviation >= 0
        assert (pings.oldest_unanswered is None) == (not waiting)
        assert figures.samples <= sent
