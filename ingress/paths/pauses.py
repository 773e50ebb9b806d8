"""How long streams stood still that lost what they rode on: from its last byte until the exit answers over another."""

import attrs

from ingress.measure.histogram import PAUSE_BOUNDS, Histogram
from ingress.paths.live import LivePath
from relay import log
from relay.engine import Loop
from relay.session.stream import Stream


@attrs.frozen
class Pause:
    """A stream that stands still."""

    live: LivePath
    """What it rode on."""
    since: float
    """When that was last heard."""
    at: float
    """When the stream was moved, or lost its carrier."""


class Pauses:
    """The streams that stand still now, as far as the exit has not answered."""

    def __init__(self, loop: Loop) -> None:
        self.lengths = Histogram(PAUSE_BOUNDS)
        """Seconds, of all that are over."""
        self._loop = loop
        self._open: dict[Stream, Pause] = {}
        self._over: dict[LivePath, list[float]] = {}
        """How long those stood still that went on since `tell_over`."""

    def begin(self, stream: Stream, live: LivePath, heard: float) -> None:
        """*stream* has left *live*, last heard at *heard*; one that stands still already goes on doing so."""
        self._open.setdefault(stream, Pause(live, heard, self._loop.now))

    def end(self, stream: Stream) -> None:
        """The exit has answered: it is counted with the path that *stream* was rescued from."""
        pause = self._open.pop(stream, None)
        if pause is not None:
            lasted = self._loop.now - pause.since
            pause.live.counters.count_rescue(lasted)
            self.lengths.note(lasted)
            self._over.setdefault(pause.live, []).append(lasted)

    def tell_over(self) -> None:
        """Once a round: say how many streams of which path have gone on."""
        for live, lasted in self._over.items():
            longest = round(1000 * max(lasted))
            log.event("streams-resumed", about=live.name, path=live.name, count=len(lasted), longest_ms=longest)
        self._over.clear()

    def forget_ended(self) -> None:
        """Streams that are over stand still no more."""
        self._open = {stream: pause for stream, pause in self._open.items() if not stream.is_over}

    def age(self, stream: Stream) -> float:
        """Seconds since *stream* lost its carrier or was moved; infinite if it does not stand still."""
        pause = self._open.get(stream)
        return float("inf") if pause is None else self._loop.now - pause.at

    def __len__(self) -> int:
        return len(self._open)
