"""What ranking is told of one path: plain values, made anew for each round."""

import enum

import attrs

from ingress.measure.directions import Direction
from ingress.measure.health import PathState
from relay.model.walk import Path


class Source(enum.Enum):
    """Where a figure comes from, as `--why` prints it."""

    MEASURED = "measured"
    """By pings, or by a probe."""
    USED = "used"
    """From what real streams did."""
    TOLD = "told"
    """By a node, of what it sends itself."""
    ASSUMED = "assumed"
    """From something else that was measured, or a first guess."""


@attrs.frozen
class PathFigures:
    """One path at one moment. Times in seconds, shares from 0 to 1, speeds in bytes per second."""

    path: Path
    state: PathState
    word: str = ""
    """The state as shown: `auth` and the like when a set-up was refused."""
    reason: str = ""
    """Why the state is not up; empty if it is."""
    round_trip: float = 0.0
    deviation: float = 0.0
    late: float = 0.0
    """Share of the pings to come that will be late."""
    error: float = 0.0
    """By which the cost that is made of these may be wrong: its standard error."""
    source: Source = Source.MEASURED
    """Of the round trip: assumed if it is composed of its lines' pieces, or if there is none at all."""
    streams: int = 0
    thin: int = 0
    """Of the streams, those that are neither bulk nor redundant: what moves for a better round trip."""
    is_full: bool = False
    """A line of it carries nearly all that it can: new streams take others that are as good."""
    leaving: str = ""
    """Why streams have to leave it though it works; empty if they need not."""
    closed: str = ""
    """Why it carries nothing new, and streams have to leave it; empty if it may."""
    stands_in: str = ""
    """Why it is a backup, though no line of it is called one in the file; empty if it is none."""
    is_in_doubt: bool = False
    """A ping on it, or on its beginning, is late, or was a moment ago: it may be the first of many."""
    is_late: bool = False
    """A ping on it is late and still on its way: nothing to rescue a stream to."""
    answered_sent: float = float("-inf")
    """When the newest ping it answered was sent."""
    silent_since: float | None = None
    """When the oldest ping that waits was sent, or when the carrier was lost; None if nothing waits."""
    suspects: frozenset[str] = frozenset()
    """If it is stalled or down: its lines that may be the broken ones."""
    directions: tuple[Direction, ...] = ()
    """What TCP knows of its lines."""

    @property
    def name(self) -> str:
        """Of the path."""
        return self.path.name

    @property
    def is_backup(self) -> bool:
        """Whether it is for when nothing else is up: no copies, no spares."""
        return bool(self.stands_in) or self.path.backup

    @property
    def shown(self) -> str:
        """The word for its state."""
        return self.word or self.state.value

    @property
    def exit(self) -> str:
        """The node at which the path ends."""
        return self.path.end
