"""Which day or month a moment is in. Periods follow each other without a gap and without an overlap, whatever the zone
does to its clocks: a period begins with the first moment of its first day there."""

import calendar
import datetime
import zoneinfo

import attrs

from relay.model.quota import Each, Quota

EARLIEST, LATEST = 86400.0 * 366, 86400.0 * 366 * 8000
"""Seconds since 1970 within which a clock is believed: dates end with the year 9999."""
DAY = datetime.timedelta(days=1)


@attrs.frozen
class Period:
    """From `start` on, before `end`; seconds since 1970."""

    start: float
    end: float


def period_at(quota: Quota, wall: float) -> Period:
    """The one of *quota* that *wall*, seconds since 1970, is in."""
    zone = None if quota.zone is None else zoneinfo.ZoneInfo(quota.zone)
    today = datetime.datetime.fromtimestamp(min(max(wall, EARLIEST), LATEST), zone).date()
    first = today if quota.each is Each.DAY else _month(today, quota.day or 1)
    end = first + DAY if quota.each is Each.DAY else _next_month(first, quota.day or 1)
    return Period(_midnight(first, zone), _midnight(end, zone))


def date_of(quota: Quota, wall: float) -> datetime.datetime:
    """*wall* by the clocks that *quota* goes by."""
    zone = None if quota.zone is None else zoneinfo.ZoneInfo(quota.zone)
    return datetime.datetime.fromtimestamp(wall, zone).astimezone(zone)


def _month(today: datetime.date, day: int) -> datetime.date:
    """The last beginning of a month that is not behind *today*."""
    first = _beginning(today.year, today.month, day)
    if first <= today:
        return first
    before = today.replace(day=1) - DAY
    return _beginning(before.year, before.month, day)


def _next_month(first: datetime.date, day: int) -> datetime.date:
    after = first.replace(day=calendar.monthrange(first.year, first.month)[1]) + DAY
    return _beginning(after.year, after.month, day)


def _beginning(year: int, month: int, day: int) -> datetime.date:
    """A month that has no such day begins on its last."""
    return datetime.date(year, month, min(day, calendar.monthrange(year, month)[1]))


def _midnight(day: datetime.date, zone: datetime.tzinfo | None) -> float:
    """The first moment of *day*. Of a midnight that there is twice, the first; where clocks jump over it, the moment of
    the jump (PEP 495: with fold=0 a time in a gap counts by the offset before it)."""
    return datetime.datetime.combine(day, datetime.time(), zone).timestamp()
