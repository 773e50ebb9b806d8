"""A client whose bytes pass untouched: a Binding that also tells the choice what became of the stream."""

from collections.abc import Callable

from ingress.client.client_stream import ClientStream
from relay.carrier.binding import Binding
from relay.model.cause import Cause
from relay.session.initiator import InitiatorStream


class Tunnel(Binding):
    """The sink and socket owner of one transparent stream. *on_over* is called once, when both its sides are done."""

    __slots__ = ("_client_stream", "_on_over")

    def __init__(self, client_stream: ClientStream, stream: InitiatorStream, on_over: Callable[[], None]) -> None:
        super().__init__(stream, Cause.CLIENT_RESET, self._over)
        self._client_stream = client_stream
        self._on_over = on_over

    def on_connected(self, took: float) -> None:
        """An exit has connected; the client was told so before."""
        self._client_stream.note_connected(took)

    def on_reset(self, cause: Cause) -> None:
        """The stream is gone; another exit may go on with it, if nothing has travelled."""
        old = self._client_stream.stream
        if old is not None and self._client_stream.take_up_again(old, cause):
            self._go_on()
        else:
            super().on_reset(cause)

    def _go_on(self) -> None:
        """Another exit has taken the stream."""
        stream = self._client_stream.stream
        assert stream is not None
        self.stream = stream
        self.stream.bind(self)
        if self.tcp is not None and self.stream.room:
            self.tcp.resume()

    def _over(self, _: Binding, cause: Cause | None) -> None:
        if cause is not None:
            self._client_stream.note_end(cause)
        self._on_over()
