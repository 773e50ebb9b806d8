"""What an initiator's stream keeps for another exit, while no target has had it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.model.cause import Cause
from relay.session.initiator import LEAST_EARLY, MOST_EARLY, InitiatorStream
from tests.relay.session.pair import PLENTY, SessionPair


def opened(memory: int = PLENTY) -> tuple[SessionPair, InitiatorStream]:
    pair = SessionPair(memory=(memory, PLENTY))
    pair.connects_at_once = False
    return pair, pair.open(0)


def refused(pair: SessionPair, stream: InitiatorStream) -> bytes | None:
    pair.at_exit(stream).reset(Cause.NO_ROUTE)
    pair.run()
    assert stream.is_over
    return stream.withdrawn


@given(st.lists(st.binary(min_size=1, max_size=3000), max_size=8), st.integers(0, 8))
def test_f2_all_that_was_acknowledged_before_the_connect_is_kept(writes: list[bytes], acknowledged: int) -> None:
    pair, stream = opened()
    for count, data in enumerate(writes):
        stream.write(data)
        if count < acknowledged:
            pair.run()
            pair.advance(0.1)
    whole = b"".join(writes)
    pair.run()
    if stream.sender.acked <= MOST_EARLY:
        assert refused(pair, stream) == whole
    else:
        assert refused(pair, stream) is None


def test_f2_a_finished_stream_is_kept_whole() -> None:
    pair, stream = opened()
    stream.write(b"all of it")
    stream.finish()
    pair.run()
    pair.advance(0.1)
    assert stream.sender.is_complete
    assert refused(pair, stream) == b"all of it"


@pytest.mark.parametrize("size", [MOST_EARLY, MOST_EARLY + 1])
def test_f2_more_than_a_first_flight_is_not_kept(size: int) -> None:
    pair, stream = opened()
    stream.write(bytes(size))
    pair.run()
    pair.advance(0.1)
    assert stream.sender.acked == size
    kept = refused(pair, stream)
    assert kept == (bytes(size) if size == MOST_EARLY else None)


@pytest.mark.parametrize("size", [LEAST_EARLY, LEAST_EARLY + 1])
def test_f1_less_is_kept_while_memory_is_short(size: int) -> None:
    pair, stream = opened(memory=1 << 20)
    pair.ingress.memory.used += pair.ingress.memory.short_at + 1
    stream.write(bytes(size))
    pair.run()
    pair.advance(0.1)
    assert stream.sender.acked == size
    kept = refused(pair, stream)
    assert kept == (bytes(size) if size == LEAST_EARLY else None)


def test_f2_nothing_is_kept_once_a_target_may_have_it() -> None:
    pair, stream = opened()
    stream.write(b"hello")
    pair.run()
    pair.at_exit(stream).connected(0.02, pair.now)
    pair.run()
    pair.at_exit(stream).reset(Cause.TARGET_RESET)
    pair.run()
    assert stream.withdrawn is None
