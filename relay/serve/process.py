"""What every serving process does to itself before it serves, and the signals that it serves under."""

import contextlib
import gc
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import trio

from relay.engine.descriptors import raise_limit
from relay.engine.host import run_hosted

GC_THRESHOLDS = (50_000, 20, 50)
"""Allocations before a collection, and collections before those of older objects. The default of 700 walks the newest
streams hundreds of times a second; connections here make no cycles, so a collection finds next to nothing."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Names that malloc.h gives to its own parameters (mallopt(3))."""
KEPT_FREE = 16 * 1024 * 1024
"""Bytes that malloc keeps at hand instead of giving them back. By default it returns what is above 128 KiB: with pieces
of 64 KiB that come and go, a tenth of the sending end's CPU time went into faulting the same pages in again."""
MAPPED_ALONE = 1024 * 1024
"""Bytes above which a piece is mapped for itself, and given back at once. What bulk encrypts at a time is below it."""


def settle_memory() -> None:
    """Leave all that was imported and read out of every later collection, collect seldom, and keep freed pages."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    with contextlib.suppress(ImportError, OSError, AttributeError, MemoryError):  # no such knob, or none within reach
        import ctypes

        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_TRIM_THRESHOLD, KEPT_FREE)
        mallopt(M_MMAP_THRESHOLD, MAPPED_ALONE)


def run_under_signals(serve: Callable[[AsyncIterator[int]], Awaitable[None]]) -> None:
    """Run *serve* to its end, as all of the process. It is given SIGTERM, SIGINT and SIGHUP as they come."""
    settle_memory()
    raise_limit()
    run_hosted(partial(_with_signals, serve))


async def _with_signals(serve: Callable[[AsyncIterator[int]], Awaitable[None]]) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        await serve(signals)
