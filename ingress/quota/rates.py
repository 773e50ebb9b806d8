"""Rates of five minutes, for sellers who bill the 95th percentile: of all five minutes of a period, what the highest
twentieth of them is left out of. Five minutes in which nothing was carried count as well."""

from collections.abc import Iterable

SLOT = 300
"""Seconds."""
LEFT_OUT = 0.05

Slots = dict[int, tuple[int, int]]
"""Bytes up and down, by the five minutes since 1970."""


class Rates:
    """Of one line, in the running period."""

    def __init__(self) -> None:
        self.slots: Slots = {}
        self.fresh: set[int] = set()
        """The five minutes that have changed; whoever keeps them takes them out."""
        self._found: tuple[int, int, float] | None = None

    def add(self, up: int, down: int, wall: float) -> None:
        """So many bytes passed, up to *wall*."""
        slot = int(wall // SLOT)
        before = self.slots.get(slot, (0, 0))
        self.slots[slot] = before[0] + up, before[1] + down
        self.fresh.add(slot)

    def recall(self, slots: Slots) -> None:
        """These were counted before those that are known."""
        self._found = None
        for slot, (up, down) in slots.items():
            here = self.slots.get(slot, (0, 0))
            self.slots[slot] = here[0] + up, here[1] + down

    def begin(self) -> None:
        """Another period: nothing was carried in it yet."""
        self.slots, self._found = {}, None
        self.fresh.clear()

    def percentile(self, start: float, wall: float) -> float:
        """Bytes per second, of the five minutes that are over since *start*; of the two ways the larger one."""
        first, now = int(start // SLOT), int(wall // SLOT)
        if self._found is None or self._found[:2] != (first, now):
            over = {slot: moved for slot, moved in self.slots.items() if first <= slot < now}
            count = max(now - first, 1)
            ways = [percentile((moved[way] for moved in over.values()), count) for way in (0, 1)]
            self._found = first, now, max(ways) / SLOT
        return self._found[2]


def percentile(amounts: Iterable[int], count: int) -> int:
    """The highest of *count* amounts, once a twentieth of them, the highest ones, is left out; those that are not in
    *amounts* are 0."""
    order = sorted(amounts, reverse=True)
    place = int(count * LEFT_OUT + 1e-9)
    return order[place] if place < len(order) else 0
