"""The present minute of one series."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.history.gather import MOST_TRIPS, Gatherer
from ingress.history.record import EMPTY, STAY, TICK

TRIPS = st.lists(st.floats(0, 6), max_size=50)


def test_a_minute() -> None:
    gatherer = Gatherer()
    gatherer.took([0.1] * 18)
    gatherer.took([0.2, 0.3])
    gatherer.asked(21, 1)
    gatherer.was(0, 59.0)
    gatherer.was(2, 1.0)
    gatherer.loses(0.01, None)
    gatherer.carried(4, (100, 200, 1, 2))
    gatherer.carried(5, (10, -20, 0, 0))
    record = gatherer.record()
    assert (record.samples, record.round_trip, record.p95) == (21, 1000, 2000)
    assert record.deviation == pytest.approx(0.3 / 20 / TICK, abs=1)
    assert (record.late, record.loss_up, record.loss_down) == (952, 200, 0xFFFF)
    assert [stay * STAY for stay in record.stays] == [59.0, 0, 1.0, 0]
    assert record[11:] == (4.5, 110, 200, 1, 2)


def test_another_minute_begins_with_nothing() -> None:
    gatherer = Gatherer()
    assert gatherer.record() == EMPTY and gatherer.record().is_empty
    gatherer.took([0.1])
    gatherer.varied(0.004)
    gatherer.was(1, 2.0)
    assert gatherer.record().deviation == 40
    gatherer.clear()
    assert gatherer.record() == EMPTY


@given(trips=TRIPS, cut=st.integers(0, 50))
def test_the_order_and_the_pieces_do_not_matter(trips: list[float], cut: int) -> None:
    whole, parts = Gatherer(), Gatherer()
    whole.took(trips)
    parts.took(reversed(trips[cut:]))
    parts.took(trips[:cut])
    assert whole.record()[:5] == pytest.approx(parts.record()[:5], abs=1)


def test_trips_are_bounded() -> None:
    gatherer = Gatherer()
    gatherer.took([0.1] * 3 * MOST_TRIPS)
    assert len(gatherer._trips) == MOST_TRIPS
