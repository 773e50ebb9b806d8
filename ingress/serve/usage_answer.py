"""The answer to `usage`: sums over the tables of the state file, which the running ingress alone opens."""

import sqlite3
import time
from collections.abc import Mapping
from typing import Any

import attrs

from ingress.serve.running import Running
from ingress.state.file import Unusable
from ingress.usage.sums import BY, Sums, ask_sums
from relay.admin.server import Answer
from relay.errors import OperatorError

SINCE = 30 * 86400.0
"""Seconds back that are summed up unless the question says otherwise."""


async def answer_usage(running: Running, question: Mapping[str, Any]) -> Answer:
    """Who moved how much: `by` one of BY, over the last `since` seconds.

    Raises:
        OperatorError: the question makes no sense, or nothing is kept.
    """
    by, since = question.get("by", "user"), question.get("since", SINCE)
    if by not in BY:
        raise OperatorError(f"usage is summed up by one of: {', '.join(BY)}")
    if not isinstance(since, int | float) or not 0 < since < 1e10:
        raise OperatorError("since: is a number of seconds")
    start = max(0.0, time.time() - since)

    def query(connection: sqlite3.Connection) -> Sums:
        return ask_sums(connection, by, start, None)

    try:
        sums = await running.keeper.ask(query)
    except Unusable as error:
        raise OperatorError(f"no accounts are kept: {error}") from error
    notes = [running.keeper.trouble] if running.keeper.trouble else []
    if running.usage.dropped:
        notes.append(f"{running.usage.dropped} rows were lost while they could not be written")
    return {"version": 1, "ingress": running.config.name, "since": start, **attrs.asdict(sums), "notes": notes}
