"""What stands at the near end of a stream: a client's or a target's socket, as the session sees it."""

from typing import Protocol

from relay.model.cause import Cause


class Sink(Protocol):
    """Whoever stands at this end of a stream. Calls come from inside `CarrierEnd.receive` (or `Session.close`) and must
    not raise: other streams share the carrier.

    Any of them may call the stream, also to reset it. After `on_reset`, after the sink's own reset, or when both
    directions have ended, no call comes any more. `on_connected` comes before any byte, and `on_fin` after the last.
    """

    def on_data(self, data: memoryview) -> None:
        """Bytes in order; the view dies with the call. Say `stream.consume` when they have left."""

    def backlog(self) -> int:
        """Bytes that count as consumed although they wait in the kernel still, unsent: whoever stands behind the socket
        does not read as fast as they come. Asked at most once for every acknowledgement."""

    def on_fin(self) -> None:
        """The peer's bytes have ended; ours may still go (a half-close, RFC 9293 section 3.6)."""

    def on_connected(self, took: float) -> None:
        """The exit has connected to the target in *took* seconds (never called at an exit)."""

    def on_room(self) -> None:
        """`may_write` is true again, after it was found false."""

    def on_reset(self, cause: Cause) -> None:
        """The stream is gone; bytes may be missing, so that nobody may take what came for the whole."""


class ClosedSink:
    """The sink of a stream that is over, or that nobody has taken yet. Everything it is told is dropped.

    With it in place a stream and the sink that it had make no cycle, and both are freed at once.
    """

    def on_data(self, data: memoryview) -> None:
        """Nobody reads."""

    def backlog(self) -> int:
        """Nothing waits."""
        return 0

    def on_fin(self) -> None:
        """Nobody reads."""

    def on_connected(self, took: float) -> None:
        """Nobody waits."""

    def on_room(self) -> None:
        """Nobody writes."""

    def on_reset(self, cause: Cause) -> None:
        """It is over already."""


CLOSED = ClosedSink()
"""One for all streams: it holds nothing."""
