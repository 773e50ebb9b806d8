"""What ranking compares: seconds, lower is better, made of terms that can be printed one by one.

A segment that is lost costs whoever waits for it a round trip and what TCP waits, as a late ping does. An exchange has
a segment each way, so that it meets the sum of what all directions of all lines lose. The cost has what pings saw of
that, or what TCP knows beyond doubt, whichever is more: 1 % one way on a path of 130 ms costs 3.3 ms, once.
"""

from collections import defaultdict

import attrs

from ingress.measure.figures import PathFigures, Source
from ingress.messages.message import Message

LATE_PENALTY = 0.2
"""Seconds added to the round trip that a late answer costs: about what TCP waits before it sends again."""
HEARSAY_MOST = 0.05
"""Seconds that what nodes tell of a line can add to its cost. It takes nothing away: a relay that was seized can make
its own lines look a little worse, and nothing look better."""
EQUAL = 0.003
EQUAL_SHARE = 0.01
"""Seconds, or share of the cost, whichever is more, within which two paths are as good as each other: nobody who uses
them can tell, so that money, or room, may decide."""
TOLD_APART = 0.0002
ERRORS = 2.5
"""Seconds, or standard errors, whichever are more, within which nobody knows which of two paths is the better one."""
MOST_NAMED = 2
"""Directions that a note names."""
DEVIATIONS = 2.0
"""Deviations in the cost: one bad ping in twenty is as far off."""


@attrs.frozen
class Term:
    """One summand of a cost, in seconds, as `--why` prints it."""

    name: str
    value: float
    source: Source
    note: str = ""


@attrs.frozen
class Connect:
    """How long an exit takes to connect to a target, and how that is known."""

    time: float
    source: Source
    note: str = ""


def path_cost(figures: PathFigures) -> float:
    """The cost without the target's share."""
    return calm_cost(figures) + figures.late * (figures.round_trip + LATE_PENALTY) + lost_cost(figures)


def calm_cost(figures: PathFigures) -> float:
    """The cost while nothing is lost: all there is for a stream whose bytes come by another path, too."""
    return figures.round_trip + DEVIATIONS * figures.deviation


def lost_cost(figures: PathFigures) -> float:
    """What is lost beyond what pings saw come late."""
    if not figures.directions:
        return 0.0
    each = figures.round_trip + LATE_PENALTY
    measured, told = 0.0, defaultdict[str, float](float)
    for one in figures.directions:
        if one.is_told:
            told[one.line] += one.loss.low
        else:
            measured += one.loss.low
    hearsay = sum(min(HEARSAY_MOST, share * each) for share in told.values())
    return max(0.0, (measured - figures.late) * each + hearsay)


def terms(figures: PathFigures, connect: Connect, first_byte: Term) -> tuple[Term, ...]:
    """The summands; their sum is `path_cost` plus the target's share, of which *first_byte* is one."""
    source = figures.source
    composed = Message("term.composed" if source is Source.ASSUMED else "term.mean")
    late, share = figures.late * (figures.round_trip + LATE_PENALTY), Message("term.share-late", share=figures.late)
    return (
        Term(Message("term.round-trip"), figures.round_trip, source, composed),
        Term(Message("term.deviation"), DEVIATIONS * figures.deviation, Source.MEASURED),
        Term(Message("term.late"), late, Source.MEASURED, share),
        _lost_term(figures),
        Term(Message("term.connect"), connect.time, connect.source, connect.note),
        first_byte,
    )


def _lost_term(figures: PathFigures) -> Term:
    losing = sorted((one for one in figures.directions if one.loss.low > 0.0), key=lambda one: -one.loss.low)
    said = [
        Message("term.direction", share=one.loss.low, start=one.start, end=one.end, line=one.line)
        for one in losing[:MOST_NAMED]
    ]
    source = Source.TOLD if any(one.is_told for one in losing) else Source.MEASURED
    return Term(Message("term.lost"), lost_cost(figures), source, Message("joined", parts=tuple(said)))


def equal(cost: float) -> float:
    """Seconds within which another path is as good as one of *cost*."""
    return max(EQUAL, EQUAL_SHARE * cost)
