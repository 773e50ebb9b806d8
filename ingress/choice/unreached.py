"""Which sites an exit could not connect to: kept until it could, and asked again, soon and then ever more seldom. Pure.

A refusal is taken for the target's own, until another exit has reached it.
"""

from collections.abc import Callable, Iterable

import attrs

from ingress.lru import Lru
from relay.model.cause import Cause

FIRST = 1.0
LAST = 300.0
"""Seconds until an exit is asked again, at first and at last; they double."""
UNUSED = 600.0
"""Seconds after the last stream that failed from which on nobody cares."""
MOST = 256
"""Pairs of site and exit."""
MOST_ASKED = 8
"""Questions at a time."""

Key = tuple[str, str]
"""Site and exit."""


@attrs.frozen
class Unreached:
    """That an exit could not connect to a site, and when it is asked again."""

    cause: Cause
    streams_at: float
    """When a stream failed so last."""
    ask_at: float
    wait: float


class UnreachedSites:
    """What is held against exits, by site."""

    __slots__ = ("_failed", "_refused", "_untried")

    def __init__(self) -> None:
        self._failed: Lru[Key, Unreached] = Lru(MOST)
        self._refused: Lru[str, dict[str, Cause]] = Lru(MOST)
        self._untried: Lru[Key, None] = Lru(MOST)
        """Exits that are to be asked because another one has failed."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be gained by saying what was reached."""
        return not self._failed and not self._refused

    def failed(self, site: str, exit_: str, cause: Cause, now: float, untried: Iterable[str] = ()) -> None:
        """A stream to *site* could not be connected by *exit_*; *untried* are the exits of which nothing is known."""
        if cause is Cause.REFUSED:
            refused = self._refused.get(site) or {}
            self._refused.put(site, {**refused, exit_: cause})
        else:
            self._hold(site, exit_, cause, now)
        for other in untried:
            if other != exit_:
                self._untried.put((site, other), None)

    def _hold(self, site: str, exit_: str, cause: Cause, now: float) -> None:
        known = self._failed.get((site, exit_))
        ask_at, wait = (now, FIRST) if known is None else (known.ask_at, known.wait)
        self._failed.put((site, exit_), Unreached(cause, now, ask_at, wait))

    def reached(self, site: str, exit_: str, now: float) -> dict[str, Cause]:
        """*exit_* has connected somebody to *site*: nothing is held against it any more.

        Returns:
            The other exits by which the site seemed to refuse everybody, and why: now that is held against them.
        """
        self._failed.pop((site, exit_), None)
        refused = self._refused.pop(site, {})
        refused.pop(exit_, None)
        for other, cause in refused.items():
            self._hold(site, other, cause, now)
        return refused

    def forgive(self, exit_: str) -> list[str]:
        """The way out of *exit_* is back: the sites that were held against it, which are no more."""
        gone = [key for key in self._failed if key[1] == exit_]
        for key in gone:
            del self._failed[key]
        return [site for site, _ in gone]

    def to_ask(self, now: float, is_reached: Callable[[str], bool]) -> list[Key]:
        """Sites, and the exits that should be asked for them now; they count as asked. Sites that nobody reaches, as
        *is_reached* says, are not asked for: they are the next stream's affair."""
        found: list[Key] = []
        while self._untried and len(found) < MOST_ASKED:
            found.append(self._untried.popitem()[0])
        for key, one in list(self._failed.items()):
            if now - one.streams_at > UNUSED:
                del self._failed[key]
            elif now >= one.ask_at and len(found) < MOST_ASKED and is_reached(key[0]):
                self._failed[key] = attrs.evolve(one, ask_at=now + one.wait, wait=min(2 * one.wait, LAST))
                found.append(key)
        return found

    def held(self) -> list[tuple[str, str, Cause]]:
        """Site, exit and cause of all that is held against exits."""
        return [(site, exit_, one.cause) for (site, exit_), one in self._failed.items()]
