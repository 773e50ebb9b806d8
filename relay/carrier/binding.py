"""Joins one socket to one stream, both ways: backpressure, half-close, reset. The same at the ingress and at the exit.

The socket may come later than the stream's first bytes (an exit is still dialling): they are kept, unconsumed, so
that the window bounds them. When the binding is done it says so once, and neither side calls it again.
"""

from collections.abc import Callable

from relay.callbacks import ignore
from relay.engine import Tcp, sockopts
from relay.engine.loop import READ_BUDGET
from relay.model.cause import Cause
from relay.session.carrier import BULK_QUANTUM
from relay.session.sink import CLOSED
from relay.session.stream import Stream

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
        """The socket, once it is there."""
        self._cause = cause
        self._on_done = on_done
        self._held = bytearray()
        self._fin_held = False
        self._is_done = False

    def attach(self, tcp: Tcp) -> None:
        """The socket is there: what was kept goes to it first."""
        self.tcp = tcp
        held, self._held = self._held, bytearray()
        if held:
            tcp.write(memoryview(held))
        self._read_on(tcp, self.stream.room)
        if self._fin_held:
            self._finish(tcp)
        self._consume()

    # ---- from the socket

    def on_bytes(self, data: memoryview) -> None:
        """The socket has brought *data*: it goes to the stream, and the socket rests while the stream is full."""
        room = READ_BUDGET
        if len(data) <= PIECE:
            room = self.stream.write(data)
        else:
            for start in range(0, len(data), PIECE):
                room = self.stream.write(data[start : start + PIECE])
        if self.tcp is not None:
            self._read_on(self.tcp, room)

    def _read_on(self, tcp: Tcp, room: int) -> None:
        """Have *tcp* read what the stream has room for, or rest: what is read is kept, whoever promised what."""
        if room:
            tcp.read_at_most(room)
        else:
            tcp.pause()

    def on_eof(self) -> None:
        """The socket will bring no more; it may still take some."""
        self.stream.finish()

    def on_writable(self) -> None:
        """The socket has taken all that it was owed: the peer may send as much again."""
        self._consume()

    def on_closed(self, error: OSError | None) -> None:
        """The socket has ended in both directions (None), or died under us: then the stream is reset, behind what the
        socket brought. Or it was cut because the stream was reset, and has had what came before."""
        if error is None:
            self.close(None)
        elif not self._is_done:
            self.stream.reset(self._cause)
            self.close(self._cause)

    # ---- from the session

    def on_data(self, data: memoryview) -> None:
        """Bytes for the socket. They count as consumed once the kernel has all that the socket is owed."""
        tcp = self.tcp
        if tcp is None:
            self._held += data
            return
        tcp.write(data)
        if not tcp.unsent:
            self.stream.consume(self.stream.receiver.received)

    def backlog(self) -> int:
        """What the kernel has not sent of what the socket was given."""
        return 0 if self.tcp is None else self.tcp.backlog

    def on_fin(self) -> None:
        """The socket gets a FIN behind the last byte; without a socket yet, as soon as it is there."""
        self._fin_held = True
        if self.tcp is not None:
            self._finish(self.tcp)

    def on_connected(self, took: float) -> None:
        """Nothing to do once bytes flow."""

    def on_room(self) -> None:
        """The stream takes more: the socket is read again."""
        if self.tcp is not None:
            self.tcp.read_at_most(max(self.stream.room, 1))
            self.tcp.resume()

    def on_reset(self, cause: Cause) -> None:
        """The stream is gone: the socket is reset behind what the kernel has been given, so that nobody takes that for
        the whole. What is still queued for it has had its time, or comes before a reset that is to be at once."""
        self._cause = cause
        if self.tcp is not None and not self.tcp.unsent:
            self.tcp.cut()
            return
        if self.tcp is not None:
            self.tcp.reset()
        self.close(cause)

    # ---- ends

    def _finish(self, tcp: Tcp) -> None:
        tcp.finish()
        if tcp.unsent:
            sockopts.user_timeout(tcp.sock, TAIL_IDLE)

    def _consume(self) -> None:
        receiver = self.stream.receiver
        if receiver.received > receiver.consumed and self.tcp is not None and not self.tcp.unsent:
            self.stream.consume(receiver.received)

    def close(self, cause: Cause | None) -> None:
        """Neither side is served any longer: `on_done` hears *cause*, the first that is given. The socket and the
        stream are the caller's to end; what was kept for the socket is dropped. Harmless when repeated."""
        if not self._is_done:
            self._is_done = True
            self._held = bytearray()
            self.stream.bind(CLOSED)
            on_done, self._on_done = self._on_done, ignore  # the owner may be this object: no cycle is left
            on_done(self, cause)
