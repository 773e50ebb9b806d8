"""A listening socket: accepts in batches, and steps back when the process runs out of descriptors.

What must stay true: streams that live are unhurt by those that want in. Accepting stops while some descriptors are
still free (`descriptors`), because a lost carrier needs one to come back. A stopped listener costs one timer; the
kernel's backlog holds the callers.
"""

import errno
import math
import os
import socket
from collections.abc import Callable
from functools import partial

import attrs

from relay import log
from relay.engine import descriptors
from relay.engine.loop import Loop
from relay.engine.timers import Timer

SHARE = 4
"""So many times fewer sockets are accepted in a turn than endpoints served: 16 as a rule, at some 60 µs each with what
is made of them, and 2 when turns take long. Whoever opens 500 connections at once waits in the kernel's backlog, and
not in the same line as those who are here."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0
"""Seconds from stopping to the next attempt, doubling. Shorter spins; longer leaves callers waiting for nothing."""
CALM = 10.0
"""Seconds without a pause that end an episode: one log line each, and pauses start small again."""
CALLER_GONE = {errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.ENETDOWN, errno.EHOSTUNREACH, errno.ENETUNREACH}
"""accept(2): what befell this one caller only."""

OnAccept = Callable[[socket.socket, tuple[str, int]], None]


@attrs.frozen
class ListenerStatistics:
    """One listener at one moment."""

    accepted: int
    pauses: int
    """How often it ran out of descriptors or memory."""
    is_paused: bool


class Listener:
    """Accepts on *sock*, which belongs to it from now on. Each new socket is non-blocking and is `on_accept`'s.

    An `on_accept` that raises loses its socket, not the listener.
    """

    __slots__ = (
        "_accepted",
        "_kind",
        "_loop",
        "_mark",
        "_on_accept",
        "_pause",
        "_paused_at",
        "_pauses",
        "_sock",
        "_timer",
        "queued",
    )

    def __init__(self, loop: Loop, sock: socket.socket, on_accept: OnAccept) -> None:
        self.queued = False
        self._loop = loop
        self._sock = sock
        self._kind = int(sock.family), int(sock.type), sock.proto
        """Of those that are accepted. `socket.accept` asks *sock* each time, and makes enums of the answers: a third of
        what it costs."""
        self._on_accept = on_accept
        self._mark = descriptors.accept_mark()
        self._timer: Timer | None = None
        self._pause = FIRST_PAUSE
        self._paused_at = -math.inf
        self._accepted = self._pauses = 0
        loop.register(sock, self)

    def stop(self) -> None:
        """Close the listening socket; callers in its backlog are reset."""
        if self._timer is not None:
            self._timer.cancel()
        if self._sock.fileno() >= 0:
            self._loop.forget(self._sock.fileno())
            self._sock.close()

    close = stop

    @property
    def sock(self) -> socket.socket:
        """For options, which accepted sockets inherit."""
        return self._sock

    def statistics(self) -> ListenerStatistics:
        """Counts since it was opened."""
        return ListenerStatistics(self._accepted, self._pauses, self._timer is not None)

    def __repr__(self) -> str:
        state = "stopped" if self._sock.fileno() < 0 else "paused" if self._timer is not None else "accepting"
        return f"<Listener {state}, {self._accepted} accepted>"

    # for the loop

    def serve(self, events: int) -> None:
        """Accept; during a pause its end does that."""
        if self._timer is None:
            self._accept()

    def fail(self, error: OSError) -> None:
        """Go on: what failed belonged to one caller, who is closed."""

    def _accept(self) -> None:
        for _ in range(self._loop.pace // SHARE):
            try:
                descriptor, address = self._sock._accept()  # type: ignore[attr-defined]  # what `accept` is made of
            except BlockingIOError:
                return
            except OSError as error:
                if self._sock.fileno() < 0:
                    return  # on_accept has stopped us
                if error.errno in CALLER_GONE:
                    continue
                self._step_back(error)
                return
            self._hand_over(socket.socket(*self._kind, descriptor), address)
            if descriptor >= self._mark:
                self._step_back(OSError(errno.EMFILE, os.strerror(errno.EMFILE)))
                return
        self._loop.again(self)

    def _hand_over(self, client: socket.socket, address: tuple[str, int]) -> None:
        self._accepted += 1
        client.setblocking(False)
        try:
            self._loop.hand_over(client, partial(self._on_accept, client, address))
        except Exception:
            self._loop.again(self)  # others are waiting behind this one
            raise

    def _step_back(self, error: OSError) -> None:
        """Leave the callers in the backlog for a while."""
        now = self._loop.now
        if now - self._paused_at > CALM:
            self._pause = FIRST_PAUSE
            log.event("accept-paused", level="warning", reason=error.strerror, accepted=self._accepted)
        self._paused_at = now
        self._pauses += 1
        self._wait()

    def _wait(self) -> None:
        self._timer = self._loop.call_at(self._loop.now + self._pause, self._try_again)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _try_again(self) -> None:
        if self._has_room():
            self._timer = None
            self._loop.again(self)
        else:
            self._paused_at = self._loop.now
            self._wait()

    def _has_room(self) -> bool:
        """Whether the next descriptor would leave the reserve alone."""
        try:
            descriptor = os.dup(self._sock.fileno())
        except OSError:
            return False
        os.close(descriptor)
        return descriptor < self._mark
