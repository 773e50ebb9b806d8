"""Resets of a peer that contradicts itself: an error of the protocol, or an end that is told once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.model.cause import Cause
from relay.session.initiator import InitiatorStream
from relay.session.session import EXPIRY, RESET_PATIENCE
from relay.session.stream import Stream
from relay.session.window import INITIAL_WINDOW
from relay.wire import bodies
from relay.wire.errors import ProtocolError
from relay.wire.frames import Kind, data_header
from tests.relay.session.pair import SessionPair
from tests.relay.session.reset_ends import BYTES, ENDS, OURS, Ends

"""More than a window."""


# ---- a peer that contradicts itself


@pytest.mark.parametrize(
    ("before", "offset"),
    [
        ([], INITIAL_WINDOW + 2),
        ([(Kind.DATA, 0)], len(BYTES) - 1),
        ([(Kind.DATA, 5)], len(BYTES) + 4),
        ([(Kind.RESET, 2000)], 2001),
        ([(Kind.FIN, 2000)], 2000),
        ([(Kind.FIN, 2000)], 2002),
    ],
)
@ENDS
def test_a1_a_reset_that_contradicts_what_came_before_is_an_error(
    end: int, before: list[tuple[Kind, int]], offset: int
) -> None:
    ends = Ends(end)
    for kind, at in before:
        say(ends.far, kind, at)
    with pytest.raises(ProtocolError, match="a RESET that contradicts"):
        ends.far.receive_reset(offset, ends.cause)
    assert ends.sink.cause is None


@ENDS
def test_a1_nothing_may_follow_a_reset(end: int) -> None:
    ends = Ends(end)
    ends.far.receive_reset(2000, ends.cause)
    with pytest.raises(ProtocolError, match="bytes behind a FIN or RESET"):
        ends.far.receive(1990, memoryview(b"x" * 11))
    for at in (1998, 2000):
        with pytest.raises(ProtocolError, match="a FIN that contradicts the RESET"):
            ends.far.receive_fin(at)
    ends.far.receive_fin(1999)
    with pytest.raises(ProtocolError, match="bytes behind a FIN or RESET"):
        ends.far.receive(1990, memoryview(b"x" * 10))


def say(stream: Stream, kind: Kind, offset: int) -> None:
    if kind is Kind.DATA:
        stream.receive(offset, memoryview(BYTES))
    elif kind is Kind.FIN:
        stream.receive_fin(offset)
    else:
        stream.receive_reset(offset, Cause.TARGET_RESET)


@given(frames=st.lists(st.tuples(st.sampled_from([Kind.DATA, Kind.FIN, Kind.RESET, Kind.ACK]), st.integers(0, 3000))))
def test_a1_any_frames_end_it_once_or_break_the_protocol(frames: list[tuple[Kind, int]]) -> None:
    """What a sink hears never goes on after an end (RecordingSink asserts it), and nothing is kept of it."""
    pair = SessionPair(announced=(OURS, OURS))
    stream = pair.open(0)
    pair.run()
    end = pair.end(0)
    for kind, at in frames:
        frame = {
            Kind.DATA: lambda at=at: b"".join((data(stream, at), BYTES)),
            Kind.FIN: lambda at=at: bodies.fin(stream.id, at),
            Kind.RESET: lambda at=at: bodies.reset(stream.id, Cause.TARGET_RESET, at),
            Kind.ACK: lambda at=at: bodies.ack(stream.id, at, at),
        }[kind]()
        try:
            end.receive(memoryview(frame), pair.now)
        except ProtocolError:
            pair.kill(0)
            break
    pair.advance(RESET_PATIENCE + EXPIRY)
    assert pair.ingress.memory.used == 0 or pair.ingress.streams


def data(stream: InitiatorStream, at: int) -> bytes:
    return data_header(stream.id, at, len(BYTES))
