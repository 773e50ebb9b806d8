"""Counts events in a program's JSON log. Pure."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime


def count_events(lines: Iterable[str], since: float = 0.0) -> Counter[str]:
    """How often each event was logged at or after *since*, seconds since 1970; lines of other kinds are skipped."""
    found: Counter[str] = Counter()
    for line in lines:
        try:
            entry = json.loads(line)
            if datetime.fromisoformat(entry["time"]).timestamp() >= since:
                found[entry["event"]] += 1
        except (ValueError, TypeError, KeyError):  # a traceback, a warning of the interpreter: no event
            continue
    return found
