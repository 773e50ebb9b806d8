"""Closes a client behind its last answer: FIN, then what it still sends is read and dropped for a moment.

Closing a socket with unread bytes resets it, and the reset can overtake the answer. An answer that is still on its way
to a slow client has the time that it takes, as long as some of it leaves.
"""

from collections.abc import Callable

from relay.engine import Deadlines, Loop, Tcp

LINGER = 2.0
"""Seconds in which a client that was given all of the answer may still take it and close. RFC 1928 section 6 allows
10. As often it is looked whether one that was not takes any."""
MOST_IDLE = 5
"""Looks in a row at which such a client had taken nothing, and then it is reset."""


class Closing:
    """Sockets that have been given their last bytes."""

    def __init__(self, loop: Loop) -> None:
        self._deadlines: Deadlines[ClosingClient] = Deadlines(loop, LINGER, ClosingClient.look)

    def add(self, tcp: Tcp, on_gone: Callable[[], None]) -> "ClosingClient":
        """Send FIN behind what is queued, then call *on_gone* once: when the client closes, LINGER after it was given
        all of that, or when it takes none of it."""
        closing = ClosingClient(tcp, on_gone, self._deadlines)
        tcp.owner = closing
        tcp.finish()
        tcp.resume()
        return closing


class ClosingClient:
    """A `TcpOwner` that drops what it reads."""

    __slots__ = ("_deadline", "_deadlines", "_idle", "_on_gone", "_tcp", "_unsent")

    def __init__(self, tcp: Tcp, on_gone: Callable[[], None], deadlines: "Deadlines[ClosingClient]") -> None:
        self._tcp = tcp
        self._on_gone = on_gone
        self._deadlines = deadlines
        self._deadline = deadlines.add(self)
        self._unsent = tcp.unsent
        self._idle = 0

    def on_bytes(self, data: memoryview) -> None:
        """Too late."""

    def on_eof(self) -> None:
        """`on_closed` follows, since our FIN is out or on its way."""

    def on_writable(self) -> None:
        """The answer is with the kernel."""

    def on_closed(self, error: OSError | None) -> None:
        """It has closed, or vanished."""
        self._deadline.done()
        self._on_gone()

    def look(self) -> None:
        """LINGER has passed, once more: some of the answer may have waited here all the time."""
        unsent, self._unsent = self._unsent, self._tcp.unsent
        self._idle = 0 if self._unsent < unsent else self._idle + 1
        if unsent and self._idle < MOST_IDLE and not self._tcp.closed:
            self._deadline = self._deadlines.add(self)
        else:
            self.expire()

    def expire(self) -> None:
        """Wait no longer; harmless when it is gone."""
        if not self._tcp.closed:
            self._tcp.close()
            self._on_gone()
