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
)
"""`speed` in bytes per second, `at` in seconds since 1970. In `capacities` what everything on a line together was seen
to get (`seen_in`: a stream, a speed test), in `held` what a bulk stream had on a path that let it have no more."""
VERSION: Final = len(STEPS)
"""As SQLite's user_version says it; 0 is an empty file."""
