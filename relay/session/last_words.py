"""Last words: small frames about streams that this end has already forgotten, and that the peer must still get.

A frame given to a carrier is known to have arrived when a PING that was sent behind it is answered. If the
carrier dies first, the frame goes out again on the next carrier that asks. The peer takes all of them twice
without harm.
"""


class LastWords:
    """The session's last words that are on no carrier now."""

    __slots__ = ("waiting",)

    def __init__(self) -> None:
        self.waiting: list[bytes] = []

    def take(self) -> list[bytes]:
        """All that waits, for the carrier that asks."""
        words, self.waiting = self.waiting, []
        return words


class Unconfirmed:
    """The last words that one carrier was given and that no answered PING has covered yet."""

    __slots__ = ("_covered", "_ping", "_recent")

    def __init__(self) -> None:
        self._recent: list[bytes] = []
        self._covered: list[bytes] = []
        self._ping: int | None = None

    def __len__(self) -> int:
        return len(self._recent) + len(self._covered)

    def add(self, words: list[bytes]) -> None:
        """They went to the carrier."""
        self._recent += words

    def pinged(self, number: int) -> None:
        """PING *number* follows everything given so far."""
        if self._ping is None and self._recent:
            self._ping = number
            self._covered, self._recent = self._recent, []

    def ponged(self, number: int) -> None:
        """PING *number*, or a later one, was answered: what it covers has arrived."""
        if self._ping is not None and number >= self._ping:
            self._covered = []
            self._ping = None

    def reclaim(self) -> list[bytes]:
        """The carrier is gone: all that may not have arrived."""
        words = self._covered + self._recent
        self._covered, self._recent, self._ping = [], [], None
        return words
