"""The answer to `usage`: sums over the tables of the state file, which the running ingress alone opens."""

import sqlite3
import time
from collections.abc import Mapping
from typing import Any

import attrs

from ingress.report.quota_rows import quota_row
from ingress.serve.running import Running
from ingress.state.file import Unusable
from ingress.usage.sums import BY, Sums, ask_sums
from relay.admin.server import Answer
from relay.config.mistakes import nearest
from relay.errors import OperatorError

MOST_SET = 10**18
"""Bytes that a quota can be set to."""
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
    answer = {"version": 1, "ingress": running.config.name, "since": start, **attrs.asdict(sums), "notes": notes}
    lines = running.quotas.lines.tallies.items()
    quotas = {line: attrs.asdict(quota_row(tally)) for line, tally in lines}
    return {**answer, "quotas": quotas, "owners": [attrs.asdict(row) for row in running.quotas.owner_rows()]}


def answer_quota(running: Running, question: Mapping[str, Any]) -> Answer:
    """Have the line called `line` have `used` so many bytes of its quota, and say how that stands then.

    Raises:
        OperatorError: it has none that is a sum, or that is no number of bytes.
    """
    line, used = question.get("line"), question.get("used")
    if not isinstance(used, int) or isinstance(used, bool) or not 0 <= used <= MOST_SET:
        raise OperatorError(f"used: is a whole number of bytes, at most {MOST_SET // 10**12} TB")
    tally = running.quotas.set(str(line), used)
    if tally is None:
        lines = running.quotas.lines
        if line in lines.tallies:
            raise OperatorError(f"line {line} is billed by its 95th percentile: there is no sum to set")
        with_one = [name for name, one in lines.tallies.items() if one.rates is None]
        if not with_one:
            raise OperatorError('no line has a quota; write one in paths.toml: quota = { amount = "1TB", day = 5 }')
        raise OperatorError(f'there is no line "{line}" with a quota; {nearest(str(line), with_one)}')
    return {"version": 1, "line": line, "quota": attrs.asdict(quota_row(tally))}
