"""A paced transfer: whole, or what is wrong with it is seen."""

import contextlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.survive.pieces import Checker, WrongBytes, piece

SIZE = 50


def transfer(pieces: int) -> bytes:
    whole = [piece(number, SIZE) for number in range(pieces - 1)]
    return b"".join([*whole, piece(pieces - 1, SIZE, is_last=True)])


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@given(st.integers(1, 8), st.lists(st.integers(0, 10_000)))
def test_a_transfer_is_whole_however_it_is_cut(pieces: int, places: list[int]) -> None:
    checker = Checker(SIZE)
    for part in cut(transfer(pieces), places):
        assert not checker.is_whole or not part
        checker.add(part)
    assert checker.is_whole
    assert checker.pieces == pieces


@given(st.integers(2, 8), st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_byte_is_seen(pieces: int, place: int, change: int) -> None:
    data = bytearray(transfer(pieces))
    place %= len(data)
    data[place] ^= change
    checker = Checker(SIZE)
    with contextlib.suppress(WrongBytes):
        checker.add(data)
        assert place == (pieces - 1) * SIZE  # the mark of the last piece: the bytes are right, and the end is missing
    assert not checker.is_whole or checker.pieces < pieces


@given(st.integers(3, 8), st.data())
def test_a_lost_or_doubled_piece_is_seen(pieces: int, data: st.DataObject) -> None:
    whole = [piece(number, SIZE) for number in range(pieces)]
    number = data.draw(st.integers(0, pieces - 2))
    for wrong in ([*whole[:number], *whole[number + 1 :]], [*whole[: number + 1], *whole[number:]]):
        with pytest.raises(WrongBytes):
            Checker(SIZE).add(b"".join(wrong))


def test_bytes_behind_the_last_piece_are_wrong() -> None:
    with pytest.raises(WrongBytes, match="behind"):
        Checker(SIZE).add(transfer(2) + b"x")


def test_a_transfer_without_its_last_piece_is_not_whole() -> None:
    checker = Checker(SIZE)
    checker.add(transfer(3)[:-1])
    assert not checker.is_whole
    assert checker.pieces == 2
