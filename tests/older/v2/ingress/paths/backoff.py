"""How long to wait between two attempts to bring a carrier up."""

BACKOFF_FIRST = 0.1
BACKOFF_MOST = 15.0
"""Seconds between attempts: doubling, jittered by half. A relay that restarts is back in about a second; a line that is
dead for hours should not be dialled ten times a second."""


def longer(backoff: float) -> float:
    """The wait after one more failure; 0 is that before the first."""
    return min(max(2 * backoff, BACKOFF_FIRST), BACKOFF_MOST)
