"""What a window of segments says of a line: one loss in a thousand is told from one in a hundred, and a policer."""

import random
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.measure.sending import SHOWN, WINDOW, Sending, bounds
from relay.model.sent import NOTHING_SENT, Sent

EVERY = 10.0
MSS = 1400


def readings(
    shares: Sequence[float], each: int = 5000, trip: float = 0.1, seed: int = 1
) -> Iterator[tuple[Sent, float]]:
    """One each ten seconds: *each* segments more, of which that share was lost."""
    chance, sent = random.Random(seed), Sent(1, round_trip=trip, least=0.1)
    yield sent, 0.0
    for count, share in enumerate(shares, 1):
        lost = sum(chance.random() < share for _ in range(each))
        more = Sent(each, lost, 0, (each - lost) * MSS)
        sent = Sent(1, round_trip=trip, least=0.1).plus(sent.counts).plus(more)
        yield sent, count * EVERY


def after(told: Iterator[tuple[Sent, float]]) -> tuple[Sending, float]:
    (first, at), *rest = told
    sending = Sending(first, at)
    for sent, at in rest:
        sending = sending.heard(sent, at)
    return sending, at


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("each", [200, 1000, 20_000])
def test_one_loss_in_a_thousand_is_told_from_one_in_a_hundred(seed: int, each: int) -> None:
    little, now = after(readings([0.001] * 60, each, seed=seed))
    much, _ = after(readings([0.01] * 60, each, seed=seed))
    few, many = little.loss(now), much.loss(now)
    assert few is not None and many is not None
    assert few.high < 0.003 < many.low
    assert few.low <= few.share <= few.high and many.low <= many.share <= many.high


def test_nothing_is_said_of_too_little() -> None:
    sending, now = after(readings([0.01] * 9, 1000))
    assert sending.loss(now) is None
    sending, now = after(readings([0.01] * 10, 1000))
    assert (found := sending.loss(now)) is not None and SHOWN <= found.segments < SHOWN + 100


def test_on_a_line_in_use_a_loss_shows_within_a_minute_and_is_over_within_a_minute() -> None:
    shares = [0.0] * 60 + [0.01] * 6
    sending, now = after(readings(shares))
    found = sending.loss(now)
    assert found is not None and found.low > 0.005
    sending, now = after(readings([*shares, *[0.0] * 6]))
    found = sending.loss(now)
    assert found is not None and found.high < 0.001


def test_what_was_lost_at_one_moment_is_no_share_of_all_that_follows() -> None:
    """A line that was torn for some seconds: most of what is sent now arrives."""
    sending, now = after(readings([0.0, 0.0, 0.0, 0.2, 0.0, 0.0], 2000))
    found = sending.loss(now)
    assert found is not None and found.share > 0.03 and found.low < 0.01


def test_what_was_lost_in_the_first_moment_says_nothing_of_the_line() -> None:
    for count in (1, 2):
        sending, now = after(readings([0.05] * count, 20_000))
        assert sending.loss(now) is None


def test_what_is_older_than_the_window_is_forgotten() -> None:
    sending, now = after(readings([0.01] * 10))
    assert sending.loss(now) is not None
    assert sending.loss(now + WINDOW) is None
    sending = sending.heard(sending.last, now + WINDOW)
    assert len(sending.intervals) == 1


def test_a_process_that_began_anew_begins_anew() -> None:
    sending, now = after(readings([0.01] * 10))
    again = sending.heard(Sent(5), now + EVERY)
    assert again.intervals == sending.intervals and again.last == Sent(5)
    more = again.heard(Sent(1005), now + 2 * EVERY)
    assert more.intervals[-1].segments == 1000


def test_two_readings_that_come_together_are_one() -> None:
    """A node's news wait in a queue, and then come at once: what lies between them is no rate."""
    sending = Sending(Sent(0), 0.0).heard(Sent(1000, 0, 0, 10**6), 19.9).heard(Sent(2000, 0, 0, 2 * 10**6), 20.0)
    assert len(sending.intervals) == 1
    sending = sending.heard(Sent(3000, 0, 0, 3 * 10**6), 30.0)
    assert sending.intervals[-1].segments == 2000  # nothing is left out


def test_what_was_sent_again_without_need_is_taken_back_when_that_is_told() -> None:
    sending, now = after(readings([0.01, 0.01, 0.01, 0.01]))
    before, last = sending.loss(now), sending.last
    found = sending.heard(Sent(last.segments + 100, last.lost, last.lost, last.delivered), now + EVERY).loss(
        now + EVERY
    )
    assert before is not None and before.share == pytest.approx(0.01, rel=0.3)
    assert found is not None and found.share == found.low == 0.0


COUNT = st.integers(0, 10**7)


