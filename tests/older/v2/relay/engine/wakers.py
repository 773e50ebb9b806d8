"""Two endpoints that make a parked loop's epoll return: one at a moment, one at a call.

Both descriptors are registered edge-triggered and never read: every expiry and every write is a new edge.
"""

import math
import os
import sys

if sys.version_info >= (3, 13):

    def _create_timer() -> int:
        return os.timerfd_create(1, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)  # 1: CLOCK_MONOTONIC, which trio uses

    def _set_timer(descriptor: int, delay: float) -> None:
        os.timerfd_settime(descriptor, initial=delay)

else:
    import ctypes

    _libc = ctypes.CDLL(None, use_errno=True)
    _spec = (ctypes.c_long * 4)()  # struct itimerspec: interval and value, each in seconds and nanoseconds

    def _create_timer() -> int:
        return _checked(_libc.timerfd_create(1, os.O_NONBLOCK | os.O_CLOEXEC))  # the TFD_ flags have these values

    def _set_timer(descriptor: int, delay: float) -> None:
        _spec[2] = int(delay)
        _spec[3] = int(delay % 1 * 1e9)
        _checked(_libc.timerfd_settime(descriptor, 0, _spec, None))

    def _checked(result: int) -> int:
        if result < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return result


SHORTEST = 1e-6
"""Seconds; 0 would disarm the timer."""
LONGEST = 3600.0
"""Seconds; further away the alarm rings early, finds nothing due and is set again."""


class Waker:
    """A descriptor of the loop's own. What is there to do finds the loop by itself, once it is awake."""

    __slots__ = ("descriptor", "queued")

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.queued = False

    def fail(self, error: OSError) -> None:
        """A waker has no owner who could be told: pass the error on."""
        raise error

    def close(self) -> None:
        """Close the descriptor; harmless when closed already."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


class Alarm(Waker):
    """Wakes the loop at a moment."""

    __slots__ = ("deadline",)

    def __init__(self) -> None:
        super().__init__(_create_timer())
        self.deadline = math.inf
        """When it will ring."""

    def set(self, deadline: float, now: float) -> None:
        """Ring at *deadline*; what was set before is forgotten."""
        self.deadline = deadline
        _set_timer(self.descriptor, min(max(deadline - now, SHORTEST), LONGEST))

    def serve(self, events: int) -> None:
        """It rang, and is not set any more: the loop calls what is due, and sets it again as it parks."""
        self.deadline = math.inf


class Bell(Waker):
    """Wakes the loop now."""

    __slots__ = ("rung",)

    def __init__(self) -> None:
        super().__init__(os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC))
        self.rung = False

    def ring(self) -> None:
        """Harmless when it rings already."""
        if not self.rung:
            self.rung = True
            os.eventfd_write(self.descriptor, 1)

    def serve(self, events: int) -> None:
        """It has rung: the next call needs a new edge."""
        self.rung = False
