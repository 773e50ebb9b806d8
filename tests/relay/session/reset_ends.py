"""Two ends of which one resets behind what it wrote."""

import pytest

from relay.model.cause import Cause
from relay.session.stream import Stream
from relay.wire.codes import Feature
from tests.relay.session.pair import EXIT, INGRESS, SessionPair

OURS = Feature.RESET_IN_ORDER
BYTES = bytes(range(251)) * 4


MANY = BYTES * 600
"""More than a window."""


ENDS = pytest.mark.parametrize("end", [INGRESS, EXIT], ids=["the client", "the target"])
CAUSES = (Cause.CLIENT_RESET, Cause.TARGET_RESET)


class Ends:
    """A connected stream, seen from the end that resets: `near` there, `far` and its sink opposite."""

    def __init__(self, end: int, carriers: int = 2, features: Feature = OURS) -> None:
        self.pair = SessionPair(carriers, announced=(features, features))
        self.end, self.cause = end, CAUSES[end]
        self.stream = self.pair.open(0)
        self.pair.run()
        both: tuple[Stream, Stream] = (self.stream, self.pair.at_exit(self.stream))
        self.near, self.far = both[end], both[1 - end]
        self.sink = self.pair.sinks[1 - end][self.stream.id]
        self.own_sink = self.pair.sinks[end][self.stream.id]
        self.towards = 1 - end

    def deliver(self, carrier: int = 0, most: int = 1 << 30) -> int:
        return self.pair.deliver(carrier, most, towards=self.towards)

    def assert_told(self, data: bytes, fins: int = 0) -> None:
        """The far end got all of *data* and then the reset; the near end nothing; nobody knows it any more."""
        assert self.sink.data == data and self.sink.fins == fins and self.sink.cause is self.cause
        assert self.own_sink.cause is None
        self.pair.assert_forgotten()
