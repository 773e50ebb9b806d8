"""The tables of the state file. A change is one more step, never another text of an old one: files of every version are
in use somewhere."""

from typing import Final

STEPS: Final = (
    """
    CREATE TABLE capacities (
        line TEXT NOT NULL, direction TEXT NOT NULL CHECK (direction IN ('up', 'down')),
        speed REAL NOT NULL CHECK (speed BETWEEN 0 AND 1e15), at REAL NOT NULL, seen_in TEXT NOT NULL,
        PRIMARY KEY (line, direction)
    ) WITHOUT ROWID;
    CREATE TABLE held (
        path TEXT NOT NULL, direction TEXT NOT NULL CHECK (direction IN ('up', 'down')),
        speed REAL NOT NULL CHECK (speed BETWEEN 0 AND 1e15), at REAL NOT NULL,
        PRIMARY KEY (path, direction)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE usage (
        hour INTEGER NOT NULL, ingress TEXT NOT NULL,
        user TEXT NOT NULL, client TEXT NOT NULL, exit TEXT NOT NULL, site TEXT NOT NULL,
        up INTEGER NOT NULL, down INTEGER NOT NULL, streams INTEGER NOT NULL,
        udp_up INTEGER NOT NULL, udp_down INTEGER NOT NULL, associations INTEGER NOT NULL,
        PRIMARY KEY (hour, ingress, user, client, exit, site)
    ) WITHOUT ROWID;
    CREATE TABLE line_usage (
        hour INTEGER NOT NULL, ingress TEXT NOT NULL, line TEXT NOT NULL,
        tcp_up INTEGER NOT NULL, tcp_down INTEGER NOT NULL, udp_up INTEGER NOT NULL, udp_down INTEGER NOT NULL,
        probes_up INTEGER NOT NULL, probes_down INTEGER NOT NULL,
        packets_up INTEGER NOT NULL, packets_down INTEGER NOT NULL,
        PRIMARY KEY (hour, ingress, line)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE notes (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
    """,
    """
    CREATE TABLE series (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (kind, name));
    CREATE TABLE sheets (
        span INTEGER NOT NULL, number INTEGER NOT NULL, records BLOB NOT NULL, PRIMARY KEY (span, number)
    );
    CREATE TABLE strips (
        series INTEGER NOT NULL, day INTEGER NOT NULL, records BLOB NOT NULL, PRIMARY KEY (series, day)
    );
    CREATE TABLE outages (
        series INTEGER NOT NULL, start REAL NOT NULL, end REAL, state TEXT NOT NULL, why TEXT NOT NULL,
        PRIMARY KEY (series, start)
    ) WITHOUT ROWID;
    CREATE INDEX outages_by_start ON outages (start);
    CREATE TABLE events (
        id INTEGER PRIMARY KEY, at REAL NOT NULL, event TEXT NOT NULL, level TEXT NOT NULL,
        about TEXT NOT NULL, other TEXT NOT NULL, fields TEXT NOT NULL
    );
    CREATE INDEX events_by_time ON events (at);
    """,
    """
    CREATE TABLE quotas (
        subject TEXT NOT NULL, who TEXT NOT NULL, period TEXT NOT NULL, start REAL NOT NULL, end REAL NOT NULL,
        up INTEGER NOT NULL, down INTEGER NOT NULL, PRIMARY KEY (subject, who)
    ) WITHOUT ROWID;
    CREATE TABLE rates (
        subject TEXT NOT NULL, slot INTEGER NOT NULL, up INTEGER NOT NULL, down INTEGER NOT NULL,
        PRIMARY KEY (subject, slot)
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE outages ADD COLUMN message TEXT;
    """,
)
"""`speed` in bytes per second, `at` in seconds since 1970. In `capacities` what everything on a line together was seen
to get (`seen_in`: a stream, a speed test), in `held` what a bulk stream had on a path that let it have no more. In
`usage` and `line_usage` hours are counted from 1970, and the sums are those of `Counted` and `LineCounted`. In `notes`,
as JSON, what an operator has said by hand. A sheet has the records of all series in one span of `span` seconds, the
`number`th since 1970; a strip those of one series in the quarters of a day (ingress/history/sheet.py). In `quotas`
what was counted of each in its running period; in `rates` bytes in five minutes, the `slot`th since 1970, of lines that
are billed by their percentile. In `outages`, `message` is what `why` was made of (ingress/history/reasons.py)."""
VERSION: Final = len(STEPS)
"""As SQLite's user_version says it; 0 is an empty file."""
