"""A client whose bytes pass untouched: a Binding that also tells the choice what became of the stream."""

from typing import TYPE_CHECKING

from relay.carrier.binding import Binding
from relay.model.cause import Cause
from relay.session.initiator import InitiatorStream

if TYPE_CHECKING:
    from ingress.client.client import Client
    from ingress.client.client_stream import Opening


class Tunnel(Binding):
    """The sink and socket owner of one transparent stream."""

    __slots__ = ("_opening",)

    def __init__(self, opening: "Opening", client: "Client") -> None:
        assert opening.stream is not None
        super().__init__(opening.stream, Cause.CLIENT_RESET, self._over)
        self._opening = opening

    def on_connected(self, took: float) -> None:
        self._opening.front.connected(self._opening, took)

    def on_reset(self, cause: Cause) -> None:
        opening, old = self._opening, self._opening.stream
        opening.note_failure(cause)
        if old is not None and opening.may_reopen(old, cause) and opening.front.reopen(opening, old):
            self._go_on(opening.stream)
        else:
            super().on_reset(cause)

    def _go_on(self, stream: InitiatorStream | None) -> None:
        """Another exit has taken the stream."""
        assert stream is not None
        self.stream = stream
        self.stream.sink = self
        if self.tcp is not None and self.stream.may_write:
            self.tcp.resume()

    def _over(self, _: Binding, cause: Cause | None) -> None:
        opening = self._opening
        if opening.stream is not None and cause is not None:
            opening.front.ended(opening, opening.stream, cause)
        opening.client.upstream = None
        opening.front.gone(opening.client)
