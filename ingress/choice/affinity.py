"""Which exit a client used for a site, and which one last: kept while it is good enough.

Sites bind sessions to an address. And what a target tells a client to dial is often an address without a name, as the
data connection of passive FTP: it must come from where the control connection came from. The name of that one cannot be
known, so that addresses go where the client's last stream went.
"""

from ingress.lru import Lru

KEEP = 1800.0
"""Seconds since the last use for which the exit is kept."""
GIVE_UP = 0.030
GIVE_UP_SHARE = 0.20
"""Seconds, and share of the cost, by which another exit must be better, both, for it to be given up."""
FOLLOW = 300.0
"""Seconds since a client's last stream for which its literal addresses follow it. FTP servers hang up a control
connection that is idle for longer; sessions that are bound to an address live as long as KEEP, but their sites have
names."""
GRAIN = 1.0
"""Seconds within which the same again is no news: most streams of a page."""
MOST = 16_384
"""Of each: pairs of client and site, and clients."""


class Affinity:
    """Exits by client address and site, and by client address alone."""

    __slots__ = ("_kept", "_last")

    def __init__(self) -> None:
        self._kept: Lru[tuple[str, str], tuple[str, float]] = Lru(MOST)
        self._last: Lru[str, tuple[str, float]] = Lru(MOST)

    def exit(self, client: str, site: str, now: float) -> str | None:
        """The exit that *client* used for *site* lately."""
        kept = self._kept.get((client, site))
        return kept[0] if kept is not None and now - kept[1] < KEEP else None

    def last_exit(self, client: str, now: float) -> str | None:
        """The exit of *client*'s last stream, if that was a few minutes ago at most."""
        last = self._last.get(client)
        return last[0] if last is not None and now - last[1] < FOLLOW else None

    def use(self, client: str, site: str, exit_: str, now: float) -> None:
        """A stream of theirs goes to *exit_*."""
        last = self._last.get(client)
        if last is not None and last[0] == exit_ and now - last[1] < GRAIN and self._kept.get((client, site)) is last:
            return
        used = exit_, now
        self._kept.put((client, site), used)
        self._last.put(client, used)

    def drop(self, client: str, site: str, exit_: str) -> None:
        """*exit_* could not reach *site* for *client*, which keeps it no longer."""
        kept, last = self._kept.get((client, site)), self._last.get(client)
        if kept is not None and kept[0] == exit_:
            del self._kept[client, site]
        if last is not None and last[0] == exit_:
            del self._last[client]

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
