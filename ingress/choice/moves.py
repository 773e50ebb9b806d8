"""Which streams should leave which path. Only affected streams move; what is healthy is not touched.

A rescue leaves what is silent, and goes only where there is reason to believe that it works. A planned move
leaves what works worse, and happens seldom.
"""

import enum
from collections.abc import Mapping

import attrs

from ingress.choice.entry import Entry, Tier
from ingress.choice.ranking import Ranking, doubt
from ingress.messages.message import Message, word

WORSE = 0.015
WORSE_SHARE = 0.10
"""Seconds, and share of its cost, by which a path must be worse than another, both, before thin streams leave it."""
WORSE_FOR = 3.0
"""Seconds on end for which it must be."""
REST = 10.0
"""Seconds after a planned move in which its streams stay, however the weather turns."""


class MoveKind(enum.Enum):
    """Which streams of a path a move is about."""

    ALL = "all"
    THIN = "thin"


@attrs.frozen
class Move:
    """Streams of `kind` on path `old` go to path `new`.

    Planned: from the next offset, make before break. Not planned (a rescue): from the acknowledged offset.
    """

    old: str
    new: str
    kind: MoveKind
    is_planned: bool
    reason: str
    within: frozenset[str] | None = None
    """It is about streams that may ride on these paths alone; None: about those that may ride on all."""


class Mover:
    """What moves have to remember from round to round. One per ingress."""

    __slots__ = ("_rest", "_within", "_worse_since")

    def __init__(self, within: frozenset[str] | None = None) -> None:
        """*within* as in Move."""
        self._within = within
        self._worse_since: dict[str, float] = {}
        self._rest: dict[str, float] = {}

    def moves(self, ranking: Ranking, now: float) -> list[Move]:
        """What should be moved by this ranking: to be asked right after it was made."""
        found: list[Move] = []
        self._rest = {name: until for name, until in self._rest.items() if until > now}
        worse = dict(self._worse_since)
        self._worse_since.clear()
        for entry in ranking.order:
            if entry.figures.streams and (move := self._leave(ranking, entry, worse, now)) is not None:
                found.append(move)
        return found

    def _leave(self, ranking: Ranking, entry: Entry, worse: Mapping[str, float], now: float) -> Move | None:
        if entry.tier >= Tier.STALLED and entry.tier is not Tier.CLOSED:
            to = rescue(ranking, entry)
            reason = entry.figures.reason or word("state", entry.figures.word)
            return None if to is None else Move(entry.name, to.name, MoveKind.ALL, False, reason, self._within)
        better = _better(ranking, entry)
        if better is None:
            return None
        if entry.tier in (Tier.LEAVING, Tier.CLOSED):
            why = entry.figures.closed or entry.figures.leaving
            return Move(entry.name, better.name, MoveKind.ALL, True, why, self._within)
        return self._degraded(entry, better, worse, now)

    def _degraded(self, entry: Entry, better: Entry, worse: Mapping[str, float], now: float) -> Move | None:
        gain = entry.cost - better.cost
        if not entry.figures.thin or gain - doubt(entry, better) <= least_gain(entry.cost):
            return None
        since = self._worse_since[entry.name] = worse.get(entry.name, now)
        if now - since < WORSE_FOR or entry.name in self._rest:
            return None
        self._rest[better.name] = now + REST
        del self._worse_since[entry.name]
        why = Message("move.worse", gain=gain, length=WORSE_FOR)
        return Move(entry.name, better.name, MoveKind.THIN, True, why, self._within)


def least_gain(cost: float) -> float:
    """Seconds by which a path must cost less than one of *cost* before streams move to it."""
    return max(WORSE, WORSE_SHARE * cost)


def rescue(ranking: Ranking, silent: Entry) -> Entry | None:
    """Where the streams of a stalled or dead path go: the best other path to its exit that is not doubtful too.

    Doubtful is a path on which a ping is late, and one that leads over a line which may be the broken one and
    has answered nothing sent since the silence began. With only such, None: when an exit dies its streams stay
    where they are, and a moment later there is proof.
    """
    group = ranking.exits.get(silent.exit)
    sound = [
        entry
        for entry in (group.order if group is not None else ())
        if entry is not silent and entry.tier < Tier.STALLED and _is_sound(entry, silent)
    ]
    return min(sound, key=lambda entry: _rescue_key(entry, silent), default=None)


def _is_sound(entry: Entry, silent: Entry) -> bool:
    if _is_proven(entry, silent):
        return True
    return not entry.figures.is_late and not entry.figures.path.lines & silent.figures.suspects


def _is_proven(entry: Entry, silent: Entry) -> bool:
    """Whether *entry* answered something that was sent after *silent* had fallen silent."""
    since = silent.figures.silent_since
    return since is not None and entry.figures.answered_sent >= since and not entry.figures.is_late


def _rescue_key(entry: Entry, silent: Entry) -> tuple[int, bool, bool, int]:
    shares = bool(entry.figures.path.lines & silent.figures.suspects)
    return entry.tier, shares, not _is_proven(entry, silent), entry.rank


def _better(ranking: Ranking, entry: Entry) -> Entry | None:
    """The best path to the same exit for a planned move: up, or any that works if *entry* has to be left."""
    group = ranking.exits.get(entry.exit)
    below = min(entry.tier, Tier.STALLED) if entry.tier >= Tier.LEAVING else min(entry.tier + 1, Tier.HELD)
    for other in group.order if group is not None else ():
        if other is not entry and other.tier < below and not other.figures.is_late:
            return other
    return None
