"""What ranking compares: seconds, lower is better, made of terms that can be printed one by one."""

import attrs

from ingress.measure.figures import PathFigures, Source

LATE_PENALTY = 0.2
"""Seconds added to the round trip that a late answer costs: about what TCP waits before it sends again."""
SWITCH_MARGIN = 0.003
"""Seconds by which a path must be cheaper, at least, before new streams go to it. Nearer 0, two equal paths trade
places on noise; at 0.05, streams stay on a path that lost 50 ms."""
SWITCH_SHARE = 0.01
"""The same as a share of the cost, for long paths."""
UNEVEN_SHARE = 0.1
"""Share of the cost up to which one path's deviation alone widens the margin. Without an end to it, a leader that
became uneven by 50 ms was kept until another was cheaper than its bare median."""
DEVIATIONS = 2.0
"""Deviations in the cost and in the margin: one bad ping in twenty is as far off."""


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
    composed = "sum of its lines' pieces" if source is Source.ASSUMED else "median of 5"
    return (
        Term("round trip", figures.round_trip, source, composed),
        Term("2 x deviation", DEVIATIONS * figures.deviation, Source.MEASURED),
        Term("late", figures.late * (figures.round_trip + LATE_PENALTY), Source.MEASURED, f"{figures.late:.0%} late"),
        Term("exit to target", connect.time, connect.source, connect.note),
    )


def margin(cost: float, deviation: float, other: float) -> float:
    """By how much a *cost* must be beaten; *deviation* and *other* are those of the two paths.

    The more uneven path counts, whose noise it is, but up to UNEVEN_SHARE only: an uneven leader must not be
    kept for being uneven.
    """
    less, more = (deviation, other) if deviation < other else (other, deviation)
    return max(SWITCH_MARGIN, SWITCH_SHARE * cost, DEVIATIONS * less, min(DEVIATIONS * more, UNEVEN_SHARE * cost))
