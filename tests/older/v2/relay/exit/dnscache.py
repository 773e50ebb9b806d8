"""What DNS has said, for as long as it may be believed. Pure: `now` is an argument; the size is bounded."""

import attrs

from relay.model.cause import Cause

Outcome = tuple[str, ...] | Cause
"""Addresses in the order in which they are to be dialled, or why there are none."""

SHORTEST = 5.0
"""Seconds an answer is kept at least. At 0, a page of fifty connections would ask fifty times."""
LONGEST = 3600.0
"""Seconds an answer is kept at most: a server that moved is found again within the hour, whatever its TTL was."""
LONGEST_ABSENT = 60.0
"""Seconds a name that does not exist is kept at most: somebody may be waiting for it to appear."""
FAILURE = 2.0
"""Seconds a failure is kept (RFC 9520 section 3.2 asks for one at least). Without it, every retry of every client
would wait out a server that is gone; much longer, and a server that came back would not be noticed."""
MOST_NAMES = 10_000
"""About 5 MB. The name that was learnt first goes first."""


@attrs.frozen
class Answer:
    """The end of one look-up."""

    outcome: Outcome
    ttl: float
    """Seconds, as the server said; bounded here."""


class Cache:
    """Names and what is known of them."""

    __slots__ = ("_known", "_most")

    def __init__(self, most: int = MOST_NAMES) -> None:
        self._known: dict[str, tuple[float, Outcome]] = {}
        self._most = most

    def __len__(self) -> int:
        return len(self._known)

    def get(self, name: str, now: float) -> Outcome | None:
        """What is known of *name*, None if nothing is or it is too old."""
        known = self._known.get(name)
        return known[1] if known is not None and now < known[0] else None

    def put(self, name: str, answer: Answer, now: float) -> None:
        """Keep *answer* for its bounded TTL."""
        self._known.pop(name, None)
        if len(self._known) >= self._most:
            del self._known[next(iter(self._known))]
        self._known[name] = (now + _bounded(answer), answer.outcome)


def _bounded(answer: Answer) -> float:
    match answer.outcome:
        case tuple():
            return min(max(answer.ttl, SHORTEST), LONGEST)
        case Cause.NAME_NOT_FOUND:
            return min(max(answer.ttl, FAILURE), LONGEST_ABSENT)
        case _:
            return FAILURE
