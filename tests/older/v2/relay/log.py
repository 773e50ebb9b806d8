"""The log: one event, one line; key=value for eyes, JSON for machines.

What must stay true: `event` never raises and never waits. A line that cannot be written now is lost and counted,
because a full pipe behind the log must not stop anybody's bytes. A value cannot forge a line or steer a terminal:
what is not printable is escaped. Passwords are nobody's field.
"""

import datetime
import json
import os
import select
import sys
from typing import Final, TextIO

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
FORMATS: Final = ("text", "json")

MOST_BYTES: Final = select.PIPE_BUF
"""Longest line. A pipe that polls writable takes this much at once (POSIX), so that the write cannot block."""
MOST_VALUE: Final = 500
"""Characters kept of one value."""
SHORT_VALUE: Final = 40
"""Characters kept of each value when the line would be longer than MOST_BYTES."""


class Log:
    """One stream that takes events. The module's `configure`, `event` and `dropped` are those of the only one."""

    __slots__ = ("_descriptor", "_dropped", "_is_json", "_poll", "_stream", "_threshold", "_untold")

    def __init__(self) -> None:
        self._dropped = 0
        self._untold = 0
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

    def event(self, name: str, /, *, level: str = "info", **fields: object) -> None:
        """Write one line. *name* is kebab-case in the past tense (`carrier-lost`), *level* one of LEVELS."""
        if LEVELS.get(level, 40) < self._threshold:
            return
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
        """How many lines were lost since the start."""
        return self._dropped

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
        os.write(self._descriptor, line)

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


def _plain(value: object, most: int) -> str | int | float | None:
    """*value* as something JSON has a word for, cut to *most* characters."""
    if value is None or isinstance(value, bool) or type(value) is int:
        return value
    if isinstance(value, float) and abs(value) < float("inf"):
        return round(value, 6)
    text = value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
    text = text or (type(value).__name__ if isinstance(value, BaseException) else "")
    return text if len(text) <= most else text[:most] + "…"


_log = Log()
configure = _log.configure
event = _log.event
dropped = _log.dropped
