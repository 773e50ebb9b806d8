"""Rows of what lines carry, and of where bulk would go."""

import math
from collections.abc import Callable

from ingress.choice.offers import Offers
from ingress.choice.placing import Place
from ingress.measure.capacity import LineWay, Way
from ingress.report.rows import BulkRow, CarriesRow, OfferRow
from ingress.report.snapshot import Snapshot
from relay.model.network import Line

Placer = Callable[[str, Way, frozenset[str] | None], Place | None]
"""Where one more bulk stream to an exit would go, within some paths or all."""


def carries_rows(snapshot: Snapshot, line: Line) -> list[CarriesRow]:
    """The directions of *line* of which something is known, the one away from its start first."""
    found = [_carries_row(snapshot, line, way) for way in Way]
    return [row for row in found if row.least or row.most is not None]


def _carries_row(snapshot: Snapshot, line: Line, way: Way) -> CarriesRow:
    key: LineWay = (line.name, way)
    seen = snapshot.capacities.seen.get(key)
    start, end = (line.start, line.end) if way is Way.UP else (line.end, line.start)
    return CarriesRow(
        start=start,
        end=end,
        least=snapshot.capacities.least(key, line.rate, snapshot.wall),
        most=snapshot.limits.get(key, line.rate),
        now=snapshot.speeds.get(key, 0.0),
        age=None if seen is None else max(0.0, snapshot.wall - seen.at),
        seen_in=None if seen is None else seen.by.value,
    )


def bulk_rows(exit_: str, place: Placer, within: frozenset[str] | None) -> list[BulkRow]:
    """Where one more download from *exit_*, and one more upload, would go, *within* some paths or all."""
    return [
        BulkRow(way.value, to.path, to.expected, to.is_trial, to.why)
        for way in (Way.DOWN, Way.UP)
        if (to := place(exit_, way, within)) is not None
    ]


def offer_rows(path: str, offers: Offers) -> list[OfferRow]:
    """What *path* has for one more of either."""
    found = [(way, offers.offer(path, way)) for way in (Way.DOWN, Way.UP) if offers.lines(path, way)]
    return [OfferRow(way.value, one.known, one.most if math.isfinite(one.most) else None) for way, one in found]
