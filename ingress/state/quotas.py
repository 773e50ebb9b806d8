"""What was used of quotas, as rows of the state file: whole sums, each in the place of the one before."""

import sqlite3
from collections.abc import Iterable

from ingress.quota.rates import SLOT, Slots
from ingress.quota.tallies import MOST, KeptTallies, Key
from ingress.quota.tally import Kept
from ingress.state.file import Batch

PUT = "INSERT OR REPLACE INTO quotas (subject, who, period, start, end, up, down) VALUES (?, ?, ?, ?, ?, ?, ?)"
PUT_RATE = "INSERT OR REPLACE INTO rates (subject, slot, up, down) VALUES (?, ?, ?, ?)"
READ = "SELECT subject, who, period, start, end, up, down FROM quotas WHERE end > ? ORDER BY up + down DESC LIMIT ?"
OLD = 7 * 86400.0
"""Seconds after its end for which a period is kept: the clock may be wrong."""
RATES_OLD = 60 * 86400.0
"""Seconds for which five minutes are: longer than any month."""


class QuotaPart:
    """As `Part`: what *tallies* have counted."""

    def __init__(self, tallies: KeptTallies) -> None:
        self._tallies = tallies
        self._given: dict[str, set[int]] = {}
        """By subject, the five minutes that were given, and are not known to be written."""

    def read(self, connection: sqlite3.Connection) -> tuple[dict[Key, Kept], dict[Key, Slots]]:
        """What the file has of periods that are not over."""
        rows = connection.execute(READ, (self._tallies.wall(), MOST))
        kept = {(subject, who): Kept(period, *rest) for subject, who, period, *rest in rows}
        rates: dict[Key, Slots] = {}
        for subject, slot, up, down in connection.execute("SELECT subject, slot, up, down FROM rates"):
            rates.setdefault((subject, ""), {})[slot] = up, down
        return kept, rates

    def recall(self, found: object) -> None:
        """As `Part.recall`."""
        assert isinstance(found, tuple)
        self._tallies.recall(*found)

    def news(self) -> Batch:
        """As `Part.news`."""
        return self._batch(self._tallies.news(), is_whole=False)

    def everything(self) -> Batch:
        """As `Part.everything`."""
        return self._batch(self._tallies.everything(), is_whole=True)

    def _batch(self, kept: Iterable[tuple[Key, Kept]], *, is_whole: bool) -> Batch:
        rows = [(*key, one.period, one.start, one.end, one.up, one.down) for key, one in kept]
        rates = []
        for (subject, _), one in self._tallies.rates():
            given = self._given.setdefault(subject, set())
            given |= set(one.slots) if is_whole else one.fresh
            given &= one.slots.keys()  # another period may have begun
            one.fresh.clear()
            rates += [(subject, slot, *one.slots[slot]) for slot in given]
        batch: Batch = [(PUT, rows), (PUT_RATE, rates)]
        return [(statement, some) for statement, some in batch if some]

    def written(self) -> None:
        """As `Part.written`."""
        self._tallies.written()
        self._given.clear()

    def tend(self, connection: sqlite3.Connection) -> None:
        """As `Part.tend`."""
        now = self._tallies.wall()
        connection.execute("DELETE FROM quotas WHERE end < ?", (now - OLD,))
        connection.execute("DELETE FROM rates WHERE slot < ?", ((now - RATES_OLD) // SLOT,))
