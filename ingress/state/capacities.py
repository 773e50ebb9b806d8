"""What lines were seen to deliver and what paths held streams to, as rows of the state file."""

import sqlite3
import time
from collections.abc import Mapping

from ingress.measure.capacity import Capacities, Held, LineWay, PathWay, Seen, SeenBy, Way
from ingress.state.file import Batch

SEEN = "INSERT OR REPLACE INTO capacities (line, direction, speed, at, seen_in) VALUES (?, ?, ?, ?, ?)"
HELD = "INSERT OR REPLACE INTO held (path, direction, speed, at) VALUES (?, ?, ?, ?)"
PRUNE = ("DELETE FROM capacities WHERE at < ?", "DELETE FROM held WHERE at < ?")
FORGOTTEN = 60 * 86400.0
"""Seconds after which a row is worth nothing: a line of that name may have been another one since."""


class CapacityPart:
    """As `Part`: what *capacities* have learned."""

    def __init__(self, capacities: Capacities) -> None:
        self._capacities = capacities
        self._seen: dict[LineWay, Seen] = {}
        self._held: dict[PathWay, Held] = {}
        """What is not in the file yet."""

    def read(self, connection: sqlite3.Connection) -> tuple[dict[LineWay, Seen], dict[PathWay, Held]]:
        """What the file has, without what is too old."""
        oldest = (time.time() - FORGOTTEN,)
        seen = connection.execute("SELECT line, direction, speed, at, seen_in FROM capacities WHERE at >= ?", oldest)
        found = {(line, Way(way)): Seen(float(speed), float(at), SeenBy(by)) for line, way, speed, at, by in seen}
        held = connection.execute("SELECT path, direction, speed, at FROM held WHERE at >= ?", oldest)
        return found, {(path, Way(way)): Held(float(speed), float(at)) for path, way, speed, at in held}

    def recall(self, found: object) -> None:
        """As `Part.recall`."""
        assert isinstance(found, tuple)
        self._capacities.recall(*found)

    def news(self) -> Batch:
        """As `Part.news`."""
        seen, held = self._capacities.news()
        self._seen |= seen
        self._held |= held
        return _batch(self._seen, self._held)

    def everything(self) -> Batch:
        """As `Part.everything`."""
        self._seen |= self._capacities.seen
        self._held |= self._capacities.held
        return self.news()

    def written(self) -> None:
        """As `Part.written`."""
        self._seen.clear()
        self._held.clear()

    def tend(self, connection: sqlite3.Connection) -> None:
        """As `Part.tend`."""
        for statement in PRUNE:
            connection.execute(statement, (time.time() - FORGOTTEN,))


def _batch(seen: Mapping[LineWay, Seen], held: Mapping[PathWay, Held]) -> Batch:
    batch: Batch = [
        (SEEN, [(line, way.value, one.speed, one.at, one.by.value) for (line, way), one in seen.items()]),
        (HELD, [(path, way.value, one.speed, one.at) for (path, way), one in held.items()]),
    ]
    return [(statement, rows) for statement, rows in batch if rows]
