"""Every line in either direction, as TCP knows it: what we measured ourselves, and what nodes told.

Each end of a line knows only what it sends. What a node says of that is hearsay: it may make its own line look worse,
never better, and is shown under its name (docs/protocol.md section 8).
"""

from collections.abc import Mapping

import attrs

from ingress.measure.sending import LossShare, Sending
from relay.model.network import Line
from relay.model.sent import Sent
from relay.model.walk import Path

LOSSY = 0.003
"""Share that is lost beyond doubt from which on a direction is named: three times what streams hardly notice."""


@attrs.frozen
class Direction:
    """One direction of a line, from one end to the other."""

    line: str
    start: str
    """Who sends, and counts."""
    end: str
    loss: LossShare
    rate: float
    """Bytes per second that arrived lately, of all ingresses together."""
    policed: float | None
    """Bytes per second beyond which a policer drops, if it looks like that."""
    is_told: bool
    """By the node that sends; else we send, and have measured it."""

    @property
    def is_lossy(self) -> bool:
        """Whether it is worth a sentence."""
        return self.policed is not None or self.loss.low >= LOSSY


class Directions:
    """What is known of all lines. `judge` draws the conclusions, and all else only reads them."""

    def __init__(self) -> None:
        self._lines: Mapping[str, Line] = {}
        self._sendings: dict[tuple[str, str], Sending] = {}
        self._told: set[tuple[str, str]] = set()
        self._judged: dict[tuple[str, str], Direction] = {}

    def know(self, lines: Mapping[str, Line]) -> None:
        """Only *lines* are there from now on; what was known of one that is the same stays."""
        same = {name for name, line in lines.items() if _is_same(self._lines.get(name), line)}
        self._lines = dict(lines)
        for known in (self._sendings, self._judged):
            for key in [key for key in known if key[0] not in same]:
                del known[key]

    def heard(self, line: str, start: str, sent: Sent, now: float, *, is_told: bool) -> None:
        """So much was *sent* from *start* over *line* so far. Of what does not touch the line nothing is kept."""
        if line not in self._lines or not self._lines[line].touches(start):
            return
        key = line, start
        before = self._sendings.get(key)
        self._sendings[key] = Sending(sent, now) if before is None else before.heard(sent, now)
        (self._told.add if is_told else self._told.discard)(key)

    def judge(self, now: float) -> None:
        """Conclude anew from all that was heard; to be called every few seconds."""
        self._judged = {}
        for (line, start), sending in self._sendings.items():
            loss = sending.loss(now)
            if loss is not None:
                ends = self._lines[line]
                end = ends.end if start == ends.start else ends.start
                told = (line, start) in self._told
                rate, policed = sending.rate(now), sending.policed(now)
                self._judged[line, start] = Direction(line, start, end, loss, rate, policed, told)

    def of(self, line: str) -> list[Direction]:
        """Both directions of *line*, as far as they are known, the one away from its start first."""
        ends = self._lines.get(line)
        found = () if ends is None else (self._judged.get((line, node)) for node in (ends.start, ends.end))
        return [one for one in found if one is not None]

    def on(self, path: Path) -> tuple[Direction, ...]:
        """All that is known of the lines of *path*, either way."""
        if not self._judged:
            return ()
        return tuple(
            one
            for hop in path.hops
            for node in (hop.start, hop.end)
            if (one := self._judged.get((hop.line.name, node))) is not None
        )

    def is_lossy(self, line: str) -> bool:
        """Whether either direction of *line* is worth a sentence."""
        return any(one.is_lossy for one in self.of(line))


def _is_same(before: Line | None, after: Line) -> bool:
    """Whether it is dialled as before; what it costs does not matter."""
    return before is not None and _dialled(before) == _dialled(after)


def _dialled(line: Line) -> tuple[object, ...]:
    return line.start, line.end, line.address, line.proxy
