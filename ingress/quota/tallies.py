"""All tallies of an ingress that are kept over a restart, by whose they are: a line's, or somebody's by an allowance.

Bounded: whoever has an address each may be very many. Beyond MOST the owners that have used least are forgotten.
"""

from collections.abc import Callable, Iterable, Mapping

from ingress.quota.rates import SLOT, Rates, Slots
from ingress.quota.tally import Kept, Tally
from relay.callbacks import ignore
from relay.model.quota import Quota

Key = tuple[str, str]
"""Whose quota it is (`line ix-dmit`, `allowance *`), and who of those that it is for; empty if that is one."""
MOST = 10_000


class KeptTallies:
    """*wall* tells the seconds since 1970."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self.wall = wall
        self.on_recall: Callable[[], None] = ignore
        """Called when it is known what was used before this process began."""
        self.dropped = 0
        """That were forgotten, since there were too many."""
        self._tallies: dict[Key, Tally] = {}
        self._kept: dict[Key, Kept] = {}
        """Of whom nobody has asked yet."""
        self._rates: dict[Key, Slots] = {}
        self._fresh: dict[Key, Kept] = {}
        """What was given to be written last."""
        self._written: dict[Key, Kept] = {}
        """What stands in the file."""

    def __len__(self) -> int:
        return len(self._tallies)

    def tally(self, key: Key, quota: Quota, part: float = 1.0) -> Tally:
        """The one of *key*, by *quota* from now on."""
        now, found = self.wall(), self._tallies.get(key)
        if found is not None:
            if (found.quota, found.part) != (quota, part):
                found.change(quota, now, part)
            return found
        self._make_room()
        made = self._tallies[key] = Tally(quota, now, part)
        self._recall(key, made)
        return made

    def _recall(self, key: Key, tally: Tally) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            tally.recall(kept, self.wall())
        slots = self._rates.pop(key, None)
        if slots is not None and tally.rates is not None:
            tally.rates.recall({slot: moved for slot, moved in slots.items() if slot * SLOT >= tally.running.start})

    def _make_room(self) -> None:
        if len(self._tallies) < MOST:
            return
        owners = [key for key in self._tallies if key[1]]
        for key in sorted(owners, key=lambda key: self._tallies[key].fraction)[: MOST // 10]:
            del self._tallies[key]
            self._written.pop(key, None)
            self.dropped += 1

    def of(self, whose: str, quota: Quota, least: float) -> list[tuple[str, Tally]]:
        """Who has moved *least* bytes by *whose* quota, also before this process began. Of ten thousand, in 2 ms."""
        for key in [key for key, kept in self._kept.items() if kept.up + kept.down >= least and key[0] == whose]:
            self.tally(key, quota)
        every = self._tallies.items()
        return [(key[1], one) for key, one in every if one.up + one.down >= least and key[0] == whose]

    # ---- over a restart

    def recall(self, kept: Mapping[Key, Kept], rates: Mapping[Key, Slots]) -> None:
        """What was counted before this process began; what it has counted itself is added."""
        self._kept, self._rates, self._written = dict(kept), {key: dict(one) for key, one in rates.items()}, dict(kept)
        for key, tally in self._tallies.items():
            self._recall(key, tally)
        self.on_recall()

    def news(self) -> Iterable[tuple[Key, Kept]]:
        """What is not in the file yet; the same again, and what came since, until `written`."""
        self._fresh = {key: kept for key, kept in self.everything() if self._written.get(key) != kept}
        return self._fresh.items()

    def everything(self) -> Iterable[tuple[Key, Kept]]:
        """All there is, of those nobody has asked for yet as well."""
        self._fresh = self._kept | {key: tally.kept() for key, tally in self._tallies.items()}
        return self._fresh.items()

    def rates(self) -> Iterable[tuple[Key, Rates]]:
        """Of those whose percentile counts."""
        return [(key, tally.rates) for key, tally in self._tallies.items() if tally.rates is not None]

    def written(self) -> None:
        """What was given last is in the file."""
        self._written |= self._fresh
        self._fresh = {}

    def items(self) -> Iterable[tuple[Key, Tally]]:
        """All that are counted now."""
        return self._tallies.items()
