"""The answers to `history` and `events`, for the admin socket and the page: read off the state file, which the running
ingress alone opens, with the minute that is under way.

`since` and `until` are seconds back from now; from 1e9 on they are seconds since 1970.
"""

import sqlite3
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from ingress.history.outages import Outage
from ingress.history.record import DAY, MINUTE, SHARE, STATES, STAY, TICK, WORKING, Record, Series, combine, value_of
from ingress.history.said import sentence
from ingress.messages.forms import EN
from ingress.messages.message import render
from ingress.serve.running import Running
from ingress.state.file import Unusable
from ingress.state.history import DAYS_KEPT, MINUTES_KEPT
from ingress.state.history_query import (
    KeptEvent,
    Moment,
    events_between,
    in_steps,
    moments_of,
    outages_between,
    series_named,
    step_for,
    wholes,
)
from relay.admin.server import Answer
from relay.config.mistakes import nearest
from relay.errors import OperatorError

T = TypeVar("T")

SINCE: Final = 86_400.0
"""Seconds back, unless the question says otherwise."""
EPOCH: Final = 1e9
"""What is as much or more is a moment, and no length of time: this one was in 2001."""
LATEST: Final = 1e11
LIMIT: Final = 200
MOST: Final = 2000
"""Events in one answer, unless the question says otherwise, and at most."""
MOST_OUTAGES: Final = 500


async def answer_history(running: Running, question: Mapping[str, Any], language: str = EN) -> Answer:
    """Of what is called `of`, points and outages `since` then; without `of`, one row for everything. Reasons are in
    *language*.

    Raises:
        OperatorError: the question makes no sense, nothing is called so, or nothing is kept.
    """
    start, end = _span(question)
    name = _text(question, "of")
    if not name:
        return await _summary(running, start, end, language)
    kind, asked = _text(question, "kind"), _number(question, "step", 0.0)
    now, (minute, present) = time.time(), running.history.part.present()
    step = step_for(start, end, now - MINUTES_KEPT, asked)

    def query(connection: sqlite3.Connection) -> tuple[Series, list[Moment], list[Outage]]:
        ids = series_named(connection)
        series = find_series([*ids, *present], name, kind)
        number = ids.get(series)
        moments = [] if number is None else moments_of(connection, number, start, min(end, minute * MINUTE), step)
        return series, moments, [] if number is None else outages_between(connection, start, end, number, MOST_OUTAGES)

    series, moments, outages = await _ask(running, query)
    if start <= (minute + 1) * MINUTE and minute * MINUTE < end and series in present:
        moments = _with_present(moments, minute, present[series], step)
    return {
        "version": 1,
        "ingress": running.config.name,
        "of": series.name,
        "kind": series.kind,
        "since": start,
        "until": end,
        "step": step,
        "series": [point(series.kind, at, record) for at, record in moments],
        "outages": [_outage(one, language) for one in outages],
        "notes": _notes(running),
    }


async def answer_events(running: Running, question: Mapping[str, Any], language: str = EN) -> Answer:
    """The last `limit` events `since` then, oldest first; with `of`, those about what is called so; their texts in
    *language*.

    Raises:
        OperatorError: as `answer_history`.
    """
    start, end = _span(question)
    name, limit = _text(question, "of"), _number(question, "limit", float(LIMIT))
    if not 1 <= limit <= MOST:
        raise OperatorError(f"limit: is a number from 1 to {MOST}")
    walks = {path.name: path.nodes for path in running.fleet.network_monitor.paths}
    present = list(running.history.watch.series)

    def query(connection: sqlite3.Connection) -> list[KeptEvent]:
        about = None
        if name:
            known = [*series_named(connection), *present]
            about = _named(known, find_series(known, name, ""), walks)
        return events_between(connection, start, end, int(limit), about)

    events = await _ask(running, query)
    return {
        "version": 1,
        "ingress": running.config.name,
        "since": start,
        "until": end,
        "events": [event_row(one, language) for one in events],
    }


async def _summary(running: Running, start: float, end: float, language: str) -> Answer:
    now, (minute, present) = time.time(), running.history.part.present()

    def query(connection: sqlite3.Connection) -> tuple[dict[Series, Record], list[Outage]]:
        found = wholes(connection, start, min(end, minute * MINUTE), now - MINUTES_KEPT)
        return found, outages_between(connection, start, end, None, MOST_OUTAGES)

    found, outages = await _ask(running, query)
    if minute * MINUTE < end:
        for series, record in present.items():
            found[series] = combine([found[series], record]) if series in found else record
    rows = [_row(series, record, outages, start, end) for series, record in found.items()]
    return {
        "version": 1,
        "ingress": running.config.name,
        "since": start,
        "until": end,
        "all": sorted(rows, key=lambda row: (list(STATES).index(row["kind"]), row["name"])),
        "outages": [_outage(one, language) for one in outages],
        "notes": _notes(running),
    }


