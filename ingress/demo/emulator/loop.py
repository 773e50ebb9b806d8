"""The emulator's event loop: epoll for descriptors, a heap for timers, the clock given by whoever starts it.

What must stay true: a timer fires within a fifth of a millisecond of its time on an idle machine. epoll waits in
whole milliseconds, so `run` sleeps in select(2) on the epoll descriptor, which takes microseconds. Inside another
loop's thread nobody calls `run`: that loop waits for `fileno` to be readable, or for `next_timer`, and calls `turn`.
"""

import heapq
import select
from collections.abc import Callable
from itertools import count

READ = select.EPOLLIN
WRITE = select.EPOLLOUT
BROKEN = select.EPOLLERR | select.EPOLLHUP


class EmulatorLoop:
    """Serves descriptors and timers until `stop`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.now = clock()
        """The clock at the start of this turn."""
        self._epoll = select.epoll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._running = True

    def call_at(self, when: float, call: Callable[[], None]) -> None:
        """Call once at *when*; there is no cancelling, so *call* looks whether there is still something to do."""
        heapq.heappush(self._timers, (when, next(self._order), call))

    def register(self, fd: int, events: int, handler: Callable[[int], None]) -> None:
        """Call *handler* with what is ready, level-triggered; `BROKEN` is told whether asked for or not."""
        self._epoll.register(fd, events)
        self._handlers[fd] = handler

    def modify(self, fd: int, events: int) -> None:
        """Ask for other events on a registered descriptor."""
        self._epoll.modify(fd, events)

    def unregister(self, fd: int) -> None:
        """Forget a descriptor, before it is closed; again: nothing."""
        if self._handlers.pop(fd, None):
            self._epoll.unregister(fd)

    def stop(self) -> None:
        """End `run` after this turn."""
        self._running = False

    def run(self) -> None:
        """Serve until stopped, then close."""
        while self._running:
            if not self.turn():
                when = self.next_timer()
                select.select((self._epoll,), (), (), None if when is None else max(0.0, when - self._clock()))
        self.close()

    def turn(self) -> bool:
        """Serve what is ready and due, without waiting. Whether there was anything."""
        ready = self._epoll.poll(0)
        self.now = self._clock()
        for fd, events in ready:
            if handler := self._handlers.get(fd):  # gone if an earlier one closed it
                handler(events)
        return self._fire() or bool(ready)

    def next_timer(self) -> float | None:
        """When the first timer is due, by the clock that was given; None if there is none."""
        return self._timers[0][0] if self._timers else None

    def fileno(self) -> int:
        """A descriptor that is readable while a registered one is ready."""
        return self._epoll.fileno()

    def close(self) -> None:
        """Serve nothing more; descriptors stay with those who registered them. Harmless when repeated."""
        self._epoll.close()

    def _fire(self) -> bool:
        """Call what is due; what is added meanwhile waits for the next turn, so that descriptors get theirs."""
        last, fired = next(self._order), False
        while self._timers and self._timers[0][0] <= self.now and self._timers[0][1] < last:
            heapq.heappop(self._timers)[2]()
            fired = True
        return fired
