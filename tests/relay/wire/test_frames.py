"""Frames: every split gives the same, any bytes give frames or a protocol error, and little is held."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.wire.errors import ProtocolError
from relay.wire.frames import (
    BUDGET,
    DATA_HEADER_SIZE,
    HEADER_SIZE,
    LONGEST_BODY,
    LONGEST_DATA,
    FrameReader,
    Kind,
    data_header,
    frame,
)

IGNORED = st.integers(130, 255)
"""Kinds that nobody knows, and that are passed over."""
OTHERS = [kind for kind in Kind if kind is not Kind.DATA]
Heard = list[tuple[int, int, bytes] | tuple[int, bytes]]


class Listener:
    """Keeps what a reader tells; DATA of one stream that follows on is joined, so that splits do not show."""

    def __init__(self) -> None:
        self.heard: Heard = []
        self.reader = FrameReader(self.on_data, self.on_frame)

    def receive(self, data: bytes) -> None:
        """Read all of it, in as many turns as it takes."""
        while self.reader.receive(memoryview(data)):
            data = b""

    def on_data(self, stream: int, offset: int, data: memoryview) -> None:
        assert len(data) > 0
        if self.heard and len(self.heard[-1]) == 3:
            last, start, before = self.heard[-1]
            if last == stream and start + len(before) == offset:
                self.heard[-1] = (last, start, before + bytes(data))
                return
        self.heard.append((stream, offset, bytes(data)))

    def on_frame(self, kind: int, body: bytes) -> None:
        self.heard.append((kind, body))

    def has_read_whole_frames(self) -> bool:
        """Whether what comes next is taken for a frame of its own."""
        self.receive(frame(Kind.GOAWAY))
        return bool(self.heard) and self.heard.pop() == (Kind.GOAWAY, b"")


def read(*pieces: bytes) -> Heard:
    listener = Listener()
    for piece in pieces:
        listener.receive(piece)
    assert listener.has_read_whole_frames()
    return listener.heard


def data_frame(stream: int, offset: int, data: bytes) -> bytes:
    return data_header(stream, offset, len(data)) + data


NUMBERS = st.integers(0, 2**64 - 1)
FRAMES = st.lists(
    st.one_of(
        st.builds(frame, st.sampled_from(OTHERS), st.binary(max_size=40)),
        st.builds(data_frame, st.integers(0, 9), st.integers(0, 2**40), st.binary(min_size=1, max_size=40)),
    ),
    min_size=1,
)


def test_the_layout() -> None:
    assert frame(Kind.PONG, b"abc") == b"\x11\x00\x00\x03abc"
    assert data_frame(1, 2, b"xy") == bytes.fromhex("24000012 0000000000000001 0000000000000002") + b"xy"
    assert (HEADER_SIZE, DATA_HEADER_SIZE) == (4, 20)
    assert read(frame(Kind.GOAWAY), data_frame(1, 2, b"xy")) == [(18, b""), (1, 2, b"xy")]


def cut(wire: bytes, data: st.DataObject) -> list[bytes]:
    """*wire* in pieces."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    return [wire[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(wire)], strict=True)]


@given(FRAMES, st.data())
def test_every_split_gives_the_same(frames: list[bytes], data: st.DataObject) -> None:
    wire = b"".join(frames)
    assert read(*cut(wire, data)) == read(wire) == read(*(bytes([byte]) for byte in wire))


@given(FRAMES, st.lists(st.builds(frame, IGNORED, st.binary(max_size=40)), min_size=1), st.data())
def test_frames_that_may_be_ignored_are_passed_over(
    frames: list[bytes], ignored: list[bytes], data: st.DataObject
) -> None:
    mixed = list(frames)
    for one in ignored:
        mixed.insert(data.draw(st.integers(0, len(mixed))), one)
    wire = b"".join(mixed)
    assert read(*cut(wire, data)) == read(*frames) == read(*(bytes([byte]) for byte in wire))


@given(IGNORED, st.data())
def test_nothing_of_them_is_held(kind: int, data: st.DataObject) -> None:
    listener = Listener()
    for piece in cut(frame(kind, bytes(LONGEST_BODY)), data):
        listener.receive(piece)
        assert len(listener.reader._held) < HEADER_SIZE
    listener.reader.receive(memoryview(frame(Kind.GOAWAY)))
    assert listener.heard == [(Kind.GOAWAY, b"")]


