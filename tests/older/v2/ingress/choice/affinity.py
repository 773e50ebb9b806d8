"""Which exit a client used for a site: sites bind sessions to an address, so it is kept while it is good enough."""

from ingress.lru import Lru

KEEP = 1800.0
"""Seconds since the last use for which the exit is kept."""
GIVE_UP = 0.030
GIVE_UP_SHARE = 0.20
"""Seconds, and share of the cost, by which another exit must be better, both, for it to be given up."""
MOST = 16_384


class Affinity:
    """Exits by client address and site."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: Lru[tuple[str, str], tuple[str, float]] = Lru(MOST)

    def exit(self, client: str, site: str, now: float) -> str | None:
        """The exit that *client* used for *site* lately."""
        kept = self._kept.get((client, site))
        return kept[0] if kept is not None and now - kept[1] < KEEP else None

    def use(self, client: str, site: str, exit_: str, now: float) -> None:
        """A stream of theirs goes to *exit_*."""
        self._kept.put((client, site), (exit_, now))

    def count(self, site: str, now: float) -> dict[str, int]:
        """How many clients keep which exit for *site*; looks at all that is kept."""
        counts: dict[str, int] = {}
        for (_, kept_site), (exit_, used) in self._kept.items():
            if kept_site == site and now - used < KEEP:
                counts[exit_] = counts.get(exit_, 0) + 1
        return counts

    def __len__(self) -> int:
        return len(self._kept)


def is_given_up(kept: float, other: float) -> bool:
    """Whether an exit of cost *kept* gives way to one of cost *other*."""
    return kept - other > GIVE_UP and kept - other > GIVE_UP_SHARE * kept
