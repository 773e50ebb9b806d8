"""Which targets were reached or failed a short while ago, and so whether a client may be answered at once."""

import math

from ingress.lru import Lru

REACHED_FOR = 600.0
"""Seconds for which a target that was reached is believed to be there."""
FAILED_FOR = 60.0
"""Seconds for which a failure keeps answers honest, so that the retry is told the true cause."""
WEB_PORTS = frozenset({80, 443, 8080, 8443})
"""Where programs dial per request and retry by themselves: a refusal told as a reset costs them one retry."""
MOST_TARGETS = 16_384
GRAIN = 1.0
"""Seconds within which a second success is no news."""


class Reached:
    """Remembers by host and port; hosts are compared in lower case."""

    __slots__ = ("_failed", "_reached")

    def __init__(self) -> None:
        self._reached: Lru[tuple[str, int], float] = Lru(MOST_TARGETS)
        self._failed: Lru[tuple[str, int], float] = Lru(MOST_TARGETS)

    def reached(self, host: str, port: int, now: float) -> None:
        """An exit connected to it."""
        key = (host.lower(), port)
        if now - self._reached.get(key, -math.inf) >= GRAIN:
            self._reached.put(key, now)

    def failed(self, host: str, port: int, now: float) -> None:
        """An exit could not: refused, timed out, not resolved, not allowed. A path's failure is none of a target."""
        self._failed.put((host.lower(), port), now)

    def may_answer_early(self, host: str, port: int, now: float) -> bool:
        """Whether success may be told before the exit has connected (under `answer = "auto"`)."""
        key = (host.lower(), port)
        failed = self._failed.get(key)
        if failed is not None and now - failed < FAILED_FOR:
            return False
        if port in WEB_PORTS:
            return True
        reached = self._reached.get(key)
        return reached is not None and now - reached < REACHED_FOR