def test_a_frame_that_is_passed_over_is_not_done_before_its_end() -> None:
    listener = Listener()
    listener.reader.receive(memoryview(frame(200, b"abc")[:-1]))
    assert listener.heard == []
    listener.reader.receive(memoryview(b"c" + frame(Kind.GOAWAY)))
    assert listener.heard == [(Kind.GOAWAY, b"")]


def test_payload_is_handed_on_as_it_comes() -> None:
    listener = Listener()
    wire = data_frame(5, 100, b"x" * 1000)
    listener.reader.receive(memoryview(wire)[:DATA_HEADER_SIZE])
    assert listener.heard == []
    listener.reader.receive(memoryview(wire)[DATA_HEADER_SIZE : DATA_HEADER_SIZE + 10])
    assert listener.heard == [(5, 100, b"x" * 10)]
    listener.reader.receive(memoryview(wire)[DATA_HEADER_SIZE + 10 :])
    assert listener.heard == [(5, 100, b"x" * 1000)]
    assert listener.has_read_whole_frames()


@given(st.lists(st.binary(max_size=60)))
def test_any_bytes_are_frames_or_a_protocol_error_and_little_is_held(pieces: list[bytes]) -> None:
    listener = Listener()
    try:
        for piece in pieces:
            listener.receive(piece)
            assert len(listener.reader._held) < HEADER_SIZE + LONGEST_BODY
    except ProtocolError:
        return
    for one in listener.heard:
        assert len(one) == 3 or one[0] in OTHERS


@pytest.mark.parametrize("kind", [0, 6, 15, 22, 31, 42, 127])
def test_unknown_kinds_below_128_are_protocol_errors_at_their_header(kind: int) -> None:
    with pytest.raises(ProtocolError, match="kind"):
        read(bytes([kind, 0, 0, 0]))


@pytest.mark.parametrize("kind", OTHERS)
def test_bodies_are_bounded(kind: Kind) -> None:
    assert read(frame(kind, bytes(LONGEST_BODY))) == [(kind, bytes(LONGEST_BODY))]
    with pytest.raises(ProtocolError, match=f"of kind {kind:d}"):
        read(frame(kind, bytes(LONGEST_BODY + 1))[:HEADER_SIZE])


@pytest.mark.parametrize("kind", [130, 255])
def test_so_are_those_that_are_passed_over(kind: int) -> None:
    with pytest.raises(ProtocolError, match=f"of kind {kind}"):
        read(frame(kind, bytes(LONGEST_BODY + 1))[:HEADER_SIZE])


@pytest.mark.parametrize(("size", "is_right"), [(0, False), (1, True), (LONGEST_DATA, True), (LONGEST_DATA + 1, False)])
def test_data_is_never_empty_and_bounded(size: int, is_right: bool) -> None:
    wire = data_frame(1, 0, bytes(size))
    if is_right:
        assert read(wire) == [(1, 0, bytes(size))]
    else:
        with pytest.raises(ProtocolError, match="DATA"):
            read(wire[:HEADER_SIZE])


@given(st.lists(st.sampled_from([*OTHERS, Kind.DATA]), max_size=60), st.lists(st.integers(0, 40)), st.data())
def test_c2_whatever_the_budgets_and_cuts_the_frames_are_the_same(
    kinds: list[Kind], budgets: list[int], data: st.DataObject
) -> None:
    frames = [
        data_frame(7, 3 * at, b"abc") if kind is Kind.DATA else frame(kind, b"b") for at, kind in enumerate(kinds)
    ]
    whole = b"".join(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), min_size=len(budgets), max_size=len(budgets))))
    listener = Listener()
    for start, stop, budget in zip([0, *cuts], [*cuts, len(whole)], [*budgets, 0], strict=True):
        listener.reader.receive(memoryview(bytearray(whole[start:stop])), budget)
    while listener.reader.receive(memoryview(b""), 1):
        pass
    assert listener.has_read_whole_frames()
    assert listener.heard == read(whole)


def test_c2_a_read_of_small_frames_takes_many_turns() -> None:
    listener = Listener()
    buffer = bytearray(b"".join(frame(Kind.OPEN, b"x") for _ in range(10 * BUDGET)))
    assert listener.reader.receive(memoryview(buffer))
    assert len(listener.heard) == BUDGET // 8, "frames that begin something are dear"
    buffer[:] = bytes(len(buffer))  # what is left was copied
    turns = 1
    while listener.reader.receive(memoryview(b"")):
        turns += 1
    assert listener.heard == [(Kind.OPEN, b"x")] * 10 * BUDGET
    assert turns == 79
