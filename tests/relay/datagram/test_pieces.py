"""Split and joined: the same again, whatever the order; and no more is held than may be."""

import random

from hypothesis import given
from hypothesis import strategies as st

from relay.datagram.pieces import MOST_HELD, PATIENCE, Joiner, split
from relay.wire.datagrams import COPY, DATA, KIND, LARGEST, MOST_PIECES, PART, parse_inner

ADDRESS = b"\x01\x7f\x00\x00\x01\x00\x35"


@given(size=st.integers(2, 70_000), room=st.integers(1, 9000), seed=st.integers(0, 99), order=st.integers(0, 2**32 - 1))
def test_pieces_are_joined(size: int, room: int, seed: int, order: int) -> None:
    payload = random.Random(seed).randbytes(size)
    pieces = split((DATA | COPY, 3, 77, order), ADDRESS, payload, room)
    count = -(-size // room)
    assert len(pieces) == (count if 1 < count <= MOST_PIECES else 0)
    heads = [parse_inner(piece) for piece in pieces]
    assert heads == [(PART | COPY, 3, 77, (order + index) % 2**32) for index in range(len(pieces))]
    random.Random(seed).shuffle(pieces)
    joiner = Joiner()
    found = [joiner.join(piece, 0.0) for piece in pieces]
    if pieces and size <= LARGEST:
        assert found[-1] == (ADDRESS, payload)
        assert found[:-1] == [None] * (len(pieces) - 1)
        assert joiner.held == 0


def test_what_is_not_whole_is_forgotten() -> None:
    joiner = Joiner()
    first, second = split((DATA, 1, 1, 1), ADDRESS, bytes(100), 50)
    assert joiner.join(first, 0.0) is None
    assert joiner.held == 50
    assert joiner.join(second, PATIENCE + 0.1) is None
    assert joiner.given_up == 1
    assert joiner.join(first, PATIENCE + 0.2) == (ADDRESS, bytes(100))


@given(st.lists(st.binary(max_size=40), max_size=30))
def test_any_bytes_are_a_piece_or_none(garbage: list[bytes]) -> None:
    joiner = Joiner()
    for inner in garbage:
        joiner.join(inner, 0.0)


def test_memory_is_bounded() -> None:
    joiner = Joiner()
    for order in range(0, 1000, 10):
        piece = split((DATA, 1, 1, order), ADDRESS, bytes(60_000), 30_000)[0]
        assert joiner.join(piece, 0.0) is None
        assert joiner.held <= MOST_HELD
    assert joiner.given_up == 100 - MOST_HELD // 30_000


def test_more_than_a_datagram_is_given_up() -> None:
    joiner = Joiner()
    assert all(joiner.join(piece, 0.0) is None for piece in split((DATA, 1, 1, 5), ADDRESS, bytes(LARGEST + 1), 60_000))
    assert (joiner.given_up, joiner.held) == (1, 0)
    assert KIND == 0x3F


def test_a_piece_that_comes_again_or_says_otherwise_is_dropped() -> None:
    first, last = split((DATA, 1, 7, 10), ADDRESS, b"abcd", 2)
    thirds = split((DATA, 1, 7, 10), ADDRESS, b"abcdef", 2)
    joiner = Joiner()
    assert joiner.join(first, 0.0) is None
    assert joiner.join(first, 0.0) is None
    assert joiner.join(thirds[1], 0.0) is None  # of three, where two belong
    assert joiner.held == 2
    assert joiner.join(last, 0.0) == (ADDRESS, b"abcd")
