"""Runs trio as the guest of a loop: bytes and datagrams that come wake the loop alone, and trio only what is for it.

Woken through trio, a loop pays three times what it pays when it waits in its own epoll, and that is most of what one
datagram of a call costs, or of what it waits. So a process that serves has its loop outside; trio's own waiting, for
which there are few reasons a second, goes on in a thread of trio's (`trio.lowlevel.start_guest_run`).

What must stay true: all but that waiting runs in the thread that called `run`, trio's tasks between two turns.
"""

import select
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol, TypeVar

import trio

from relay.engine.wakers import Bell

if TYPE_CHECKING:
    from outcome import Outcome  # of trio's

Result = TypeVar("Result")
Call = Callable[[], object]


class Hosted(Protocol):
    """The loop."""

    def serve_once(self, *, may_wait: bool) -> None:
        """One turn; it waits for something to do, if it may and there is nothing."""


class Host:
    """Takes one loop; others that begin meanwhile wait in trio, as they do without a host."""

    def __init__(self) -> None:
        self.bell = Bell()
        """Rung when there are calls of another thread; whatever waits has it in its epoll."""
        self._calls: deque[Call] = deque()
        self._hosted: Hosted | None = None
        self._stopped: trio.Event | None = None
        self._error: Exception | None = None

    @property
    def is_free(self) -> bool:
        """Whether it has no loop."""
        return self._hosted is None

    async def serve(self, loop: Hosted) -> None:
        """Have *loop* served until this is cancelled, or it raises; then so does this."""
        self._hosted, self._stopped = loop, trio.Event()
        try:
            await self._stopped.wait()
        finally:
            self._hosted = None
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def run(self, make: Callable[[], Awaitable[Result]]) -> Result:
        """As `trio.run`. SIGINT interrupts no more than a task that waits."""
        done: list[Outcome[Result]] = []
        trio.lowlevel.start_guest_run(
            make,
            run_sync_soon_threadsafe=self._call_from_thread,
            run_sync_soon_not_threadsafe=self._calls.append,
            done_callback=done.append,
            restrict_keyboard_interrupt_to_checkpoints=True,
        )
        with select.epoll() as epoll:
            epoll.register(self.bell.descriptor, select.EPOLLIN | select.EPOLLET)
            while not done:
                if self._hosted is not None:
                    self._serve(self._hosted)
                elif not self._calls:
                    epoll.poll()
                    self.bell.serve(select.EPOLLIN)
                for _ in range(len(self._calls)):
                    self._calls.popleft()()
        return done[0].unwrap()

    def _call_from_thread(self, call: Call) -> None:
        self._calls.append(call)
        self.bell.ring()

    def _serve(self, loop: Hosted) -> None:
        try:
            loop.serve_once(may_wait=not self._calls)
        except Exception as error:  # noqa: BLE001 - it is raised where the loop's task waits, with the traceback
            self._error, self._hosted = error, None
            if self._stopped is not None:
                self._stopped.set()


_current: ContextVar[Host | None] = ContextVar("host", default=None)


def current_host() -> Host | None:
    """That of the task that calls, if it can take a loop."""
    host = _current.get()
    return host if host is not None and host.is_free else None


def run_hosted(make: Callable[[], Awaitable[Result]]) -> Result:
    """Run *make* in trio to its end, outside of any other run, and give what it returns or raise what it raises. The
    first `Loop.run` in it has its loop served here."""
    host = Host()
    token = _current.set(host)
    try:
        return host.run(make)
    finally:
        _current.reset(token)
        host.bell.close()
