"""What the file says of quotas: every mistake in a clear sentence, and the rest as it is meant."""

from pathlib import Path

import pytest

from relay.config.mistakes import ConfigError, Mistake, Mistakes
from relay.config.quota import read_line_quota, read_owner_quota
from relay.config.table import Table
from relay.config.toml import parse
from relay.model.quota import Counts, Each, Quota

HERE = Path("paths.toml")
INGRESSES = ("shanghai", "beijing")


def table(text: str) -> Table:
    content = parse(HERE, text)
    return Table(content["quota"], ("line", "ix", "quota"), Mistakes(HERE, {}))  # type: ignore[arg-type]


def mistakes_of(found: Table) -> list[Mistake]:
    try:
        found.mistakes.raise_any()
    except ConfigError as error:
        return list(error.mistakes)
    return []


def line(text: str) -> tuple[Quota | None, list[str]]:
    found = table(f"quota = {{ {text} }}")
    quota = read_line_quota(found, INGRESSES)
    return quota, [f"{one.where.rpartition('.')[2]}: {one.what}; {one.mend}" for one in mistakes_of(found)]


def test_what_is_said_is_what_is_meant() -> None:
    assert read_line_quota(None, INGRESSES) is None and read_owner_quota(None) is None
    assert line('amount = "1TB"') == (Quota(amount=10**12), [])
    whole = 'amount = "1.5TB", each = "month", day = 5, counts = "larger", over = "stop", zone = "Asia/Tokyo"'
    found, mistakes = line(f"{whole}, share = {{ shanghai = 0.6, beijing = 0.4 }}")
    assert not mistakes and found == Quota(
        amount=1.5e12,
        each=Each.MONTH,
        day=5,
        zone="Asia/Tokyo",
        counts=Counts.LARGER,
        stops=True,
        shares=(("shanghai", 0.6), ("beijing", 0.4)),
    )
    assert (found.share("beijing"), found.share("elsewhere")) == (0.4, 1.0)
    assert line('counts = "p95"') == (Quota(counts=Counts.P95), [])
    assert line('counts = "p95", amount = "80Mbit/s", day = 1') == (Quota(counts=Counts.P95, amount=10**7, day=1), [])
    assert line('amount = "20GB", each = "day"') == (Quota(amount=2 * 10**10, each=Each.DAY), [])


WRONG = [
    ("", "amount: is missing; write how much"),
    ('amount = "0TB"', "amount: is nothing; write how much may be used, or take the quota out"),
    ('amount = "5Mbit/s"', 'amount: "Mbit/s" in "5Mbit/s" is not a unit of a size'),
    ('amount = "1TB", counts = "all"', 'counts: "all" is not known; '),
    ('amount = "1TB", count = "p95"', 'count: is not a key here; did you mean "counts"?'),
    ('amount = "1TB", each = "week"', 'each: "week" is not known; known here: day, month'),
    ('amount = "1TB", day = 32', "day: 32 is not a whole number from 1 to 31"),
    ('amount = "1TB", each = "day", day = 3', "day: a quota of a day has no day on which it begins; "),
    ('amount = "1TB", zone = "Asia/Tokio"', 'zone: "Asia/Tokio" is no time zone; did you mean "Asia/Tokyo"?'),
    ('amount = "1TB", zone = "../etc/passwd"', 'zone: "../etc/passwd" is no time zone; '),
    ('amount = "1TB", zone = "zzz"', 'zone: "zzz" is no time zone; write one as "Asia/Tokyo"'),
    ('amount = "1TB", over = "halt"', 'over: "halt" is not known; known here: stop'),
    ('counts = "p95", over = "stop"', "over: a percentile falls again, and stops no line; "),
    ('counts = "p95", amount = "1TB"', 'amount: "TB" in "1TB" is not a unit of a rate'),
    ('amount = "1TB", share = 0.5', "share: share is a table of parts by ingress; write a part for each: share = "),
    ('amount = "1TB", share = { shanghia = 0.5 }', 'share: there is no ingress "shanghia"; did you mean "shanghai"?'),
    ('amount = "1TB", share = { shanghai = 0 }', "share: 0 is no part of a whole; "),
    ('amount = "1TB", share = { shanghai = 0.7, beijing = 0.4 }', "share: the parts come to 1.1, more than the whole"),
]


@pytest.mark.parametrize(("text", "told"), WRONG)
def test_each_mistake_is_told(text: str, told: str) -> None:
    _, mistakes = line(text)
    assert len(mistakes) == 1 and mistakes[0].startswith(told)


def test_an_allowance_has_no_seller() -> None:
    found = table('quota = { amount = "100GB", each = "day", zone = "UTC" }')
    assert read_owner_quota(found) == Quota(amount=10**11, each=Each.DAY, zone="UTC")
    found = table('quota = { amount = "1GB", counts = "up" }')
    read_owner_quota(found)
    assert [one.what for one in mistakes_of(found)] == ["is not a key here"]
