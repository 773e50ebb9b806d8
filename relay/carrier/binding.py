"""Joins one socket to one stream, both ways: backpressure, half-close, reset. The same at the ingress and at the exit.

The socket may come later than the stream's first bytes (an exit is still dialling): they are kept, unconsumed, so
that the window bounds them. When the binding is done it says so once, and neither side calls it again.
"""

from collections.abc import Callable

from relay.engine import Tcp, sockopts
from relay.model.cause import Cause
from relay.session.carrier import BULK_QUANTUM
from relay.session.stream import NOBODY, Stream

PIECE = BULK_QUANTUM
"""Bytes kept in one piece, and sent in one frame. Small enough for malloc to use freed ones again (see
`relay.serve.process`): a piece that is mapped anew costs more in page faults than its copy."""
TAIL_IDLE = 300.0
"""Seconds for which a socket may take nothing of the last bytes it is owed. The session may be done with the stream by
then, so that nobody else would notice."""


class Binding:
    """A `TcpOwner` for the engine and a `Sink` for the session."""

    __slots__ = ("_cause", "_fin_held", "_held", "_is_done", "_on_done", "stream", "tcp")

    def __init__(self, stream: Stream, cause: Cause, on_done: Callable[["Binding", Cause | None], None]) -> None:
        """*cause* is what the peer is told when the socket dies. *on_done* hears None for a clean end."""
        self.stream = stream
        self.tcp: Tcp | None = None
        self._cause = cause
        self._on_done = on_done
        self._held: list[bytes] = []
        self._fin_held = False
        self._is_done = False

    def attach(self, tcp: Tcp) -> None:
        """The socket is there: what was kept goes to it first."""
        self.tcp = tcp
        held, self._held = self._held, []
        for data in held:
            tcp.write(data)
        if not self.stream.may_write:
            tcp.pause()
        self._consume()
        if self._fin_held:
            self._finish(tcp)

    # ---- from the socket

    def on_bytes(self, data: memoryview) -> None:
        stream = self.stream
        if len(data) <= PIECE:
            stream.write(data)
        else:
            for start in range(0, len(data), PIECE):
                stream.write(data[start : start + PIECE])
        if not stream.may_write and self.tcp is not None:
            self.tcp.pause()

    def on_eof(self) -> None:
        self.stream.finish()

    def on_writable(self) -> None:
        self._consume()

    def on_closed(self, error: OSError | None) -> None:
        """The socket has ended in both directions, or died under us."""
        if error is None:
            self.end(None)
        elif not self._is_done:
            self.stream.reset(self._cause)
            self.end(self._cause)

    # ---- from the session

    def on_data(self, data: memoryview) -> None:
        tcp = self.tcp
        if tcp is None:
            self._held.append(bytes(data))
            return
        tcp.write(data)
        if not tcp.unsent:
            self.stream.consume(self.stream.receiver.received)

    def on_fin(self) -> None:
        self._fin_held = True
        if self.tcp is not None:
            self._finish(self.tcp)

    def on_connected(self, took: float) -> None:
        """Nothing to do once bytes flow."""

    def on_room(self) -> None:
        if self.tcp is not None:
            self.tcp.resume()

    def on_reset(self, cause: Cause) -> None:
        if self.tcp is not None:
            self.tcp.reset()
        self.end(cause)

    # ---- ends

    def _finish(self, tcp: Tcp) -> None:
        tcp.finish()
        if tcp.unsent:
            sockopts.user_timeout(tcp.sock, TAIL_IDLE)

    def _consume(self) -> None:
        if self.tcp is not None and not self.tcp.unsent:
            self.stream.consume(self.stream.receiver.received)

    def end(self, cause: Cause | None) -> None:
        """Neither side is served any longer; the first call counts."""
        if not self._is_done:
            self._is_done = True
            self._held.clear()
            self.stream.sink = NOBODY
            on_done, self._on_done = self._on_done, _nobody_asks
            on_done(self, cause)


def _nobody_asks(_: Binding, cause: Cause | None) -> None:
    """What a binding that has ended keeps in place of its owner, who may be itself."""
