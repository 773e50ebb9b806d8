"""Resets streams of which one direction has ended and the other makes no progress: neither end keeps one for ever."""

from collections.abc import Callable, Iterable

import trio

from relay.model.cause import Cause
from relay.session.stream import Stream

LOOK_AGAIN = 30.0
"""Seconds between two looks at most: another idle time is gone by as soon."""


class HalfClosed:
    """Remembers how far each half-closed stream was, and since when."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[Stream, tuple[int, float]] = {}

    def expired(self, streams: Iterable[Stream], now: float, idle: float) -> list[Stream]:
        """The streams to reset, of all that live *now*: those without progress for *idle* seconds. To be called several
        times within them."""
        known, self._known = self._known, {}
        over = []
        for stream in streams:
            if not stream.is_half_closed:
                continue
            progress = stream.receiver.consumed + stream.sender.acked
            before, since = known.get(stream, (-1, now))
            since = since if before == progress else now
            if now - since >= idle:
                over.append(stream)
            else:
                self._known[stream] = (progress, since)
        return over


async def watch_half_closed(idle: Callable[[], float], streams: Callable[[], Iterable[Stream]]) -> None:
    """Reset half-closed streams without progress for *idle* seconds, which is asked each time; runs until cancelled."""
    watch = HalfClosed()
    while True:
        await trio.sleep(min(idle() / 10, LOOK_AGAIN))
        for stream in watch.expired(list(streams()), trio.current_time(), idle()):
            stream.sink.on_reset(Cause.HALF_CLOSED_IDLE)
            stream.abort(Cause.HALF_CLOSED_IDLE)
