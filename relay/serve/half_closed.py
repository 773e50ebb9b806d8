"""Resets streams of which one direction has ended and the other makes no progress: neither end keeps one for ever."""

from collections.abc import Callable, Iterable

import trio

from relay.model.cause import Cause
from relay.session.stream import Stream


class HalfClosed:
    """Remembers how far each half-closed stream was, and since when."""

    __slots__ = ("_idle", "_known")

    def __init__(self, idle: float) -> None:
        """*idle*: seconds without progress that end a half-closed stream."""
        self._idle = idle
        self._known: dict[Stream, tuple[int, float]] = {}

    def expired(self, streams: Iterable[Stream], now: float) -> list[Stream]:
        """The streams to reset, of all that live *now*. Call it several times within the idle time."""
        known, self._known = self._known, {}
        over = []
        for stream in streams:
            if not stream.is_half_closed:
                continue
            progress = stream.receiver.consumed + stream.sender.acked
            before, since = known.get(stream, (-1, now))
            since = since if before == progress else now
            if now - since >= self._idle:
                over.append(stream)
            else:
                self._known[stream] = (progress, since)
        return over


async def watch_half_closed(idle: float, streams: Callable[[], Iterable[Stream]]) -> None:
    """Reset half-closed streams that make no progress for *idle* seconds; runs until cancelled."""
    watch = HalfClosed(idle)
    while True:
        await trio.sleep(idle / 10)
        for stream in watch.expired(list(streams()), trio.current_time()):
            stream.sink.on_reset(Cause.HALF_CLOSED_IDLE)
            stream.abort(Cause.HALF_CLOSED_IDLE)
