"""Which day or month a moment is in: months of every length, zones that jump over midnight, or have it twice."""

import datetime
import zoneinfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingress.quota.period import Period, date_of, period_at
from relay.model.quota import Each, Quota

ZONES = (
    "UTC",
    "Asia/Tokyo",
    "America/Havana",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Beirut",
)


def at(text: str, zone: str = "UTC") -> float:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=zoneinfo.ZoneInfo(zone)).timestamp()


def month(day: int | None, zone: str = "UTC") -> Quota:
    return Quota(amount=1, day=day, zone=zone)


MONTHS = [
    # the day it begins on, a moment, its beginning and its end
    (5, "2026-11-27T12:00", "2026-11-05", "2026-12-05"),
    (5, "2026-11-04T23:59:59", "2026-10-05", "2026-11-05"),
    (5, "2026-11-05T00:00", "2026-11-05", "2026-12-05"),
    (None, "2026-01-15T00:00", "2026-01-01", "2026-02-01"),
    (5, "2027-01-01T00:00", "2026-12-05", "2027-01-05"),
    (31, "2026-02-27T00:00", "2026-01-31", "2026-02-28"),
    (31, "2026-02-28T00:00", "2026-02-28", "2026-03-31"),
    (31, "2028-02-28T00:00", "2028-01-31", "2028-02-29"),
    (30, "2026-04-30T00:00", "2026-04-30", "2026-05-30"),
    (31, "2026-04-30T00:00", "2026-04-30", "2026-05-31"),
]


@pytest.mark.parametrize(("day", "now", "begins", "ends"), MONTHS)
def test_a_month_begins_on_its_day_or_on_its_last_one(day: int | None, now: str, begins: str, ends: str) -> None:
    assert period_at(month(day), at(now)) == Period(at(begins), at(ends))


def test_it_begins_by_the_clocks_of_its_zone() -> None:
    found = period_at(month(5, "Asia/Tokyo"), at("2026-11-04T15:00"))
    assert found == Period(at("2026-11-05", "Asia/Tokyo"), at("2026-12-05", "Asia/Tokyo"))
    assert date_of(month(5, "Asia/Tokyo"), found.end).isoformat() == "2026-12-05T00:00:00+09:00"


def test_without_a_zone_it_goes_by_the_clocks_of_this_machine() -> None:
    now = at("2026-11-27T12:00")
    found = period_at(Quota(amount=1, each=Each.DAY), now)
    assert found.start == datetime.datetime.fromtimestamp(now).replace(hour=0).timestamp()
    assert date_of(Quota(amount=1), now).timestamp() == now


JUMPS = [
    # days whose midnight is none, or is there twice, and how many hours they have
    ("America/Sao_Paulo", "2018-11-04", 23),  # from 0:00 to 1:00
    ("America/Sao_Paulo", "2018-02-17", 25),  # from 24:00 back to 23:00
    ("America/Havana", "2026-11-01", 25),  # from 1:00 back to 0:00
    ("America/Havana", "2026-03-08", 23),
    ("Europe/London", "2026-03-29", 23),
]


@pytest.mark.parametrize(("zone", "day", "hours"), JUMPS)
def test_a_day_has_as_many_hours_as_its_clocks_give_it(zone: str, day: str, hours: int) -> None:
    found = period_at(Quota(amount=1, each=Each.DAY, zone=zone), at(f"{day}T12:00", zone))
    assert found.end - found.start == hours * 3600


@example("Pacific/Apia", Each.DAY, 1, 1325239200.0)  # a day that there never was
@given(
    st.sampled_from(ZONES),
    st.sampled_from(Each),
    st.integers(1, 31),
    st.floats(0, 5e9) | st.floats(allow_nan=False),
)
def test_every_moment_is_in_one_period_and_they_follow_each_other(zone: str, each: Each, day: int, now: float) -> None:
    quota = Quota(amount=1, each=each, day=day, zone=zone)
    found = period_at(quota, now)
    assert found.start < found.end <= found.start + (26 if each is Each.DAY else 32 * 24) * 3600
    if not 1e8 < now < 5e9:
        return  # no clock of ours
    assert found.start <= now < found.end
    assert period_at(quota, found.end).start == found.end
    assert period_at(quota, found.end - 0.001) == period_at(quota, found.start) == found
