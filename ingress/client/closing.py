"""Closes a client behind its last answer: FIN, then what it still sends is read and dropped for a moment.

Closing a socket with unread bytes resets it, and the reset can overtake the answer.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from relay.engine import Deadline, Deadlines, Loop

if TYPE_CHECKING:
    from ingress.client.client import Client

LINGER = 2.0
"""Seconds in which a client may still take the answer and close. RFC 1928 section 6 allows 10."""


class Linger:
    """Clients that were told their last."""

    def __init__(self, loop: Loop, on_gone: "Callable[[Client], None]") -> None:
        self._on_gone = on_gone
        self._deadlines: Deadlines[_Leaving] = Deadlines(loop, LINGER, _Leaving.expire)

    def add(self, client: "Client") -> None:
        """Send FIN behind what is queued; the client is gone when it closes, or after LINGER."""
        leaving = _Leaving(client, self._on_gone)
        leaving.deadline = self._deadlines.add(leaving)
        client.tcp.owner = leaving
        client.tcp.finish()
        client.tcp.resume()


class _Leaving:
    """A `TcpOwner` that drops what it reads."""

    __slots__ = ("_client", "_on_gone", "deadline")

    def __init__(self, client: "Client", on_gone: "Callable[[Client], None]") -> None:
        self._client = client
        self._on_gone = on_gone
        self.deadline: Deadline[_Leaving]

    def on_bytes(self, data: memoryview) -> None:
        """Too late."""

    def on_eof(self) -> None:
        """`on_closed` follows, since our FIN is out or on its way."""

    def on_writable(self) -> None:
        """The answer is with the kernel."""

    def on_closed(self, error: OSError | None) -> None:
        self.deadline.done()
        self._on_gone(self._client)

    def expire(self) -> None:
        if not self._client.tcp.closed:
            self._client.tcp.close()
            self._on_gone(self._client)
