"""Which streams an exit has not connected for so long that another exit should have them. Pure; asked once a round.

What is usual differs: a target across the ocean takes longer than one next door. A client that is tied to its exit has
something to lose, and one lost SYN costs a second: it is given longer, unless it is not alone.
"""

from collections.abc import Container, Mapping, Sequence

import attrs

LEAST = 0.5
"""Seconds that every stream may take: loops, schedulers and resolvers have their moments."""
TIMES = 4.0
"""Times what is usual: a connect that lost nothing takes no longer."""
TIED = 3.0
"""Seconds that a stream of a tied client may take, at least: SYNs are sent again after one and three."""
COMPANY = 2
"""Others of its exit that are overdue with it, from which on a tie counts for nothing."""
GAIN = 0.125
"""Weight of one connect in what is usual at its exit, as in TCP's round trip (RFC 6298)."""


@attrs.frozen
class Waiting:
    """A stream that its exit knows, and has not connected."""

    exit: str
    since: float
    """When it was opened; later, if its path has stood still meanwhile."""
    usual: float
    """Seconds until it would have been connected as a rule."""
    is_tied: bool
    """Its client keeps this exit for the site."""

    def is_late(self, now: float) -> bool:
        """Whether it takes longer than whoever is not tied may."""
        return now - self.since > max(LEAST, TIMES * self.usual)


def overdue(
    waiting: Sequence[Waiting], connected: Mapping[str, float], failing: Container[str], now: float
) -> list[int]:
    """The places in *waiting* of those whose exit should be asked to let go.

    *connected* says of exits when the newest stream that they have connected was opened; *failing* are those that have
    failed others a moment ago, and nothing speaks for them since.
    """
    late: dict[str, int] = {}
    for one in waiting:
        if one.is_late(now):
            late[one.exit] = late.get(one.exit, 0) + 1
    return [
        at
        for at, one in enumerate(waiting)
        if one.is_late(now) and (not one.is_tied or _is_lost(one, late[one.exit] - 1, connected, failing, now))
    ]


def _is_lost(one: Waiting, others: int, connected: Mapping[str, float], failing: Container[str], now: float) -> bool:
    """Whether a tie is to be given up: it has had its time; or *others* are late as well, and not by chance."""
    if now - one.since > TIED or one.exit in failing or others >= COMPANY:
        return True
    return others > 0 and connected.get(one.exit, float("-inf")) < one.since


class Usual:
    """What each exit takes for a connect, in seconds: of all its targets together."""

    __slots__ = ("_by_exit",)

    def __init__(self) -> None:
        self._by_exit: dict[str, float] = {}

    def add(self, exit_: str, took: float) -> None:
        """*exit_* has connected one, in *took* seconds."""
        before = self._by_exit.get(exit_, took)
        self._by_exit[exit_] = before + GAIN * (took - before)

    def of(self, exit_: str) -> float:
        """For a target of which nothing is known there."""
        return self._by_exit.get(exit_, 0.0)
