"""What rides on one path: kept up to date by the shell, read by ranking and reports."""

SPEED_GAIN = 0.5
"""Weight of the newest round in the measured speed: two or three rounds to follow a change."""


class Tally:
    """Counts of one path, over its whole life where nothing else is said. The shell adds to the fields directly."""

    __slots__ = (
        "_at",
        "_moved",
        "bulk",
        "bytes_down",
        "bytes_up",
        "delivery",
        "dial_time",
        "leaving",
        "longest_pause",
        "lost",
        "moves",
        "opened",
        "redundant",
        "resumes",
        "speed",
        "spoke_at",
        "streams",
    )

    def __init__(self, now: float) -> None:
        self.streams = 0
        """Streams that ride on it now, bulk and redundant ones included."""
        self.bulk = 0
        """Of these, bulk streams: while there are any, our own load explains what pings on its lines say."""
        self.redundant = 0
        self.spoke_at = now
        """When one of them last sent or received something."""
        self.opened = 0
        """Streams that began on it."""
        self.bytes_up = 0
        self.bytes_down = 0
        self.speed = 0.0
        """Bytes per second now, both ways; see `round`."""
        self.delivery: float | None = None
        """Most bytes per second that a bulk stream got over it lately; None if none was measured."""
        self.leaving = ""
        """Why streams have to leave (`node jp-dmit drains`, `line removed`); empty if they need not."""
        self.dial_time: float | None = None
        """Sum of the dial times of its lines, where all are known."""
        self.moves = 0
        """Streams that left it by plan."""
        self.resumes = 0
        """Streams rescued from it."""
        self.longest_pause = 0.0
        self.lost: dict[str, int] = {}
        """Streams that ended with it, by the word of their cause."""
        self._moved = 0
        self._at = now

    def round(self, now: float) -> None:
        """Measure `speed` over the time since the last round."""
        if now <= self._at:
            return
        moved = self.bytes_up + self.bytes_down
        self.speed += SPEED_GAIN * ((moved - self._moved) / (now - self._at) - self.speed)
        self._moved, self._at = moved, now

    def ended(self, cause: str) -> None:
        """A stream was lost with this path; *cause* is the word of its Cause."""
        self.lost[cause] = self.lost.get(cause, 0) + 1

    def paused(self, seconds: float) -> None:
        """A stream that was moved or rescued stood still for *seconds*."""
        self.longest_pause = max(self.longest_pause, seconds)

    def absorb(self, other: "Tally") -> None:
        """Add what *other* has counted; what rides on it now is left out."""
        self.opened += other.opened
        self.bytes_up += other.bytes_up
        self.bytes_down += other.bytes_down
        self.moves += other.moves
        self.resumes += other.resumes
        self.paused(other.longest_pause)
        for cause, count in other.lost.items():
            self.lost[cause] = self.lost.get(cause, 0) + count

    def __repr__(self) -> str:
        return f"<Tally {self.streams} streams, {self.speed:.0f} bytes/s>"
