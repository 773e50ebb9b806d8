"""What rides on a path: `Traffic` is computed once a round from its carriers, `Counters` grow as things happen."""

import attrs


@attrs.frozen
class Traffic:
    """One path in one round. Bytes count over the path's whole life."""

    streams: int = 0
    """Streams that ride on it now, bulk and redundant ones included."""
    bulk: int = 0
    """Of these, bulk streams: while there are any, our own load explains what pings on its lines say."""
    redundant: int = 0
    spoke_at: float = float("-inf")
    """When one of them last sent or received something."""
    bytes_up: int = 0
    bytes_down: int = 0
    leaving: str = ""
    """Why streams have to leave (`node jp-dmit drains`, `removed from the file`); empty if they need not."""
    closed: str = ""
    """Why it carries nothing new, and streams have to leave, though it works; empty if it may."""
    stands_in: str = ""
    """Why it is a backup, though no line of it is called one in the file; empty if it is none."""

    @property
    def thin(self) -> int:
        """Streams that are neither bulk nor redundant: what moves for a better round trip."""
        return self.streams - self.bulk - self.redundant


NO_TRAFFIC = Traffic()
"""Of a path that has no carrier yet."""


class Counters:
    """What has happened on one path, over its whole life."""

    __slots__ = ("broken", "bytes_down", "bytes_up", "longest_pause", "lost", "moves", "opened", "resumes")

    def __init__(self) -> None:
        self.opened = 0
        """Streams that began on it."""
        self.moves = 0
        """Streams that left it by plan."""
        self.resumes = 0
        """Streams rescued from it."""
        self.longest_pause = 0.0
        """Seconds."""
        self.lost: dict[str, int] = {}
        """Streams that ended with it, by the word of their cause."""
        self.bytes_up = 0
        self.bytes_down = 0
        """Of carriers that are gone."""
        self.broken = 0
        """Carriers on which the node broke the protocol."""

    def count_lost(self, cause: str) -> None:
        """A stream was lost with this path; *cause* is the word of its Cause."""
        self.lost[cause] = self.lost.get(cause, 0) + 1

    def count_rescue(self, pause: float) -> None:
        """A stream was rescued from it, and stood still for *pause* seconds."""
        self.resumes += 1
        self.longest_pause = max(self.longest_pause, pause)

    def count_bytes(self, up: int, down: int) -> None:
        """A carrier is gone that had moved so many."""
        self.bytes_up += up
        self.bytes_down += down

    def count_broken(self) -> None:
        """A carrier is gone because what came on it broke the protocol."""
        self.broken += 1

    def absorb(self, other: "Counters") -> None:
        """Add what *other* has counted."""
        self.opened += other.opened
        self.moves += other.moves
        self.resumes += other.resumes
        self.longest_pause = max(self.longest_pause, other.longest_pause)
        self.broken += other.broken
        self.count_bytes(other.bytes_up, other.bytes_down)
        for cause, count in other.lost.items():
            self.lost[cause] = self.lost.get(cause, 0) + count

    def __repr__(self) -> str:
        return f"<Counters {self.opened} opened, {self.moves} moved, {self.resumes} rescued, lost {self.lost}>"
