"""Lines that an operator holds (`ingress hold`): nothing new goes over them until they are released, or time is up."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence

import attrs

from ingress.messages.message import Message
from relay.errors import OperatorError
from relay.model.walk import Path


@attrs.frozen
class Hold:
    """One of them. Times in seconds since 1970."""

    line: str
    since: float
    until: float | None = None
    """None: until it is released."""

    @property
    def sentence(self) -> Message:
        """What an operator is told."""
        if self.until is None:
            return Message("hold.line", line=self.line, since=moment(self.since))
        return Message("hold.until", line=self.line, since=moment(self.since), until=moment(self.until))

    @property
    def reason(self) -> Message:
        """Why a path over it takes no new streams."""
        if self.until is None:
            return Message("leave.held", line=self.line)
        return Message("leave.held-until", line=self.line, until=moment(self.until))


def moment(wall: float) -> str:
    """*wall*, seconds since 1970, as an operator reads it."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(wall))


class Holds:
    """Those in force, by line."""

    __slots__ = ("_holds",)

    def __init__(self) -> None:
        self._holds: dict[str, Hold] = {}

    def __bool__(self) -> bool:
        return bool(self._holds)

    @property
    def all(self) -> Sequence[Hold]:
        """In the order in which they began."""
        return list(self._holds.values())

    @property
    def reasons(self) -> Mapping[str, str]:
        """By line, why it takes nothing new."""
        return {hold.line: hold.reason for hold in self._holds.values()}

    @property
    def next_end(self) -> float | None:
        """When the first of them ends by itself; None if none does."""
        return min((hold.until for hold in self._holds.values() if hold.until is not None), default=None)

    def put(self, hold: Hold) -> None:
        """*hold* is in force; one of the same line before it goes on since then, and ends as the new one says."""
        before = self._holds.get(hold.line)
        self._holds[hold.line] = hold if before is None else attrs.evolve(hold, since=before.since)

    def drop(self, line: str) -> None:
        """Take one back.

        Raises:
            OperatorError: there is none of *line*.
        """
        if line not in self._holds:
            held = f"held are: {', '.join(self._holds)}" if self._holds else "no line is"
            raise OperatorError(f"{line} is not held; {held}")
        del self._holds[line]

    def end(self, wall: float) -> Sequence[Hold]:
        """Those whose time is over at *wall*: they are not in force any more."""
        over = [hold for hold in self._holds.values() if hold.until is not None and hold.until <= wall]
        return self._without(over)

    def keep(self, lines: Collection[str]) -> Sequence[Hold]:
        """The file has these *lines*: the holds of others, which are not in force any more."""
        return self._without([hold for hold in self._holds.values() if hold.line not in lines])

    def _without(self, gone: Sequence[Hold]) -> Sequence[Hold]:
        for hold in gone:
            del self._holds[hold.line]
        return gone

    def recall(self, holds: Iterable[Hold]) -> None:
        """These were in force before a restart; what was said since stands."""
        self._holds = {hold.line: hold for hold in holds} | self._holds

    def write(self) -> list[tuple[str, float, float | None]]:
        """In plain values, for `read_holds`."""
        return [(hold.line, hold.since, hold.until) for hold in self._holds.values()]


def left_without(used: Iterable[Path], working: Collection[str], closed: Collection[str], line: str) -> list[str]:
    """The exits to which no path is left once *line* is held, in the order of the paths that are *used*.

    *working* are the names of paths that carry something now, *closed* those that take nothing new already. An exit to
    which nothing works anyhow loses nothing, unless every path to it is closed then.
    """
    paths = [path for path in used if path.name not in closed]
    after = [path for path in paths if line not in path.lines]
    exits = dict.fromkeys(path.end for path in paths if line in path.lines)
    works = {path.end for path in paths if path.name in working}
    left = {path.end for path in after if path.end not in works or path.name in working}
    return [exit_ for exit_ in exits if exit_ not in left]


def read_holds(found: object) -> list[Hold]:
    """Those that `Holds.write` gave. ValueError: they are none."""
    if not isinstance(found, list):
        raise ValueError(f"{found!r} is no list of holds")
    return [_read_hold(one) for one in found]


def _read_hold(found: object) -> Hold:
    match found:
        case [str(line), int() | float() as since, int() | float() | None as until]:
            return Hold(line, since, until)
    raise ValueError(f"{found!r} is no hold")
