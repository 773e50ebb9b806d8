"""Calls that wait for their moment: one heap. Pure: `now` is told, nothing is waited for.

A timer that was cancelled stays in the heap until it comes up or until most of the heap is dead, because most timers
here are time-outs that never fire and taking one out of the middle costs more than leaving it.
"""

import heapq
import math
from collections.abc import Callable

COMPACT_AT = 256
"""Cancelled timers from which the heap is rebuilt once they are its larger half. Lower, small heaps are rebuilt for
nothing; much higher, dead calls hold on to their connections."""


class Timer:
    """One call that waits. `when` is on trio's clock."""

    __slots__ = ("_timers", "call", "when")

    def __init__(self, timers: "Timers", when: float, call: Callable[[], None]) -> None:
        self._timers = timers
        self.when = when
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """Never call; harmless when it was called or cancelled already."""
        if self.call is not None:
            self.call = None
            self._timers.note_cancelled()

    def __repr__(self) -> str:
        return f"<Timer at {self.when:.3f}, {'done' if self.call is None else 'waiting'}>"


class Timers:
    """All timers of a loop. Equal moments keep the order in which they were added."""

    __slots__ = ("_cancelled", "_heap", "_number")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._number = 0
        self._cancelled = 0

    def __len__(self) -> int:
        """How many wait, those cancelled and not yet swept included."""
        return len(self._heap)

    def add(self, when: float, call: Callable[[], None]) -> Timer:
        """*when* may have passed already; then it is due at once."""
        timer = Timer(self, when, call)
        self._number += 1
        heapq.heappush(self._heap, (when, self._number, timer))
        return timer

    def next_deadline(self) -> float:
        """When the earliest timer is due; infinity if none waits."""
        heap = self._heap
        while heap:
            when, _, timer = heap[0]
            if timer.call is not None:
                return when
            heapq.heappop(heap)
        return math.inf

    def pop_due(self, now: float, most: int) -> list[Timer]:
        """Take out what is due at *now*, in order, at most *most*. A `call` may turn None before its turn: another one
        cancelled it."""
        due: list[Timer] = []
        heap = self._heap
        while heap and heap[0][0] <= now and len(due) < most:
            timer = heapq.heappop(heap)[2]
            if timer.call is not None:
                due.append(timer)
        return due

    def note_cancelled(self) -> None:
        """Sweep the heap when most of it is dead; called by `Timer.cancel`."""
        self._cancelled += 1
        if self._cancelled > COMPACT_AT and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].call is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0
