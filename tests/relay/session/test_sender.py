"""What a sender gives to each carrier: new ranges, repairs, the FIN, and never what the peer already has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.session.sender import SMALL, Cursor, Range, Sender
from relay.wire.errors import ProtocolError
from relay.wire.frames import DATA_HEADER_SIZE, data_header

NUMBER = 7


def sender_of(*pieces: bytes, limit: int = 1 << 30, is_finished: bool = False) -> Sender:
    sender = Sender(NUMBER, limit)
    for piece in pieces:
        sender.write(piece)
    if is_finished:
        sender.finish()
    return sender


def cursor_at(position: int, *repairs: Range) -> Cursor:
    cursor = Cursor(position)
    cursor.repair(list(repairs))
    return cursor


def all_ranges(sender: Sender, cursor: Cursor, most: int = 100) -> list[Range]:
    """What the cursor's carrier is sent until it has nothing more; `has_more` must agree."""
    ranges: list[Range] = []
    while True:
        said = sender.has_more(cursor)
        span = sender.next_range(cursor, most)
        assert said or span is None
        if span is None:
            assert not sender.has_more(cursor)
            return ranges
        ranges.append(span)


@pytest.mark.parametrize(
    ("size", "limit", "acked", "is_finished", "cursor", "repairs", "ranges"),
    [
        (0, 1000, 0, False, 0, [], []),
        (0, 1000, 0, True, 0, [], [(0, 1)]),
        (50, 1000, 0, False, 0, [], [(0, 50)]),
        (250, 1000, 0, False, 0, [], [(0, 100), (100, 200), (200, 250)]),
        (250, 1000, 0, True, 200, [], [(200, 250), (250, 251)]),
        (250, 120, 0, True, 0, [], [(0, 100), (100, 120)]),  # the window is shut, before the FIN as well
        (250, 250, 0, True, 250, [], [(250, 251)]),  # a FIN needs no window
        (250, 1000, 230, False, 0, [], [(230, 250)]),  # acknowledged over another leg
        (250, 1000, 251, True, 0, [], []),
        (250, 1000, 0, True, 251, [(20, 30), (200, 251)], [(20, 30), (200, 250), (250, 251)]),
        (250, 1000, 0, False, 250, [(0, 150)], [(0, 100), (100, 150)]),
        (250, 1000, 25, False, 250, [(0, 20), (10, 40)], [(25, 40)]),
        (250, 1000, 251, True, 251, [(0, 250), (250, 251)], []),
        (250, 1000, 0, True, 251, [(250, 251)], [(250, 251)]),
        (250, 120, 120, False, 120, [(0, 50)], []),
    ],
)
def test_ranges(
    size: int, limit: int, acked: int, is_finished: bool, cursor: int, repairs: list[Range], ranges: list[Range]
) -> None:
    sender = sender_of(bytes(size), limit=limit, is_finished=is_finished)
    sender.acknowledge(acked)
    assert all_ranges(sender, cursor_at(cursor, *repairs)) == ranges


def test_new_frames_end_with_their_chunk_if_that_leaves_half_of_them() -> None:
    sender = sender_of(bytes(6000), bytes(6000), bytes(3000), bytes(9500))
    assert all_ranges(sender, cursor_at(0), 10_000) == [(0, 6000), (6000, 12_000), (12_000, 22_000), (22_000, 24_500)]


def test_b2_what_is_written_byte_by_byte_costs_little_more_than_its_bytes() -> None:
    sender = sender_of(*(bytes([number % 251]) for number in range(10_000)))
    assert len(sender._chunks) <= 10_000 // SMALL + 1
    assert b"".join(sender.read(0, 10_000)) == bytes(number % 251 for number in range(10_000))
    sender.acknowledge(9_000)
    sender.write(b"more")
    assert b"".join(sender.read(9_000, sender.end)) == bytes(number % 251 for number in range(9_000, 10_000)) + b"more"


def test_repairs_lower_what_a_carrier_is_answerable_for() -> None:
    cursor = cursor_at(100)
    cursor.repair([])
    assert cursor.since == 100
    cursor.repair([(60, 70), (40, 50)])
    assert cursor.since == 40


def test_acknowledging_lets_go_once_and_reaches_the_fin() -> None:
    sender = sender_of(b"a" * 10, b"b" * 10, b"c" * 10)
    assert sender.acknowledge(15) == 15
    assert sender.acknowledge(15) == sender.acknowledge(3) == 0
    assert sender.kept == 15 and not sender.is_complete
    assert sender.acknowledge(30) == 15
    sender.finish()
    assert (sender.total, sender.is_complete) == (31, False)
    assert sender.acknowledge(31) == 0
    assert sender.is_complete and sender.kept == 0


def test_an_acknowledgement_of_what_was_never_written_is_a_lie() -> None:
    sender = sender_of(b"abc")
    with pytest.raises(ProtocolError):
        sender.acknowledge(4)
    sender.finish()
    sender.acknowledge(4)
    with pytest.raises(ProtocolError):
        sender.acknowledge(5)


def test_nothing_is_written_behind_a_fin() -> None:
    with pytest.raises(RuntimeError):
        sender_of(b"abc", is_finished=True).write(b"d")


def test_what_is_cleared_is_gone() -> None:
    sender = sender_of(b"abc", b"def")
    sender.acknowledge(2)
    assert sender.clear() == 4
    assert sender.clear() == sender.kept == 0
    assert not sender.has_more(cursor_at(0))


@given(st.lists(st.binary(min_size=1, max_size=12), min_size=1), st.data())
def test_any_range_is_read_and_framed_as_it_was_written(pieces: list[bytes], data: st.DataObject) -> None:
    sender, whole = sender_of(*pieces), b"".join(pieces)
    acked = data.draw(st.integers(0, len(whole) - 1))
    sender.acknowledge(acked)
    start = data.draw(st.integers(acked, len(whole) - 1))
    stop = data.draw(st.integers(start + 1, len(whole)))
    assert b"".join(sender.read(start, stop)) == whole[start:stop]
    framed = b"".join(sender.frame(start, stop))
    assert framed == data_header(NUMBER, start, stop - start) + whole[start:stop]


def test_a_chunk_that_leaves_whole_is_not_copied_again() -> None:
    sender = sender_of(bytes(SMALL), bytes(SMALL))
    assert sender.frame(SMALL, 2 * SMALL)[0] is sender.frame(SMALL, 2 * SMALL)[0]
    assert len(sender.frame(SMALL, 2 * SMALL)) == 1
    assert len(sender.frame(SMALL, 2 * SMALL)[0]) == DATA_HEADER_SIZE + SMALL


@given(st.integers(1, 300), st.integers(1, 40), st.lists(st.integers(0, 300)), st.booleans())
def test_a_cursor_covers_everything_in_order_whatever_is_acknowledged_meanwhile(
    size: int, most: int, acks: list[int], is_finished: bool
) -> None:
    sender = sender_of(*(bytes(20) for _ in range(size // 20)), bytes(size % 20 + 1), is_finished=is_finished)
    cursor, sent = cursor_at(0), 0
    while (span := sender.next_range(cursor, most)) is not None:
        assert span[0] == max(sent, sender.acked) and 0 < span[1] - span[0] <= most
        sent = span[1]
        if acks:
            sender.acknowledge(min(acks.pop(), sender.total))
    assert max(sent, sender.acked) == sender.total
