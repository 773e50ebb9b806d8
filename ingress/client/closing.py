"""Closes a client behind its last answer: FIN, then what it still sends is read and dropped for a moment.

Closing a socket with unread bytes resets it, and the reset can overtake the answer.
"""

from collections.abc import Callable

from relay.engine import Deadlines, Loop, Tcp

LINGER = 2.0
"""Seconds in which a client may still take the answer and close. RFC 1928 section 6 allows 10."""


class Closing:
    """Sockets that have been given their last bytes."""

    def __init__(self, loop: Loop) -> None:
        self._deadlines: Deadlines[ClosingClient] = Deadlines(loop, LINGER, ClosingClient.expire)

    def add(self, tcp: Tcp, on_gone: Callable[[], None]) -> "ClosingClient":
        """Send FIN behind what is queued, then call *on_gone* once: when the client closes, or after LINGER."""
        closing = ClosingClient(tcp, on_gone, self._deadlines)
        tcp.owner = closing
        tcp.finish()
        tcp.resume()
        return closing


class ClosingClient:
    """A `TcpOwner` that drops what it reads."""

    __slots__ = ("_deadline", "_on_gone", "_tcp")

    def __init__(self, tcp: Tcp, on_gone: Callable[[], None], deadlines: "Deadlines[ClosingClient]") -> None:
        self._tcp = tcp
        self._on_gone = on_gone
        self._deadline = deadlines.add(self)

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

    def expire(self) -> None:
        """Wait no longer; harmless when it is gone."""
        if not self._tcp.closed:
            self._tcp.close()
            self._on_gone()
