"""A client whose bytes pass untouched: a Binding that also tells the choice what became of the stream."""

from collections.abc import Callable

from ingress.client.client_stream import ClientStream
from relay.carrier.binding import Binding
from relay.engine import Tcp
from relay.model.cause import Cause
from relay.session.initiator import InitiatorStream


class Tunnel(Binding):
    """The sink and socket owner of one transparent stream. *on_over* is called once, when both its sides are done."""

    __slots__ = ("_client_stream", "_on_over")

    def __init__(self, client_stream: ClientStream, stream: InitiatorStream, on_over: Callable[[], None]) -> None:
        super().__init__(stream, Cause.CLIENT_RESET, self._over)
        self._client_stream = client_stream
        self._on_over = on_over

    # ---- what an allowance holds back

    def on_bytes(self, data: memoryview) -> None:
        """As `Binding.on_bytes`; the next waits until this was granted."""
        pace = self._client_stream.pace
        if pace is not None:
            pace.took(len(data))
        super().on_bytes(data)

    def _read_on(self, tcp: Tcp, room: int) -> None:
        pace = self._client_stream.pace
        super()._read_on(tcp, room if pace is None else min(room, pace.most))

    def on_room(self) -> None:
        """As `Binding.on_room`."""
        pace = self._client_stream.pace
        if pace is None:
            super().on_room()
        elif self.tcp is not None and pace.most:
            self.tcp.read_at_most(max(min(self.stream.room, pace.most), 1))
            self.tcp.resume()

    def on_may_read(self) -> None:
        """As `PacedSink.on_may_read`."""
        if not self.stream.must_wait():
            self.on_room()

    def on_data(self, data: memoryview) -> None:
        """As `Binding.on_data`."""
        pace = self._client_stream.pace
        if pace is None or self.tcp is None:
            super().on_data(data)
        else:
            pace.pass_on(data)

    def deliver(self, data: memoryview) -> None:
        """As `PacedSink.deliver`."""
        if self.tcp is not None:
            self.tcp.write(data)
            self._consume()

    def _consume(self) -> None:
        pace, receiver = self._client_stream.pace, self.stream.receiver
        if pace is None or not pace.held:
            super()._consume()
        elif self.tcp is not None and not self.tcp.unsent:
            upto = receiver.received - len(pace.held)
            if upto > receiver.consumed:
                self.stream.consume(upto)

    def on_fin(self) -> None:
        """As `Binding.on_fin`: behind what is held."""
        pace = self._client_stream.pace
        if pace is not None and pace.held:
            pace.fin_waits = True
        else:
            super().on_fin()

    def on_all_delivered(self) -> None:
        """As `PacedSink.on_all_delivered`."""
        pace = self._client_stream.pace
        if pace is not None and pace.fin_waits:
            pace.fin_waits = False
            super().on_fin()

    # ---- what becomes of it

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