@given(st.lists(st.tuples(COUNT, COUNT, COUNT, COUNT, st.floats(0, 30), st.none() | st.floats(0, 9)), max_size=80))
def test_whatever_a_node_tells_is_a_share(told: list[tuple[int, int, int, int, float, float | None]]) -> None:
    """It may count backwards, lose more than it sent, or say that all of it was needless."""
    sending, now = Sending(NOTHING_SENT, 0.0), 0.0
    for segments, again, needless, delivered, passed, trip in told:
        now += passed
        sending = sending.heard(Sent(segments, again, needless, delivered, None, trip, trip), now)
        found, policed = sending.loss(now), sending.policed(now)
        assert policed is None or policed >= 0.0
        assert found is None or 0.0 <= found.low <= found.share <= found.high <= 1.0
        assert all(now - one.at < WINDOW and one.seconds > 0 for one in sending.intervals)


@given(st.integers(1, 10**6), st.floats(0, 1), st.floats(1, 50))
def test_bounds_hold_the_share_and_widen_with_clumps(segments: int, share: float, clumps: float) -> None:
    lost = round(segments * share)
    low, high = bounds(lost, segments, 1.0)
    wider = bounds(lost, segments, clumps)
    assert 0.0 <= low <= lost / segments + 1e-9 and lost / segments - 1e-9 <= high <= 1.0
    assert wider[0] <= low + 1e-9 and high - 1e-9 <= wider[1]


# ---- a policer


def policed_at(rate: int, wanted: Sequence[int], trip: float = 0.101) -> Iterator[tuple[Sent, float]]:
    """Each ten seconds somebody sends so many segments, and no more than *rate* of them pass."""
    sent = Sent(1, round_trip=trip, least=0.1)
    yield sent, 0.0
    for count, segments in enumerate(wanted, 1):
        passed = min(segments, rate)
        sent = (
            Sent(0, round_trip=trip, least=0.1, rate=1.0)
            .plus(sent.counts)
            .plus(Sent(segments, segments - passed, 0, passed * MSS))
        )
        yield sent, count * EVERY


def test_a_policer_is_seen_at_its_rate() -> None:
    sending, now = after(policed_at(10_000, [600, 10_400, 10_500, 10_300, 10_600, 800]))
    assert sending.policed(now) == pytest.approx(10_000 * MSS / EVERY)


def test_a_policer_is_seen_though_the_flood_began_between_two_readings() -> None:
    """As it was on the bed: for most of that time hardly anything was sent."""
    sending, now = after(policed_at(900, [870, 850, 0]))
    sent = sending.last
    for segments, lost in ((2240, 221), (9240, 841), (8585, 670), (8855, 562)):
        now += EVERY
        sent = (
            Sent(0, rate=1.0, round_trip=0.106, least=0.1)
            .plus(sent.counts)
            .plus(Sent(segments, lost, 0, (segments - lost) * MSS))
        )
        sending = sending.heard(sent, now)
    assert sending.policed(now) == pytest.approx(8000 * MSS / EVERY, rel=0.1)


@pytest.mark.parametrize(
    ("wanted", "trip"),
    [
        ([600, 10_100, 10_150, 10_100, 10_050], 0.101),  # it loses one in a hundred
        ([600, 10_400, 10_500], 0.101),  # for twenty seconds
        ([600, 10_400, 10_500, 10_300, 10_600], 0.13),  # behind a queue, which any full line has
        ([10, 30, 40, 30, 20], 0.101),
    ],
)
def test_what_is_no_policer(wanted: list[int], trip: float) -> None:
    sending, now = after(policed_at(10_000, wanted, trip))
    assert sending.policed(now) is None


def test_a_rate_that_is_not_level_is_nobodys_limit() -> None:
    told = readings([0.03] * 6)
    sending, now = after(told)
    uneven = Sending(sending.last, now)
    sent = sending.last
    for count, segments in enumerate([4000, 9000, 2500, 7000, 12_000], 1):
        sent = (
            Sent(0, round_trip=0.101, least=0.1)
            .plus(sent.counts)
            .plus(Sent(segments, segments // 30, 0, segments * MSS))
        )
        uneven = uneven.heard(sent, now + count * EVERY)
    assert uneven.policed(now + 50.0) is None


def test_who_loses_as_much_when_he_sends_little_meets_no_policer() -> None:
    steady, now = after(readings([0.03] * 6, 10_000))
    assert steady.policed(now) is None  # nobody can tell yet
    sent = steady.last
    for count in range(1, 4):
        sent = sent.plus(Sent(600, 18, 0, 582 * MSS))
        steady = steady.heard(sent, now + count * EVERY)
    assert steady.policed(now + 30.0) is None
