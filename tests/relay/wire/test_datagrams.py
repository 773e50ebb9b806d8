"""Layouts of datagrams: what is written is read again, and any bytes are something or nothing, never an error."""

import itertools
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.wire import datagrams
from relay.wire.datagrams import COUNTER, MOST_DEAF, MOST_EPOCH, TO_INGRESS, Heartbeat

U32 = st.integers(0, 2**32 - 1)
LABELS = st.binary(min_size=8, max_size=8)


@given(
    beat=st.builds(
        Heartbeat,
        st.integers(0, 255),
        st.integers(0, 65535).map(lambda ms: ms / 1000),
        U32,
        U32,
        U32,
        U32,
        U32,
        st.integers(0, 65535),
        st.lists(LABELS, max_size=MOST_DEAF).map(tuple),
    ),
    padding=st.integers(0, 50),
)
def test_heartbeats(beat: Heartbeat, padding: int) -> None:
    assert datagrams.parse_heartbeat(datagrams.encode_heartbeat(beat, padding)) == beat


@given(st.binary(max_size=120))
def test_any_bytes_are_a_heartbeat_or_none(data: bytes) -> None:
    for inner in (data, b"\x03" + data):
        beat = datagrams.parse_heartbeat(inner)
        assert beat is None or datagrams.parse_heartbeat(datagrams.encode_heartbeat(beat)) == beat


@given(st.integers(0, MOST_EPOCH), st.integers(0, COUNTER), st.booleans())
def test_numbers(epoch: int, counter: int, probe: bool) -> None:
    number = datagrams.number_of(epoch, counter, probe=probe)
    assert number < 2**64
    assert datagrams.parse_number(number) == (probe, epoch, counter)


@given(LABELS)
def test_labels_have_two_directions(label: bytes) -> None:
    assert datagrams.turned(datagrams.turned(label)) == label
    assert not datagrams.forth(label)[0] & TO_INGRESS
    assert datagrams.forth(datagrams.turned(label)) == datagrams.forth(label)


def test_a_new_label_is_of_its_network() -> None:
    one, two = (datagrams.new_label(b"netw") for _ in range(2))
    assert one[:4] == two[:4] == b"netw" and len(one) == 8 and one != two


@given(LABELS, LABELS, LABELS)
def test_a_challenge_comes_back(label: bytes, number: bytes, word: bytes) -> None:
    asked = datagrams.challenge(label + number, word)
    assert datagrams.is_challenge(asked) and asked[:8] == datagrams.turned(label)
    answer = datagrams.answer_challenge(memoryview(asked))
    assert answer == label + number + word
    assert not datagrams.is_challenge(answer + b"x")


@given(st.integers(0, 255), st.integers(0, 255), U32, U32, st.binary(max_size=20))
def test_inner(kind: int, generation: int, association: int, order: int, rest: bytes) -> None:
    inner = datagrams.inner_head(kind, generation, association, order) + rest
    found = (kind, generation, association, order) if len(rest) > 2 else None
    assert datagrams.parse_inner(inner) == found


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (b"\x01" + ip_address("192.0.2.1").packed + b"\x00\x35", 7),
        (b"\x04" + ip_address("2001:db8::1").packed + b"\x00\x35more", 19),
        (b"\x03\x01a\x00\x35", 5),
        (b"\x03\x00\x00\x35", 0),
        (b"\x03", 0),
        (b"\x02\x01a\x00\x35", 0),
        (b"", 0),
        (b"\x01\x7f\x00\x00\x01\x00", 0),
    ],
)
def test_where_an_address_ends(data: bytes, end: int) -> None:
    assert datagrams.address_end(data, 0) == end
    assert datagrams.address_end(b"##" + data, 2) == (end + 2 if end else 0)


@given(U32, st.integers(1, 2**31 - 1))
def test_serial_numbers(one: int, ahead: int) -> None:
    later = (one + ahead) % 2**32
    assert datagrams.newer(later, one, 32) and not datagrams.newer(one, later, 32)
    assert not datagrams.newer(one, one, 32)


@given(st.floats(0, 1e7), st.floats(0, 4000))
def test_times_turn_over(start: float, took: float) -> None:
    since, until = datagrams.micros(start), datagrams.micros(start + took)
    assert since and datagrams.elapsed(since, until) == pytest.approx(took, abs=1e-5)


def test_half_a_heartbeat_is_none() -> None:
    whole = datagrams.encode_heartbeat(Heartbeat(0, 1.0, deaf=(b"l" * 8, b"m" * 8)))
    assert datagrams.parse_heartbeat(whole) is not None
    assert datagrams.parse_heartbeat(whole + b"padding") == datagrams.parse_heartbeat(whole)
    for size in range(len(whole)):
        assert datagrams.parse_heartbeat(whole[:size]) is None
    count = len(whole) - 17
    for wrong in (
        bytes([datagrams.DATA]) + whole[1:],
        whole[:count] + bytes([MOST_DEAF + 1]) + bytes(8 * MOST_DEAF + 8),
    ):
        assert datagrams.parse_heartbeat(wrong) is None


HEADS = [label + epoch for label in (b"labelone", b"labeltwo") for epoch in (b"\x00\x01", b"\x00\x02", b"\x80\x01")]
SAME = st.builds(
    lambda head, count, others: [head] * count + others,
    st.sampled_from(HEADS),
    st.integers(datagrams.MANY - 2, 60),
    st.lists(st.sampled_from(HEADS), max_size=2),
)


@given(
    heads=st.lists(st.sampled_from(HEADS), max_size=20) | SAME,
    size=st.sampled_from([1, 9, 24, 25, 60]),
    last=st.integers(1, 60),
)
def test_runs_are_of_one_label_and_epoch_and_probes_stand_alone(heads: list[bytes], size: int, last: int) -> None:
    data = b"".join((head + bytes(50))[:size] for head in heads)
    data = data[: len(data) - size + min(last, size)] if heads else b""
    found = list(datagrams.runs(data, size))
    assert b"".join(data[start:stop] for start, stop in found) == data
    for start, stop in found:
        inside = heads[start // size : -(-stop // size)]
        assert len(set(inside)) == 1
        assert len(inside) == 1 or (size > datagrams.CHALLENGE_SIZE and not inside[0][8] & 0x80)
        assert len(inside) == 1 or stop - (stop - 1) // size * size > datagrams.CHALLENGE_SIZE
    if size > datagrams.CHALLENGE_SIZE and last > datagrams.CHALLENGE_SIZE:
        changes = sum(one != other or one[8] & 0x80 > 0 for one, other in itertools.pairwise(heads))
        assert len(found) == changes + bool(heads)
