"""What the loop serves."""

from typing import Protocol

FLUSH = 1 << 16
"""Not an event of epoll's: the end of a turn, for which the endpoint has asked (`Loop.flush_soon`)."""


class Endpoint(Protocol):
    """What the loop serves. None of this blocks."""

    queued: bool
    """For the loop's use; starts False."""

    def serve(self, events: int) -> None:
        """Do what *events* (EPOLL… bits; FLUSH; 0 when `Loop.again` was asked) make possible, within the budget.

        May come once more after the endpoint was closed, and then does nothing.
        """

    def fail(self, error: OSError) -> None:
        """The owner's code raised: reset, tell the owner `on_closed(error)`. Does nothing when closed already."""

    def close(self) -> None:
        """Close now, tell nobody. Harmless when closed already."""
