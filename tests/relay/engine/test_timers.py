"""The heap of timers: order, cancelling, sweeping. Time is a number here."""

import math

from hypothesis import given
from hypothesis import strategies as st

from relay.engine.timers import COMPACT_AT, Timer, Timers


def call_due(timers: Timers, now: float) -> None:
    for timer in timers.pop_due(now, 1 << 30):
        if timer.call is not None:
            timer.call()


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans())), st.integers(-1, 10))
def test_due_timers_come_in_order_and_cancelled_ones_never(entries: list[tuple[int, bool]], now: int) -> None:
    timers = Timers()
    called: list[int] = []
    made = [timers.add(when, lambda number=number: called.append(number)) for number, (when, _) in enumerate(entries)]
    for timer, (_, is_cancelled) in zip(made, entries, strict=True):
        if is_cancelled:
            timer.cancel()
            timer.cancel()
    waiting = [when for when, is_cancelled in entries if not is_cancelled]
    assert timers.next_deadline() == min(waiting, default=math.inf)
    call_due(timers, now)
    due = [number for number, (when, is_cancelled) in enumerate(entries) if when <= now and not is_cancelled]
    assert called == sorted(due, key=lambda number: (entries[number][0], number))
    assert timers.next_deadline() == min((when for when in waiting if when > now), default=math.inf)


def test_a_call_can_cancel_one_that_is_due_at_the_same_moment() -> None:
    timers = Timers()
    called: list[str] = []
    made: list[Timer] = []

    def cancel_second() -> None:
        called.append("first")
        made[0].cancel()

    timers.add(1.0, cancel_second)
    second = timers.add(1.0, lambda: called.append("second"))
    made.append(second)
    call_due(timers, 1.0)
    assert called == ["first"]
    assert "done" in repr(second)


def test_dead_timers_do_not_pile_up() -> None:
    timers = Timers()
    called: list[int] = []
    for number in range(20 * COMPACT_AT):
        timer = timers.add(100.0 + number, lambda number=number: called.append(number))
        if number % 100:
            timer.cancel()
    assert len(timers) < 3 * COMPACT_AT
    call_due(timers, math.inf)
    assert called == list(range(0, 20 * COMPACT_AT, 100))
