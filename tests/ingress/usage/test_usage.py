"""What waits for the state file: nothing is lost or counted twice, whatever is written when, and it is bounded."""

from hypothesis import given
from hypothesis import strategies as st

from ingress.usage.usage import HOUR, Counted, LineCounted, Usage, WaitingRows

Sums = dict[tuple[str], int]

KEYS = st.sampled_from("abcdef")
ADD = st.tuples(st.just("add"), KEYS, st.integers(0, 100))
STEP = st.one_of(ADD, st.sampled_from([("give", "", 0), ("written", "", 0)]))


@given(st.lists(STEP, max_size=60))
def test_what_is_written_and_what_waits_is_all_that_was_added(steps: list[tuple[str, str, int]]) -> None:
    waiting: WaitingRows[tuple[str]] = WaitingRows()
    added, written = 0, 0
    given: list[tuple[object, ...]] = []
    for step, key, amount in steps:
        if step == "add":
            waiting.add((key,), (amount, 1))
            added += amount
        elif step == "give":
            given = waiting.give()
            assert len({row[0] for row in given}) == len(given)
        else:
            written += total(given)
            given = []
            waiting.written()
    assert written + total(waiting.give()) == added and not waiting.dropped


def total(rows: list[tuple[object, ...]]) -> int:
    return sum(row[1] for row in rows if isinstance(row[1], int))


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=80), st.integers(1, 8))
def test_of_more_rows_than_may_wait_the_oldest_go_and_are_counted(adds: list[tuple[int, bool]], most: int) -> None:
    waiting: WaitingRows[tuple[int]] = WaitingRows(most)
    for key, is_given in adds:
        waiting.add((key,), (1,))
        if is_given:
            waiting.give()  # and never written
        assert len(waiting) <= 2 * most
    kept = waiting.give()
    assert len(kept) <= most
    lost = len(adds) - sum(row[1] for row in kept if isinstance(row[1], int))
    assert (lost == 0) == (waiting.dropped == 0) and waiting.dropped <= lost
    if adds:
        assert kept[-1][0] == adds[-1][0] or len({key for key, _ in adds}) <= most or waiting.dropped


def test_rows_are_those_of_an_hour() -> None:
    now = [5 * HOUR - 1.0]
    usage = Usage(lambda: now[0])
    usage.add("eve", "10.0.0.1", "us", "site.example", Counted(1, 2, 1))
    usage.add("eve", "10.0.0.1", "us", "site.example", Counted(udp_up=3))
    usage.add_line("ix", LineCounted(tcp_up=7))
    now[0] += 1
    usage.add("eve", "10.0.0.1", "us", "site.example", Counted(4))
    usage.add_line("ix", LineCounted(packets_down=9))
    key = ("eve", "10.0.0.1", "us", "site.example")
    assert usage.clients.give() == [(4, *key, 1, 2, 1, 3, 0, 0), (5, *key, 4, 0, 0, 0, 0, 0)]
    assert usage.lines.give() == [(4, "ix", 7, 0, 0, 0, 0, 0, 0, 0), (5, "ix", 0, 0, 0, 0, 0, 0, 0, 9)]
    assert usage.dropped == 0
