"""Any pieces, in any order, with any overlaps, give the bytes once and in order, in bounded memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.session.receiver import PIECE, PIECE_COST, RANGE_SIZE, RANGES, Receiver
from relay.wire.errors import ProtocolError

WHOLE = bytes(range(200))


def feed(receiver: Receiver, start: int, stop: int) -> bytes:
    """One piece; what is in order now."""
    got = receiver.receive(start, memoryview(WHOLE)[start:stop])
    news = b"" if got is None else bytes(got)
    while got is not None and (got := receiver.next_early()) is not None:
        news += got
    return news


def runs(offsets: set[int]) -> int:
    """How many runs without a gap."""
    return sum(at - 1 not in offsets for at in offsets)


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
        apart = runs(here - set(range(len(got))))
        assert (receiver.early, receiver.ranges) == (len(here) - len(got), apart)
        assert receiver.early <= receiver.held <= receiver.early + PIECE_COST * apart
        assert receiver.kept == len(got) + receiver.held


@given(st.permutations([(at, min(at + 13, 200)) for at in range(0, 200, 10)]))
def test_every_order_of_overlapping_pieces_ends_whole(pieces: list[tuple[int, int]]) -> None:
    receiver = Receiver(200)
    assert b"".join(feed(receiver, *piece) for piece in pieces) == WHOLE
    assert receiver.held == 0


def test_c2_bytes_apart_from_each_other_are_bounded() -> None:
    """10,000 frames of one byte, every other byte of the stream: each takes a search, and not many are taken."""
    receiver = Receiver(1 << 20)
    most = RANGES + (1 << 20) // RANGE_SIZE
    for at in range(most):
        receiver.receive(1 + 2 * at, memoryview(b"x"))
    before = receiver.kept
    with pytest.raises(ProtocolError, match=f"{most + 1} ranges"):
        receiver.receive(1 + 2 * most, memoryview(b"x"))
    assert receiver.kept == before == most * (1 + PIECE_COST)
    receiver.receive(2, memoryview(b"x"))  # it makes one of two
    receiver.receive(1 + 2 * most, memoryview(b"x"))
    assert receiver.ranges == most


@pytest.mark.parametrize("order", [1, -1])
def test_c2_neighbours_are_joined_whichever_came_first(order: int) -> None:
    size = 20 * PIECE
    data = bytes(range(256)) * (size // 256)
    receiver = Receiver(size)
    for at in range(1, size)[::order]:
        assert receiver.receive(at, memoryview(data)[at : at + 1]) is None
    assert receiver.ranges == 1
    assert receiver.held <= size + PIECE_COST * 2 * (size // PIECE + 1)
    whole = bytearray(receiver.receive(0, memoryview(data)[:1]) or b"")
    while (more := receiver.next_early()) is not None:
        whole += more
    assert whole == data
    assert (receiver.held, receiver.ranges) == (0, 0)


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
    assert receiver.clear() == 30 + PIECE_COST
    assert receiver.clear() == receiver.kept == receiver.held == 0
