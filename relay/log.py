"""The log: one event, one line; key=value for eyes, JSON for machines.

What must stay true: `event` never raises and never waits. A line that cannot be written now is lost and counted,
because a full pipe behind the log must not stop anybody's bytes; one that a full disk takes a part of is lost as well,
and ended before the next. A value cannot forge a line or steer a terminal: what is not printable is escaped. Passwords
are nobody's field. Nobody fills the disk by making us log: of each event, and of each `about` apart, so many lines are
written, and the rest are counted (`lines-left-out`).
"""

import datetime
import errno
import json
import os
import select
import sys
import time
from collections.abc import Callable, Container
from typing import Final, TextIO

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
FORMATS: Final = ("text", "json")

MOST_BYTES: Final = select.PIPE_BUF - 1
"""Longest line. A pipe that polls writable takes this much at once (POSIX), and the newline that ends a torn line
before it, so that the write cannot block."""
MOST_VALUE: Final = 500
"""Characters kept of one value."""
SHORT_VALUE: Final = 40
"""Characters kept of each value when the line would be longer than MOST_BYTES."""

LINES_AT_ONCE: Final = 30
"""Lines of one event about one thing before the rest of the minute is only counted. A restart of everything says
less."""
LINES_BACK: Final = 10
"""So many of them may be written again with each minute: who stays just below every flood writes 160 KB an hour of one
event. At 30 it would be half a megabyte, and a node where strangers cause two would write more than one an hour."""
FLOODED_LINES: Final = 1
"""In a minute that follows one in which lines were left out: an example, beside the count."""
ALL_AT_ONCE: Final = 600
ALL_BACK: Final = 60
"""The same for all events together, at once and again with each minute: somebody who holds a node's key can cause many
kinds of lines, about many paths. An outage of everything says a few hundred; 60 a minute are 0.7 MB an hour. Beyond
that, of each event only the first line of a minute is written, so that no flood hides another kind of news."""
MOST_TALLIES: Final = 512
"""Things kept apart at a time; more than that share their event's one tally."""
MOST_TOLD_APART: Final = 3
"""Things about which one event was left out that are still named one by one."""
MINUTE: Final = 60.0

Key = tuple[str, str]
"""An event and what it is about."""
Plain = str | int | float | None
"""What a field is shown as."""
Subscriber = Callable[[str, str, dict[str, Plain]], None]
"""Told of an event: its name, its level, its fields."""


