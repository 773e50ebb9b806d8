"""Last words: small frames about streams that this end has already forgotten, and that the peer must still get.

A carrier that is up delivers all it is given, in order (TCP, RFC 9293 section 3.4); one that dies may have swallowed
any of it. A stream that lives says again what was lost, but a forgotten one has nobody left to do that. So its last
frame is kept here, as bytes, until it is known to have arrived: until a PING that was sent behind it on the same
carrier is answered. If the carrier dies first, the frame goes out again on the next carrier that asks.

What must stay true:
1. A word is either waiting in `LastWords`, or unconfirmed on exactly one living carrier, or known to have arrived.
2. The peer takes every one of them twice, late, or about a stream it never knew, without harm (ACK, RESET and
   WITHDRAW do; that last one speaks of a stream which is still known here, and needs its answer).
3. Their number is bounded by what ends within a ping interval: nothing here waits for a stream.
"""


class LastWords:
    """The session's last words that are on no carrier now, in the order in which they were said."""

    __slots__ = ("waiting",)

    def __init__(self) -> None:
        self.waiting: list[bytes] = []
        """Whole frames. The session adds to it; a carrier that has room empties it by `take`."""

    def take(self) -> list[bytes]:
        """All that waits, for the carrier that asks, which notes it as unconfirmed. Nothing waits afterwards."""
        words, self.waiting = self.waiting, []
        return words


class Unconfirmed:
    """The last words that one carrier was given and that no answered PING has covered yet.

    One PING at a time covers words: those given before it was sent. Words given later wait until that one is answered
    and another is sent, however many PINGs are under way, so that one number is all there is to remember.
    """

    __slots__ = ("_covered", "_ping", "_recent")

    def __init__(self) -> None:
        self._recent: list[bytes] = []
        self._covered: list[bytes] = []
        self._ping: int | None = None

    def __len__(self) -> int:
        """How many may still be lost with the carrier."""
        return len(self._recent) + len(self._covered)

    def add(self, words: list[bytes]) -> None:
        """*words* were put on the carrier."""
        self._recent += words

    def pinged(self, number: int) -> None:
        """PING *number* is put on the carrier, behind everything given so far. Numbers grow."""
        if self._ping is None and self._recent:
            self._ping = number
            self._covered, self._recent = self._recent, []

    def ponged(self, number: int) -> None:
        """PING *number*, or a later one, was answered: what it covers has arrived, and is forgotten."""
        if self._ping is not None and number >= self._ping:
            self._covered = []
            self._ping = None

    def reclaim(self) -> list[bytes]:
        """All that may not have arrived, oldest first, to be said again elsewhere: the carrier is gone, or not trusted.

        Nothing is unconfirmed here afterwards; a PONG that still comes confirms nothing.
        """
        words = self._covered + self._recent
        self._covered, self._recent, self._ping = [], [], None
        return words
