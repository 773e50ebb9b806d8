"""Dials carriers for bulk, one at a time, and not again at once when that has failed."""

from collections.abc import Awaitable, Callable

import trio

from ingress.paths.backoff import longer
from ingress.paths.dial import SetupFailed
from relay import log
from relay.engine import Loop

DialOnce = Callable[[], Awaitable[None]]

PROVEN = 3.0
"""Seconds that a carrier must have lived for its dial to count as a success: who lets us in and ends the connection at
once would else be dialled at every round."""

WANTED_FOR = 60.0
"""Seconds for which one is kept that nobody wants any more."""


class Spares:
    """One path's. *dial_once* opens a bulk carrier and hands it on, or raises SetupFailed."""

    def __init__(self, loop: Loop, name: str, dial_once: DialOnce) -> None:
        self.is_dialling = False
        self.backoff = 0.0
        """Seconds to wait after the last failure; 0 once a carrier has proven itself after it."""
        self._loop = loop
        self._name = name
        self._dial_once = dial_once
        self._not_before = 0.0
        self._wanted_at = float("-inf")
        self._nursery: trio.Nursery | None = None

    def start(self, nursery: trio.Nursery) -> None:
        """Dial in *nursery* from now on; before this nothing is dialled."""
        self._nursery = nursery

    @property
    def may_come(self) -> bool:
        """Whether one is being dialled, or would be: the last attempt has not just failed."""
        return self.is_dialling or (self._nursery is not None and self._loop.now >= self._not_before)

    @property
    def is_wanted(self) -> bool:
        """Whether one was wanted of late. Equal paths trade places: without an end each would come to have one."""
        return self._loop.now - self._wanted_at < WANTED_FOR

    def want(self, *, is_missing: bool) -> None:
        """One should be free: dial another if it *is_missing*, unless that is being done, or has just failed."""
        self._wanted_at = self._loop.now
        if is_missing and self._nursery is not None and not self.is_dialling and self.may_come:
            self.is_dialling = True
            self._nursery.start_soon(self._dial)

    async def _dial(self) -> None:
        try:
            await self._dial_once()
        except SetupFailed as failure:
            log.event("carrier-failed", level="debug", path=self._name, why=str(failure))
            self.ended(0.0)
        finally:
            self.is_dialling = False

    def ended(self, lived: float) -> None:
        """A carrier that was dialled here is gone; it lived for *lived* seconds, 0 if it never came up."""
        self.backoff = 0.0 if lived >= PROVEN else longer(self.backoff)
        self._not_before = max(self._not_before, self._loop.now + self.backoff)