class Tallies:
    """How many lines of each event were admitted in the present minute, and how many were not."""

    __slots__ = ("_left_out", "_room", "_room_for_all", "_since", "_written")

    def __init__(self) -> None:
        self._since = float("-inf")
        self._room: dict[Key, int] = {}
        """Lines that may still be written; LINES_AT_ONCE of what is not here."""
        self._left_out: dict[Key, int] = {}
        self._room_for_all = ALL_AT_ONCE
        self._written: set[str] = set()
        """Events of which a line was written in this minute."""

    def admit(self, name: str, about: str) -> bool:
        """Whether a line of *name* may be written; if not, it is counted."""
        key = (name, about)
        if key not in self._room and len(self._room) >= MOST_TALLIES:
            key = (name, "")
        room = self._room.get(key, LINES_AT_ONCE)
        if room and (self._room_for_all > 0 or name not in self._written):
            self._room[key] = room - 1
            self._room_for_all -= 1
            self._written.add(name)
            return True
        self._left_out[key] = self._left_out.get(key, 0) + 1
        return False

    def begin_minute(self, now: float) -> dict[Key, int]:
        """What was left out of the last minute, if it is over at *now*: to be told, once."""
        if now - self._since < MINUTE:
            return {}
        minutes = int(min(now - self._since, LINES_AT_ONCE * MINUTE) // MINUTE)
        left_out, self._left_out = self._left_out, {}
        back = {key: room + minutes * LINES_BACK for key, room in self._room.items()}
        self._room = {key: room for key, room in back.items() if room < LINES_AT_ONCE}
        self._room.update(dict.fromkeys(left_out, FLOODED_LINES))
        self._room_for_all = min(ALL_AT_ONCE, max(self._room_for_all, 0) + minutes * ALL_BACK)
        self._written.clear()
        self._since = now
        return _together(left_out)


def _together(left_out: dict[Key, int]) -> dict[Key, int]:
    """One count for an event that was left out about many things: their names would be a flood of their own."""
    names = [name for name, _ in left_out]
    told: dict[Key, int] = {}
    for (name, about), count in left_out.items():
        key = (name, about if names.count(name) <= MOST_TOLD_APART else "")
        told[key] = told.get(key, 0) + count
    return told


class Log:
    """One stream that takes events. The module's `configure`, `event` … are those of the only one."""

    __slots__ = (
        "_clock",
        "_descriptor",
        "_dropped",
        "_is_json",
        "_is_torn",
        "_left_out",
        "_poll",
        "_stream",
        "_subscribers",
        "_tallies",
        "_threshold",
        "_untold",
    )

    def __init__(self, clock: Callable[[], float]) -> None:
        """*clock* tells seconds; from where on is of no account."""
        self._clock = clock
        self._tallies = Tallies()
        self._subscribers: list[tuple[Container[str], Subscriber]] = []
        self._left_out = 0
        self._dropped = 0
        self._untold = 0
        self._is_torn = False
        """Whether what was last written lacks its newline: a disk that is full takes a part of a line."""
        self.configure(None, "info")

    def configure(self, format: str | None, level: str, stream: TextIO | None = None) -> None:
        """Write to *stream* (stderr) what is at least *level*; *format* None means text on a terminal, else JSON."""
        self._stream = sys.stderr if stream is None else stream
        self._threshold = LEVELS[level]
        self._descriptor = _descriptor(self._stream)
        is_terminal = self._descriptor is not None and os.isatty(self._descriptor)
        self._is_json = format == "json" if format is not None else not is_terminal
        self._poll = select.poll()
        if self._descriptor is not None:
            self._poll.register(self._descriptor, select.POLLOUT)

    def event(self, name: str, /, *, level: str = "info", about: str = "", **fields: object) -> None:
        """Write one line, or count it if too many of its kind were written in this minute (never at debug).

        *name* is kebab-case in the past tense (`carrier-lost`), *level* one of LEVELS. *about* keeps one node's or
        path's lines from using up those of another; it is something that our own files name, so that there are few,
        and is not shown: a field says it.
        """
        if level != "debug" and self._subscribers:
            self._tell(name, level, fields)
        if LEVELS.get(level, 40) < self._threshold:
            return
        if level != "debug":
            self.tell_left_out()
            if not self._tallies.admit(name, about):
                self._left_out += 1
                return
        self._put(name, level, fields)

    def subscribe(self, names: Container[str], told: Subscriber) -> Callable[[], None]:
        """Have *told* called of every event of *names* that is more than debug, be it written or not: at once, so it
        must be cheap and wait for nothing. The call that is returned ends it; harmless when repeated."""
        entry = names, told
        self._subscribers.append(entry)

        def end() -> None:
            self._subscribers = [one for one in self._subscribers if one is not entry]

        return end

    def _tell(self, name: str, level: str, fields: dict[str, object]) -> None:
        for names, told in self._subscribers:
            if name in names:
                try:
                    told(name, level, {key: _plain(value, MOST_VALUE) for key, value in fields.items()})
                except Exception:  # noqa: BLE001 - a value that cannot be shown: no reason to fail
                    self._dropped += 1

    def tell_left_out(self) -> None:
        """Once a minute, say how many lines were left out of the last. To be called now and then, so that the end of a
        flood is told although nothing else happens."""
        for (name, about), count in self._tallies.begin_minute(self._clock()).items():
            self._put("lines-left-out", "warning", {"of": name, **({"about": about} if about else {}), "count": count})

    def _put(self, name: str, level: str, fields: dict[str, object]) -> None:
        if self._untold:
            fields["lost_lines"] = self._untold
        try:
            self._write(self._line(name, level, fields))
        except Exception:  # noqa: BLE001 - a closed or full stream, a value that cannot be shown: no reason to fail
            self._dropped += 1
            self._untold += 1
        else:
            self._untold = 0

    def dropped(self) -> int:
        """How many lines were lost since the start, because they could not be written."""
        return self._dropped

    def left_out(self) -> int:
        """How many lines were only counted since the start, because too many said the same."""
        return self._left_out

    def _line(self, name: str, level: str, fields: dict[str, object]) -> bytes:
        render = _json_line if self._is_json else _text_line
        line = render(name, level, fields, MOST_VALUE)
        return line if len(line) <= MOST_BYTES else render(name, level, fields, SHORT_VALUE)

    def _write(self, line: bytes) -> None:
        if self._descriptor is None:
            self._stream.write(line.decode())
            return
        if len(line) > MOST_BYTES or not self._is_writable():
            raise BlockingIOError
        data = b"\n" + line if self._is_torn else line
        written = os.write(self._descriptor, data)
        self._is_torn = data[:written][-1:] != b"\n" if written else self._is_torn
        if written < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _is_writable(self) -> bool:
        ready = self._poll.poll(0)
        return bool(ready) and bool(ready[0][1] & select.POLLOUT)


def _descriptor(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError, AttributeError):  # kept in memory, closed, or none at all (pythonw, a daemon)
        return None


def _text_line(name: str, level: str, fields: dict[str, object], most: int) -> bytes:
    moment = datetime.datetime.now().strftime("%H:%M:%S")
    shown = fields if level == "info" else {"level": level, **fields}
    return " ".join([moment, name, *(f"{key}={_word(value, most)}" for key, value in shown.items())]).encode() + b"\n"


def _json_line(name: str, level: str, fields: dict[str, object], most: int) -> bytes:
    moment = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    record: dict[str, object] = {"time": moment, "level": level, "event": name}
    for key, value in fields.items():
        record.setdefault(key, _plain(value, most))
    return json.dumps(record).encode() + b"\n"


def _word(value: object, most: int) -> str:
    plain = _plain(value, most)
    if not isinstance(plain, str):
        return json.dumps(plain)
    is_one_word = plain.isprintable() and plain != "" and not any(mark in plain for mark in ' "\\=')
    return plain if is_one_word else json.dumps(plain)


def _plain(value: object, most: int) -> Plain:
    """*value* as something JSON has a word for, cut to *most* characters."""
    if value is None or isinstance(value, bool) or type(value) is int:
        return value
    if isinstance(value, float) and abs(value) < float("inf"):
        return round(value, 6)
    text = value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
    text = text or (type(value).__name__ if isinstance(value, BaseException) else "")
    return text if len(text) <= most else text[:most] + "…"


_log = Log(time.monotonic)  # noqa: TID251 - the one of the process; those of tests are told the time
configure = _log.configure
event = _log.event
subscribe = _log.subscribe
tell_left_out = _log.tell_left_out
dropped = _log.dropped
left_out = _log.left_out