def find_series(known: list[Series], name: str, kind: str) -> Series:
    """What is called *name*, and is a *kind* if that is told; a path before a line before a node.

    Raises:
        OperatorError: nothing is, with what sounds like it.
    """
    found = [one for one in known if one.name == name and kind in ("", one.kind)]
    if not found:
        what = kind or "path, line or node"
        raise OperatorError(f"nothing is known of a {what} {name}; {nearest(name, {one.name for one in known})}")
    return min(found, key=lambda one: list(STATES).index(one.kind))


def _named(known: list[Series], series: Series, walks: Mapping[str, tuple[str, ...]]) -> set[str]:
    """What events about *series* are about: it, and the paths that lead over it."""
    paths = {one.name for one in known if one.kind == "path"}
    if series.kind == "line":
        return {series.name, *(one for one in paths if series.name in one.split("/"))}
    if series.kind == "node":
        return {series.name, *(one for one, nodes in walks.items() if series.name in nodes)}
    return {series.name}


def _with_present(moments: list[Moment], minute: int, record: Record, step: int) -> list[Moment]:
    """The minute that is under way belongs to the last step, or is one of its own."""
    at = float(minute * MINUTE // step * step)
    last = [(float(minute * MINUTE), record)]
    if moments and moments[-1][0] == at:
        return [*moments[:-1], *in_steps([moments[-1], *last], step)]
    return [*moments, *in_steps(last, step)]


def point(kind: str, at: float, record: Record) -> dict[str, Any]:
    """One step, as docs/paths-json.md has it."""
    watched = sum(record.stays)
    states = zip(STATES[kind], record.stays, strict=True)
    return {
        "at": at,
        "watched": round(watched * STAY, 2),
        "samples": record.samples,
        "rtt": _rounded(value_of(record.round_trip, TICK)),
        "p95": _rounded(value_of(record.p95, TICK)),
        "deviation": _rounded(value_of(record.deviation, TICK)),
        "late": _rounded(value_of(record.late, 1 / SHARE)),
        "loss_up": _rounded(value_of(record.loss_up, 1 / SHARE)),
        "loss_down": _rounded(value_of(record.loss_down, 1 / SHARE)),
        "up": round(record.up),
        "down": round(record.down),
        "datagrams_up": round(record.datagrams_up),
        "datagrams_down": round(record.datagrams_down),
        "streams": round(record.streams, 2),
        "state": {state: round(stay / watched, 5) for state, stay in states if stay},
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _row(series: Series, record: Record, outages: list[Outage], start: float, end: float) -> dict[str, Any]:
    """One line of the summary."""
    whole = point(series.kind, start, record)
    own = [min(end, one.end or end) - max(start, one.start) for one in outages if one.series == series]
    watched = sum(record.stays)
    working = sum(record.stays[:WORKING])
    return {
        "kind": series.kind,
        "name": series.name,
        "availability": round(working / watched, 6) if watched else None,
        **{key: value for key, value in whole.items() if key != "at"},
        "outages": len(own),
        "longest_outage": round(max(own, default=0.0), 2),
    }


def _outage(one: Outage, language: str) -> dict[str, Any]:
    (kind, name), why = one.series, render(one.why, language)
    return {"kind": kind, "name": name, "from": one.start, "to": one.end, "state": one.state, "why": why}


def event_row(one: KeptEvent, language: str) -> dict[str, Any]:
    """One event, as docs/paths-json.md has it."""
    return {
        "at": one.at,
        "event": one.event,
        "level": one.level,
        "about": one.about,
        "text": sentence(one.event, one.fields, language),
        "fields": one.fields,
    }


def _notes(running: Running) -> list[str]:
    return [running.keeper.trouble] if running.keeper.trouble else []


async def _ask(running: Running, query: Callable[[sqlite3.Connection], T]) -> T:
    try:
        return await running.keeper.ask(query)
    except Unusable as error:
        raise OperatorError(f"no history is kept: {error}") from error


def _span(question: Mapping[str, Any]) -> tuple[float, float]:
    """From when to when, in seconds since 1970."""
    now = time.time()
    start, end = (_moment(_number(question, key, default), now) for key, default in (("since", SINCE), ("until", 0.0)))
    if start >= end:
        raise OperatorError("since: lies behind until")
    return max(start, now - (DAYS_KEPT + 1) * DAY), min(end, now + MINUTE)


def _moment(told: float, now: float) -> float:
    return told if told >= EPOCH else now - told


def _number(question: Mapping[str, Any], key: str, default: float) -> float:
    """A number, or, as the words of an address have it, its digits."""
    told = question.get(key, default)
    try:
        number = -1.0 if isinstance(told, bool) else float(told)
    except (TypeError, ValueError, OverflowError):
        number = -1.0
    if not 0 <= number < LATEST:
        raise OperatorError(f"{key}: is a number of seconds" if key != "limit" else "limit: is a number")
    return number


def _text(question: Mapping[str, Any], key: str) -> str:
    told = question.get(key, "")
    if not isinstance(told, str):
        raise OperatorError(f"{key}: is a name")
    return told
