"""What a test knows of streams that anything may happen to, and what it can say of them."""

import random

from relay.session.initiator import InitiatorStream
from relay.session.stream import Stream
from tests.relay.session.pair import RecordingSink

_BLOB = random.Random(7).randbytes(65521) * 3


def content(flow: int, end: int, start: int, size: int) -> bytes:
    """What *end* writes on a stream; every offset of every stream looks different."""
    at = (flow * 7919 + end * 3571 + start) % 65521
    return _BLOB[at : at + size]


def content_of(flow: "Flow") -> bytes:
    """All that the ingress has written on it."""
    written = flow.written[0]
    pieces = (content(flow.stream.id, 0, at, min(written - at, 65521)) for at in range(0, written, 65521))
    return b"".join(pieces)


class Flow:
    """What the test knows of one stream."""

    def __init__(self, stream: InitiatorStream) -> None:
        self.stream = stream
        self.written = [0, 0]
        self.is_finished = [False, False]
        self.was_reset = [False, False]
        self.was_cut = [False, False]
        """Reset behind what was written: the other end gets that first."""
        self.was_forgotten = False
        self.was_withdrawn = False
        """The exit let go of it for another one: nobody was connected."""
        self.checked = [0, 0]


def is_over(flow: Flow, end: int, sink: RecordingSink) -> bool:
    """Whether both directions ended cleanly, as far as this end's client or target can see."""
    return sink.fins > 0 and flow.is_finished[end]


def held_by(stream: Stream) -> int:
    """What the memory must count of a stream beyond its start: what is kept for sending, and what may still come."""
    receiver = stream.receiver
    early = len(stream._early) if isinstance(stream, InitiatorStream) else 0
    promised = max(receiver.limit - receiver.consumed - stream.start, 0) + receiver.held - receiver.early
    return stream.sender.kept + early + (promised if stream.start else 0)
