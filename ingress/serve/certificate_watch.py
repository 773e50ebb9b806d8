"""Tells the log once when a certificate comes near its end, and once when another one is there in its place."""

import datetime
from collections.abc import Callable, Mapping
from typing import Final

import trio

from relay import log
from relay.identity import expiry_warning

EVERY: Final = 60.0
"""Seconds between two looks: days matter here."""


class CertificateWatch:
    """*ends* says when certificates end, by whose they are, as far as that is known; *wall* tells the time. Both in
    seconds since 1970."""

    def __init__(self, ends: Callable[[], Mapping[str, float]], wall: Callable[[], float]) -> None:
        self._ends = ends
        self._wall = wall
        self._known: dict[str, float] = {}
        """When they ended as of the last look that knew it: of a node that is away, that stays."""
        self._told: dict[str, float] = {}
        """The end that was told to be near."""

    async def watch(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            self.look()
            await trio.sleep(EVERY)

    def look(self) -> None:
        """Tell what is new."""
        for name, end in self._ends().items():
            before, self._known[name] = self._known.get(name, end), end
            if end > before:
                log.event("certificate-renewed", about=name, name=name, ends=_day(end))
            if expiry_warning(name, end, self._wall()) is not None and self._told.get(name) != end:
                self._told[name] = end
                log.event("certificate-ends-soon", level="warning", about=name, name=name, ends=_day(end))


def _day(end: float) -> str:
    return datetime.datetime.fromtimestamp(end, datetime.UTC).date().isoformat()
