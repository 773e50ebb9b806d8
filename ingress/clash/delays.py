"""The last delays of each path, as they were when somebody looked: Clash's dashboards draw them as bars."""

import datetime
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

from ingress.report.rows import PathRow

KEPT: Final = 10
"""As many as Clash keeps."""
OFTEN: Final = 10.0
"""Seconds between two of one path at least."""
Bars = list[dict[str, object]]


def delay(row: PathRow) -> int:
    """Milliseconds there and back, as pings through the whole path have them; 0 while it cannot be used."""
    if row.round_trip is None or row.state not in ("up", "held"):
        return 0
    return max(1, round(row.round_trip * 1000))


class Delays:
    """Those of all paths. `now` is seconds since 1970."""

    def __init__(self) -> None:
        self._kept: dict[str, deque[tuple[float, int]]] = {}

    def note(self, rows: Iterable[PathRow], now: float) -> None:
        """Somebody looks at *rows*, which are all there are."""
        before, self._kept = self._kept, {}
        for row in rows:
            kept = self._kept[row.path] = before.get(row.path, deque(maxlen=KEPT))
            if not kept or now - kept[-1][0] >= OFTEN or bool(kept[-1][1]) != bool(delay(row)):
                kept.append((now, delay(row)))

    def bars(self) -> Mapping[str, Bars]:
        """As Clash has them, by path."""
        return {path: [_bar(*one) for one in kept] for path, kept in self._kept.items()}


def _bar(at: float, value: int) -> dict[str, object]:
    return {"time": moment(at), "delay": value}


def moment(at: float) -> str:
    """Seconds since 1970, as Clash writes a time."""
    return datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
