"""One `[[alert]]` as a value, and how it is read: who is told, of what, and when not."""

import datetime
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs

from ingress.messages.forms import EN, LANGUAGES
from relay.config import values
from relay.config.mistakes import nearest
from relay.config.network import read_secret_place
from relay.config.table import Table
from relay.model.network import Secret

KINDS: Final[Mapping[str, float]] = {
    "line": 60.0,
    "path": 60.0,
    "node": 60.0,
    "exit": 60.0,
    "down": 10.0,
    "away": 60.0,
    "sick": 30.0,
    "quota": 0.0,
    "spent": 0.0,
    "user-quota": 0.0,
    "user-spent": 0.0,
    "certificate": 0.0,
    "disk": 60.0,
    "config": 0.0,
}
"""What may be told, and for how many seconds it must be so first: a restart of a node is no news."""
UNASKED: Final = frozenset(KINDS) - {"path"}
"""What is told if the file does not say: each line that breaks takes several paths with it."""
MOST_RECEIVERS: Final = 16
SAID: Final = ("to", "command", "webhook")


@attrs.frozen
class AlertReceiver:
    """Who is told. Exactly one of `command`, `url` and `secret` is there."""

    place: str = attrs.field(eq=False)
    """Where it stands in the file, for people: `alert 1 (line 97), to 2`."""
    command: tuple[str, ...] = ()
    """A program and its arguments."""
    url: str | None = None
    secret: Secret | None = None
    """Where the URL is found, if it does not stand in the file."""
    is_webhook: bool = False
    """The URL takes the message as JSON; if not, it is one of Apprise's."""


@attrs.frozen
class Quiet:
    """From one minute of the day to another, over midnight too, nothing is sent."""

    start: int
    end: int
    """Minutes since midnight."""
    zone: str | None = None
    """By its IANA name; None: the zone of this machine."""

    def holds(self, wall: float) -> bool:
        """Whether it is now, at *wall* seconds since 1970."""
        zone = None if self.zone is None else ZoneInfo(self.zone)
        clock = datetime.datetime.fromtimestamp(wall, zone)
        minute = 60 * clock.hour + clock.minute
        if self.start <= self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


@attrs.frozen
class Alert:
    """One of them."""

    place: str = attrs.field(eq=False)
    to: tuple[AlertReceiver, ...]
    when: Mapping[str, float]
    """Kinds, and for how many seconds each must be so."""
    quiet: Quiet | None = None
    language: str = EN


def read_alerts(document: Table) -> tuple[Alert, ...]:
    """Those of the file, in its order. What is wrong stands in the document's mistakes."""
    return tuple(_read(table) for table in document.array("alert"))


def _read(table: Table) -> Alert:
    place = table.mistakes.place_of(table.key)
    found = Alert(
        place=place,
        to=_receivers(table, place),
        when=table.get("when", _when, {kind: KINDS[kind] for kind in KINDS if kind in UNASKED}),
        quiet=table.get("quiet", _quiet, None),
        language=table.get("lang", values.one_of(*LANGUAGES), EN),
    )
    if not any(key in table for key in SAID):
        table.mistakes.add(table.key, "it does not say who is told", 'write to = [{ file = "telegram.url" }]')
    table.finish()
    return found


def _receivers(table: Table, place: str) -> tuple[AlertReceiver, ...]:
    def url(value: object) -> tuple[str | None, Secret | None]:
        if isinstance(value, dict):
            return None, read_secret_place(value, table.folder)
        return _url(value), None

    every = [one for one in table.some("to", url) if one is not None]
    found = [AlertReceiver(f"{place}, to {at}", (), *one) for at, one in enumerate(every, 1)]
    hook = table.get("webhook", url, None)
    if hook is not None:
        found.append(AlertReceiver(f"{place}, webhook", (), *hook, is_webhook=True))
        if hook[0] is not None and urlsplit(hook[0]).scheme not in ("http", "https"):
            table.wrong("webhook", f'"{hook[0]}" is no web address', 'write webhook = "https://host/path"')
    command = table.some("command", values.text)
    if command:
        found.append(AlertReceiver(f"{place}, command", command))
    if len(found) > MOST_RECEIVERS:
        table.wrong("to", f"{len(found)} receivers are too many", f"name {MOST_RECEIVERS} at most")
    return tuple(found)


def _url(value: object) -> str:
    found = values.text(value)
    try:
        has_scheme = bool(urlsplit(found).scheme) and "://" in found
    except ValueError:
        has_scheme = False
    if not has_scheme:
        raise values.Wrong(f'"{found}" is not a URL', 'write { file = "telegram.url" }, or one as "mailto://…"')
    return found


def _when(value: object) -> Mapping[str, float]:
    """Kinds in a list, or a table of kinds and how long each must last."""
    if isinstance(value, str):
        value = [value]
    if isinstance(value, list) and value:
        return {_kind(one): KINDS[_kind(one)] for one in value}
    if isinstance(value, Mapping) and value:
        return {_kind(kind): values.duration(length) for kind, length in value.items()}
    raise values.Wrong("it names nothing", 'write when = ["line", "exit"], or { line = "1m", exit = "30s" }')


def _kind(value: object) -> str:
    if value not in KINDS:
        raise values.Wrong(f"{values.shown(value)} is nothing that is told", nearest(str(value), tuple(KINDS)))
    return str(value)


def _quiet(value: object) -> Quiet:
    mend = 'write { from = "23:00", to = "07:00", zone = "Asia/Shanghai" }'
    if not isinstance(value, Mapping) or not {"from", "to"} <= value.keys() <= {"from", "to", "zone"}:
        raise values.Wrong("it is not a time of the day", mend)
    zone: Any = value.get("zone")
    if zone is not None:
        try:
            ZoneInfo(values.text(zone))
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise values.Wrong(f"{values.shown(zone)} is no time zone", mend) from error
    start, end = _minute(value["from"], mend), _minute(value["to"], mend)
    if start == end:
        raise values.Wrong("it begins when it ends", mend)
    return Quiet(start, end, zone)


def _minute(value: object, mend: str) -> int:
    try:
        clock = datetime.time.fromisoformat(values.text(value))
    except ValueError as error:
        raise values.Wrong(f"{values.shown(value)} is no time of the day", mend) from error
    return 60 * clock.hour + clock.minute
