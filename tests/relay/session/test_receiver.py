"""Any pieces, in any order, with any overlaps, give the bytes once and in order, in bounded memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.session.receiver import Receiver
from relay.wire.errors import ProtocolError

WHOLE = bytes(range(200))


def feed(receiver: Receiver, start: int, stop: int) -> bytes:
    """One piece; what is in order now."""
    got = receiver.receive(start, memoryview(WHOLE)[start:stop])
    news = b"" if got is None else bytes(got)
    while got is not None and (got := receiver.next_early()) is not None:
        news += got
    return news


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200))), st.integers(0, 200))
def test_any_pieces_give_the_bytes_once_and_in_order(pieces: list[tuple[int, int]], limit: int) -> None:
    receiver, got, here = Receiver(limit), b"", set()
    for start, stop in (sorted(piece) for piece in pieces):
        if stop > limit:
            with pytest.raises(ProtocolError):
                feed(receiver, start, stop)
            continue
        got += feed(receiver, start, stop)
        here |= set(range(start, stop))
        assert got == WHOLE[: len(got)] and receiver.received == len(got)
        assert len(got) == next(at for at in range(201) if at not in here)
        assert receiver.held == len(here) - len(got)
        assert receiver.kept == len(here)


@given(st.permutations([(at, min(at + 13, 200)) for at in range(0, 200, 10)]))
def test_every_order_of_overlapping_pieces_ends_whole(pieces: list[tuple[int, int]]) -> None:
    receiver = Receiver(200)
    assert b"".join(feed(receiver, *piece) for piece in pieces) == WHOLE
    assert receiver.held == 0


def test_early_bytes_are_kept_when_their_buffer_is_reused() -> None:
    receiver, buffer = Receiver(100), bytearray(b"second")
    assert receiver.receive(5, memoryview(buffer)) is None
    buffer[:] = b"xxxxxx"
    assert receiver.receive(0, memoryview(b"first")) == b"first"
    assert receiver.next_early() == b"second" and receiver.next_early() is None


def test_a_fin_counts_as_one_once_it_is_reached() -> None:
    receiver = Receiver(100)
    feed(receiver, 10, 20)
    receiver.finish(20)
    assert (receiver.is_complete, receiver.acknowledged) == (False, 0)
    receiver.finish(20)
    feed(receiver, 0, 10)
    assert (receiver.is_complete, receiver.acknowledged) == (True, 21)
    assert feed(receiver, 5, 20) == b""


def test_a_stream_may_end_before_it_began() -> None:
    receiver = Receiver(0)
    receiver.finish(0)
    assert receiver.is_complete and receiver.acknowledged == 1


@pytest.mark.parametrize(
    ("pieces", "fins"),
    [
        ([(0, 10)], [9]),
        ([(20, 30)], [29]),
        ([(0, 10)], [10, 11]),
        ([], [5, 4]),
        ([], [101]),  # beyond the limit
    ],
)
def test_a_fin_that_contradicts_is_a_protocol_error(pieces: list[tuple[int, int]], fins: list[int]) -> None:
    receiver = Receiver(100)
    for piece in pieces:
        feed(receiver, *piece)
    for fin in fins[:-1]:
        receiver.finish(fin)
    with pytest.raises(ProtocolError):
        receiver.finish(fins[-1])


def test_bytes_behind_a_fin_are_a_protocol_error_and_not_taken() -> None:
    receiver = Receiver(100)
    receiver.finish(10)
    with pytest.raises(ProtocolError, match="FIN"):
        feed(receiver, 5, 11)
    assert (receiver.received, receiver.held) == (0, 0)


def test_shedding_tells_what_was_kept() -> None:
    receiver = Receiver(100)
    feed(receiver, 0, 30)
    feed(receiver, 50, 60)
    receiver.consumed = 10
    assert receiver.clear() == 30
    assert receiver.clear() == receiver.kept == receiver.held == 0
