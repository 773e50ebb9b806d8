"""How long to wait between two attempts to bring a carrier up, whatever ended the last one.

There is no way round the wait but `may_hurry`, and that is rationed: whoever on the way can make a carrier come up and
end, or a node say that it is back, may do so without end, and must not make us dial without end.
"""

BACKOFF_FIRST = 0.1
BACKOFF_MOST = 15.0
"""Seconds between attempts: doubling, jittered by half. A relay that restarts is back in about a second; a line that is
dead for hours should not be dialled ten times a second."""


def longer(backoff: float) -> float:
    """The wait after one more failure; 0 is that before the first."""
    return min(max(2 * backoff, BACKOFF_FIRST), BACKOFF_MOST)


class Backoff:
    """One path's."""

    __slots__ = ("_hurried_at", "_hurried_for", "wait")

    def __init__(self) -> None:
        self.wait = 0.0
        """Seconds before the next attempt."""
        self._hurried_at = float("-inf")
        self._hurried_for = b""

    def ended(self, lived: float) -> None:
        """An attempt is over; its carrier lived for *lived* seconds, 0 if none came up."""
        self.wait = BACKOFF_FIRST / 2 if lived > BACKOFF_MOST else longer(self.wait)

    def may_hurry(self, now: float) -> bool:
        """Whether news at *now* (something on the way is back) may spare us this wait: once in BACKOFF_MOST."""
        if now - self._hurried_at < BACKOFF_MOST:
            return False
        self._hurried_at = now
        return True

    def may_hurry_for(self, session: bytes) -> bool:
        """The same for a new *session*, since the node has just said that it does not know the one before: once for
        each. Who lets a carrier in and forgets it again gains one attempt for each that had its wait."""
        is_new = session != self._hurried_for
        self._hurried_for = session
        return is_new
