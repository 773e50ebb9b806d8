"""Counts add up, whatever order connections come in; of what is up, the fastest speaks of the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.model.sent import NOTHING_SENT, Sent

COUNT = st.integers(0, 10**9)
TIME = st.none() | st.floats(0.001, 10.0)
SENT = st.builds(Sent, COUNT, COUNT, COUNT, COUNT, st.none() | st.floats(1, 1e9), TIME, TIME)


@given(st.lists(SENT, max_size=6), st.randoms())
def test_the_order_of_connections_changes_no_count(some: list[Sent], random: "st.Random") -> None:
    def whole(parts: list[Sent]) -> Sent:
        found = NOTHING_SENT
        for part in parts:
            found = found.plus(part)
        return found

    shuffled = some[:]
    random.shuffle(shuffled)
    assert whole(some).counts == whole(shuffled).counts
    assert whole(some).segments == sum(one.segments for one in some)
    assert whole(some).rate == max((one.rate for one in some if one.rate), default=None)


def test_the_fastest_connection_speaks_of_the_way() -> None:
    thin, bulk = Sent(10, rate=1e3, round_trip=0.1, least=0.09), Sent(90, rate=1e6, round_trip=0.2, least=0.1)
    for both in (thin.plus(bulk), bulk.plus(thin)):
        assert (both.segments, both.rate, both.round_trip, both.least) == (100, 1e6, 0.2, 0.1)
    assert NOTHING_SENT.plus(bulk.counts).rate is None


@pytest.mark.parametrize(("again", "needless", "lost"), [(0, 0, 0), (7, 2, 5), (2, 7, 0)])
def test_what_was_sent_again_without_need_was_not_lost(again: int, needless: int, lost: int) -> None:
    assert Sent(100, again, needless).lost == lost
