"""What ranking compares: seconds, lower is better, made of terms that can be printed one by one."""

import attrs

from ingress.measure.figures import PathFigures, Source

LATE_PENALTY = 0.2
"""Seconds added to the round trip that a late answer costs: about what TCP waits before it sends again."""
EQUAL = 0.003
EQUAL_SHARE = 0.01
"""Seconds, or share of the cost, whichever is more, within which two paths are as good as each other: nobody who uses
them can tell, so that money, or room, may decide."""
TOLD_APART = 0.0005
ERRORS = 1.5
"""Seconds, or standard errors, whichever are more, within which nobody knows which of two paths is the better one."""
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
    return figures.round_trip + DEVIATIONS * figures.deviation + figures.late * (figures.round_trip + LATE_PENALTY)


def terms(figures: PathFigures, connect: Connect) -> tuple[Term, ...]:
    """The summands; their sum is `path_cost` plus the target's share."""
    source = figures.source
    composed = "sum of its lines' pieces" if source is Source.ASSUMED else "mean since it last changed"
    return (
        Term("round trip", figures.round_trip, source, composed),
        Term("2 x deviation", DEVIATIONS * figures.deviation, Source.MEASURED),
        Term("late", figures.late * (figures.round_trip + LATE_PENALTY), Source.MEASURED, f"{figures.late:.0%} late"),
        Term("exit to target", connect.time, connect.source, connect.note),
    )


def equal(cost: float) -> float:
    """Seconds within which another path is as good as one of *cost*."""
    return max(EQUAL, EQUAL_SHARE * cost)
