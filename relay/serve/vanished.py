"""Resets the sockets of clients and targets that are owed bytes and are not there any more.

A pulled cable says nothing. See relay.engine.liveness for how it is told from a peer that only does not read.
"""

import errno
import os
from collections.abc import Callable

import trio

from relay import log
from relay.engine import Loop, Tcp
from relay.engine.liveness import is_gone

LOOK = 10.0
"""Seconds between looks."""
AT_ONCE = 200
"""Sockets looked at before others get a turn: a third of a millisecond."""


class Vanished:
    """Looks at every socket of a loop, now and then."""

    def __init__(self, loop: Loop, keepalive: Callable[[], float]) -> None:
        """*keepalive*: how often sockets without traffic are asked whether they live, in seconds; asked each time."""
        self.count = 0
        """How many were found to be gone."""
        self._loop = loop
        self._keepalive = keepalive

    async def watch(self) -> None:
        """Look again and again; runs until cancelled."""
        while True:
            await trio.sleep(LOOK)
            await self.look(self._keepalive())

    async def look(self, keepalive: float) -> None:
        """Reset all that are gone by now."""
        sockets = [one for one in self._loop.endpoints() if isinstance(one, Tcp)]
        for start in range(0, len(sockets), AT_ONCE):
            for tcp in sockets[start : start + AT_ONCE]:
                if is_gone(tcp.info(), keepalive):
                    self._loop.call_soon(lambda gone=tcp: self._end(gone))  # type: ignore[misc]
            await trio.lowlevel.checkpoint()

    def _end(self, tcp: Tcp) -> None:
        if not tcp.closed:
            self.count += 1
            log.event("peer-vanished", level="debug", unsent=tcp.unsent)
            tcp.fail(OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)))
