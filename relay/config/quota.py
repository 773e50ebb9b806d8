"""Reads `quota = { … }`, of a line or of an allowance."""

from collections.abc import Mapping

from relay.config import values
from relay.config.mistakes import nearest
from relay.config.table import Table
from relay.model.quota import Counts, Each, Quota

EXAMPLE = 'quota = { amount = "1TB", each = "month", day = 5 }'
ALL = 1.0 + 1e-9
"""What shares may come to, with what adding them up may add."""


def read_line_quota(table: Table | None, ingresses: tuple[str, ...]) -> Quota | None:
    """A line's; None if there is none, or it is wrong, which stands in the mistakes then."""
    if table is None:
        return None
    counts = Counts(table.get("counts", values.one_of(*Counts), Counts.BOTH))
    stops = table.get("over", values.one_of("stop"), "") == "stop"
    shares = table.get("share", lambda value: _shares(value, ingresses), ())
    if counts is not Counts.P95:
        return _read(table, _need_amount(table), counts=counts, stops=stops, shares=shares)
    if stops:
        table.wrong("over", "a percentile falls again, and stops no line", 'take it out, or write counts = "both"')
    return _read(table, table.get("amount", values.rate, None), counts=counts, shares=shares)


def read_owner_quota(table: Table | None) -> Quota | None:
    """An allowance's: both ways together. As `read_line_quota`."""
    return None if table is None else _read(table, _need_amount(table))


def _need_amount(table: Table) -> float | None:
    amount = table.need("amount", values.size, f"write how much: {EXAMPLE}")
    if amount == 0:
        table.wrong("amount", "is nothing", "write how much may be used, or take the quota out")
    return amount


def _read(
    table: Table,
    amount: float | None,
    *,
    counts: Counts = Counts.BOTH,
    stops: bool = False,
    shares: tuple[tuple[str, float], ...] = (),
) -> Quota | None:
    each = Each(table.get("each", values.one_of(*Each), Each.MONTH))
    day = table.get("day", values.whole(1, 31), None)
    zone = table.get("zone", values.zone, None)
    if each is Each.DAY and day is not None:
        table.wrong("day", "a quota of a day has no day on which it begins", 'take it out, or write each = "month"')
    table.finish()
    if amount is None and counts is not Counts.P95:
        return None
    return Quota(amount=amount, each=each, day=day, zone=zone, counts=counts, stops=stops, shares=shares)


def _shares(value: object, ingresses: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    mend = "write a part for each: share = { " + ", ".join(f"{name} = 0.5" for name in ingresses[:2]) + " }"
    if not isinstance(value, Mapping) or not value:
        raise values.Wrong("share is a table of parts by ingress", mend)
    for name, part in value.items():
        if name not in ingresses:
            raise values.Wrong(f'there is no ingress "{name}"', nearest(str(name), ingresses))
        if isinstance(part, bool) or not isinstance(part, int | float) or not 0 < part <= 1:
            raise values.Wrong(f"{values.shown(part)} is no part of a whole", "write a number above 0, at most 1")
    if sum(value.values()) > ALL:
        raise values.Wrong(f"the parts come to {sum(value.values()):g}, more than the whole", "lower one of them")
    return tuple((name, float(part)) for name, part in value.items())
