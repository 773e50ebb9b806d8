"""What we load lines with ourselves: page loads and downloads that stand before our own pings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from relay.model.walk import Path


@dataclass(frozen=True)
class OwnLoad:
    """Something that comes over the leading path again and again."""

    every: float
    """Seconds from one to the next."""
    lasts: float
    queue: float
    """Seconds that a ping waits in it at most: windows keep it short, and it is not always full."""
    size: int
    """Bytes of each."""
    is_bulk: bool = False
    """Known as bulk, and on a carrier of its own."""


PAGES = OwnLoad(every=4.0, lasts=0.6, queue=0.048, size=1_500_000)
"""Ten of 150 KB over a line of 20 Mbit/s."""
DOWNLOADS = OwnLoad(every=60.0, lasts=25.0, queue=0.040, size=60_000_000, is_bulk=True)


@dataclass
class Loads:
    """What has been loaded so far, on which path and its lines."""

    kind: OwnLoad | None
    chance: Random
    _begun: dict[str, float] = field(default_factory=dict)
    """By line, when the last one began."""
    _of_path: dict[str, list[float]] = field(default_factory=dict)
    """By path, when each began."""

    def begin(self, path: Path, now: float) -> None:
        """One comes over *path* from now on."""
        self._of_path.setdefault(path.name, []).append(now)
        self._begun |= dict.fromkeys(path.lines, now)

    def queue(self, lines: Iterable[str], now: float) -> float:
        """Seconds by which a ping over *lines* is delayed: there is one narrowest line, and one queue."""
        kind = self.kind
        if kind is None or not any(0 <= now - self._begun.get(line, -kind.lasts) < kind.lasts for line in lines):
            return 0.0
        return kind.queue * (self.chance.random() if kind.is_bulk else 1.0)

    def came(self, path: str, now: float) -> int:
        """Bytes that have come over the warm carrier of *path*."""
        kind = self.kind
        if kind is None or kind.is_bulk:
            return 0
        return sum(round(kind.size * min(1.0, (now - at) / kind.lasts)) for at in self._of_path.get(path, ()))

    def is_bulk(self, path: str, now: float) -> bool:
        """Whether bulk rides on it now."""
        kind, begun = self.kind, self._of_path.get(path)
        return kind is not None and kind.is_bulk and begun is not None and now - begun[-1] < kind.lasts
