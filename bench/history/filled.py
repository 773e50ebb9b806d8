"""A state file with 400 days of a hundred series in it, as uneven as life: written by the statements of the product."""

import random
import sqlite3
from pathlib import Path

from ingress.history.record import DAY, EMPTY, MINUTE, QUARTER, SHARE, Record, combine
from ingress.history.sheet import IN_A_DAY, pack_sheet, pack_strip
from ingress.state.file import StateFile
from ingress.state.history import DAYS_KEPT, EVENT, MINUTES_KEPT, MOST_EVENTS, OUTAGE, SERIES, SHEET, STRIP

KINDS = (("path", 64), ("line", 30), ("node", 8), ("ingress", 1))
OUTAGES_A_DAY, EVENTS_A_DAY = 40, MOST_EVENTS // DAYS_KEPT


def uneven(length: float, seconds: int, base: int) -> Record:
    """A busy span of *seconds*: every column has something in it."""
    trip = base + random.randint(0, 60)
    moved = random.expovariate(1e-6) * length
    out = random.randint(1, 50) if random.random() < 0.05 else 0
    return EMPTY._replace(
        samples=random.randint(2 * seconds, 4 * seconds),
        round_trip=trip,
        p95=trip + random.randint(10, 150),
        deviation=random.randint(5, 40),
        late=random.choice((0, 0, 0, SHARE // 500, SHARE // 200, SHARE // 50)),
        loss_up=random.randint(0, 60),
        loss_down=random.randint(0, 60),
        in_first=seconds * 50 - out,
        in_fourth=out,
        streams=random.uniform(0, 60),
        up=moved / 20,
        down=moved,
        datagrams_up=random.expovariate(1e-3) * length,
        datagrams_down=random.expovariate(1e-3) * length,
    )


def fill(path: Path, now: float) -> tuple[StateFile, int]:
    """The file, and how many series it has."""
    file = StateFile(path)
    names = [(kind, f"{kind}-number-{one}") for kind, count in KINDS for one in range(count)]
    ids = range(1, len(names) + 1)
    file.write([(SERIES, [(one, *name) for one, name in zip(ids, names, strict=True)])])
    today = int(now // DAY)
    for day in range(today - DAYS_KEPT, today):
        file.change(lambda connection, day=day: _day(connection, day, ids))  # type: ignore[misc]
    first = int((now - MINUTES_KEPT) // MINUTE)
    minutes = range(first, int(now // MINUTE))
    file.write([(SHEET, [(MINUTE, at, pack_sheet({one: uneven(1, 60, 1500) for one in ids})) for at in minutes])])
    quarters = range(first * MINUTE // QUARTER, int(now // QUARTER))
    file.write([(SHEET, [(QUARTER, at, pack_sheet({one: uneven(15, 900, 1500) for one in ids})) for at in quarters])])
    return file, len(names)


def _day(connection: sqlite3.Connection, day: int, ids: range) -> None:
    whole = {}
    for one in ids:
        quarters = {number: uneven(15, 900, 1000 + 10 * one) for number in range(IN_A_DAY)}
        connection.execute(STRIP, (one, day, pack_strip(quarters)))
        whole[one] = combine(list(quarters.values()))
    connection.execute(SHEET, (DAY, day, pack_sheet(whole)))
    why = "line ix-of-a-seller: jp-of-a-cloud is well and answers over other lines, not over this one (no answer)"
    starts = [day * DAY + random.uniform(0, DAY) for _ in range(OUTAGES_A_DAY)]
    connection.executemany(OUTAGE, [(random.choice(ids), at, at + 40, "down", why, None) for at in starts])
    fields = '{"path": "ix-of-a-seller/trans-pacific-1", "streams": 12, "why": "silent for 3 s"}'
    row = ("path-dead", "info", "ix-of-a-seller/trans-pacific-1", "", fields)
    connection.executemany(EVENT, [(day * DAY + number, *row) for number in range(EVENTS_A_DAY)])
