"""How long a target takes to say its first byte, for a stream whose ingress has asked.

What an exit connects to may be a door next to it, and what answers may stand behind the ocean: only the answer tells.
Measured is the first exchange alone, from the last byte that the client said before it, or from the connect if that was
here earlier: the ServerHello of a TLS target, the answer to a plain request. Who speaks first answers nothing.
"""

from collections.abc import Callable

from relay.carrier.binding import Binding
from relay.engine import Loop, Tcp
from relay.model.cause import Cause
from relay.session.acceptor import AcceptorStream

MOST_SAID = 64 * 1024
"""Bytes beyond which what a client says first is an upload: how soon it is answered says how fast it went."""


class FirstExchange(Binding):
    """A `Binding` that tells the ingress, once. Each of its calls costs one more: it is made only where that was asked
    for."""

    __slots__ = ("_asker", "_loop", "_said_at")

    def __init__(
        self, loop: Loop, stream: AcceptorStream, cause: Cause, on_done: Callable[[Binding, Cause | None], None]
    ) -> None:
        super().__init__(stream, cause, on_done)
        self._loop = loop
        self._asker: AcceptorStream | None = stream
        """None once the target has spoken."""
        self._said_at: float | None = None

    def attach(self, tcp: Tcp) -> None:
        """As Binding; what was kept has been said now."""
        if self._held:
            self._said_at = self._loop.now
        super().attach(tcp)

    def on_data(self, data: memoryview) -> None:
        """As Binding; the client has said this, to a target that is there."""
        super().on_data(data)
        if self.tcp is not None:
            self._said_at = self._loop.now

    def on_bytes(self, data: memoryview) -> None:
        """As Binding; the first time the ingress is told."""
        asker, self._asker = self._asker, None
        if asker is not None and self._said_at is not None and asker.receiver.received <= MOST_SAID:
            asker.tell_first_byte(self._loop.now - self._said_at)
        super().on_bytes(data)
