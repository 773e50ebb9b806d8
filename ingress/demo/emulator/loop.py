"""The emulator's event loop: epoll for descriptors, a heap for timers, the clock given by whoever starts it.

What must stay true: a timer fires within a fifth of a millisecond of its time on an idle machine. epoll waits in
whole milliseconds, so the loop sleeps in select(2) on the epoll descriptor, which takes microseconds.
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
        """The clock at the start of this wake-up."""
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
        """End `run` after this wake-up."""
        self._running = False

    def run(self) -> None:
        """Serve until stopped."""
        while self._running:
            ready = self._wait()
            self.now = self._clock()
            for fd, events in ready:
                if handler := self._handlers.get(fd):  # gone if an earlier one closed it
                    handler(events)
            self._fire()
        self._epoll.close()

    def _wait(self) -> list[tuple[int, int]]:
        if ready := self._epoll.poll(0):
            return ready
        timeout = max(0.0, self._timers[0][0] - self._clock()) if self._timers else None
        select.select((self._epoll,), (), (), timeout)
        return self._epoll.poll(0)

    def _fire(self) -> None:
        """Call what is due; what is added meanwhile waits for the next wake-up, so that descriptors get their turn."""
        last = next(self._order)
        while self._timers and self._timers[0][0] <= self.now and self._timers[0][1] < last:
            heapq.heappop(self._timers)[2]()
