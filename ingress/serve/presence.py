"""What an ingress that was killed tells when it is back: how long it was away. A stop that was asked for is no news.

Its last sign of life stands in the state file, to the nearest SIGN seconds: so much less may it have been away.
"""

from collections.abc import Callable
from typing import Final

import attrs

SIGN: Final = 10
"""Seconds between two signs: each is one row of a batch that is written anyway."""
LEAST: Final = 2.0 * SIGN
"""Seconds of silence that say nothing: a sign and a batch may be missing."""

Kept = tuple[int, bool]
"""When it was there last, in seconds since 1970; whether it was told to stop."""


@attrs.frozen
class Absence:
    """From when to when nobody was served, in seconds since 1970."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long that was."""
        return self.end - self.start


class Presence:
    """One ingress's, from `begin` on. *tell* hears of an absence before; *stops* says whether it was told to stop."""

    def __init__(self, wall: Callable[[], float], tell: Callable[[Absence], None], stops: Callable[[], bool]) -> None:
        self._wall = wall
        self._tell = tell
        self._stops = stops
        self._since: float | None = None

    def begin(self) -> None:
        """It serves, from now on."""
        self._since = self._wall()

    def write(self) -> Kept:
        """A sign of life, for `read_sign`. Before `begin` it is none, so that the first batch has one."""
        if self._since is None:
            return 0, False
        return int(self._wall() // SIGN * SIGN), self._stops()

    def recall(self, kept: Kept) -> None:
        """The last sign of the process before, as `write` gave it."""
        last, was_told = kept
        absence = Absence(last, self._since or self._wall())
        if not was_told and absence.seconds >= LEAST:
            self._tell(absence)


def read_sign(found: object) -> Kept:
    """What `Presence.write` gave. ValueError: it is none."""
    match found:
        case [int(last), bool(was_told)]:
            return last, was_told
    raise ValueError(f"{found!r} is no sign of life")
