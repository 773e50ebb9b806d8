"""Moments as an operator writes and reads them, on this machine's clock."""

import datetime
import re
from typing import Final

from relay.config import values

DAY: Final = 86_400.0


def read_moment(text: str, now: float) -> float:
    """Seconds since 1970, of `24h` (so far back), `03:12` (the last time it was that late) or `2026-11-27 03:12`.

    Raises:
        values.Wrong: it is none of these.
    """
    if re.fullmatch(r"\d{1,2}:\d\d", text):
        return _last_time(text, now)
    try:
        return datetime.datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        pass
    try:
        return now - values.duration(text)
    except values.Wrong as wrong:
        raise values.Wrong(f'"{text}" is no time', "write 30m, 24h or 7d, or 03:12, or 2026-11-27 03:12") from wrong


def _last_time(text: str, now: float) -> float:
    hour, minute = map(int, text.split(":"))
    if hour > 23 or minute > 59:
        raise values.Wrong(f'"{text}" is no time of day', "write 03:12, or 30m, 24h or 7d")
    today = datetime.datetime.fromtimestamp(now).replace(hour=hour, minute=minute, second=0, microsecond=0)
    found = today.timestamp()
    return found if found <= now else (today - datetime.timedelta(days=1)).timestamp()


def shown(at: float, now: float) -> str:
    """`03:12:04` of the last day, `11-27 03:12:04` of the last half year, else with its year."""
    moment, past = datetime.datetime.fromtimestamp(at), now - at
    form = "%H:%M:%S" if past < DAY else "%m-%d %H:%M:%S" if past < 180 * DAY else "%Y-%m-%d %H:%M:%S"
    return moment.strftime(form)


def tick(at: float, span: float) -> str:
    """A place on an axis that is *span* seconds long."""
    moment = datetime.datetime.fromtimestamp(at)
    return moment.strftime("%H:%M" if span <= 2 * DAY else "%m-%d" if span <= 400 * DAY else "%Y-%m")


def lasted(seconds: float) -> str:
    """`0.8 s`, `41 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, length, below, part in (("d", 86_400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= length:
            rest = whole % length // part
            return f"{whole // length} {unit}" + (f" {rest} {below}" if rest else "")
    return f"{whole} s"
