"""From when to when, and why: each outage is told when it begins, is explained, and ends."""

from hypothesis import given
from hypothesis import strategies as st

from ingress.history.outages import Outage, Outages
from ingress.history.record import Series

A, B = Series("path", "a"), Series("line", "b")


def test_the_news_of_an_outage() -> None:
    outages = Outages()
    outages.begin(A, "stalled", "answer overdue", 10.0)
    outages.begin(A, "down", "again", 11.0)
    assert outages.take() == [Outage(A, 10.0, None, "stalled", "answer overdue")]
    outages.explain(A, "answer overdue")
    assert outages.take() == []
    outages.explain(A, "line b: cut")
    outages.end(A, 20.0)
    outages.end(A, 21.0)
    outages.explain(A, "too late")
    assert outages.take() == [Outage(A, 10.0, 20.0, "stalled", "line b: cut")] and outages.open == {}


def test_a_clock_that_was_set_back_leaves_an_outage_of_no_length() -> None:
    outages = Outages()
    outages.begin(A, "down", "", 10.0)
    outages.end(A, 5.0)
    assert [one.end for one in outages.take()] == [10.0]


def test_those_that_nobody_takes_are_bounded() -> None:
    outages = Outages(most=3)
    for at in range(5):
        outages.begin(A, "down", "", float(at))
        outages.end(A, at + 0.5)
    assert [one.start for one in outages.take()] == [2.0, 3.0, 4.0] and outages.dropped == 2


STEPS = st.lists(
    st.tuples(st.sampled_from(["begin", "explain", "end", "take"]), st.sampled_from([A, B]), st.floats(0, 9))
)


@given(steps=STEPS)
def test_whatever_is_told_what_is_written_is_whole(steps: list[tuple[str, Series, float]]) -> None:
    outages, rows = Outages(), {}
    for what, series, at in [*steps, ("take", A, 0.0)]:
        match what:
            case "begin":
                outages.begin(series, "down", "", at)
            case "explain":
                outages.explain(series, str(at))
            case "end":
                outages.end(series, at)
            case _:
                rows |= {(one.series, one.start): one for one in outages.take()}
    assert {series: one for (series, _), one in rows.items() if one.end is None} == outages.open
    assert all(one.end is None or one.end >= one.start for one in rows.values())
