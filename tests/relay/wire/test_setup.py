"""Set-up messages: round trips, every split, any bytes, other versions, and no more than a kilobyte for a stranger."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.wire.errors import ProtocolError
from relay.wire.frames import HEADER_SIZE, Kind, frame
from relay.wire.setup import (
    DIGEST_SIZE,
    LONGEST_SETUP,
    TOKEN_SIZE,
    VERSION,
    Hello,
    Message,
    Proceed,
    Purpose,
    Refusal,
    Refused,
    Transit,
    Welcome,
    encode,
    parse_setup,
)

TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60)
DIGEST = st.binary(min_size=DIGEST_SIZE, max_size=DIGEST_SIZE)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(Transit, TEXT, DIGEST),
    st.builds(Proceed, st.integers(0, 10**6).map(lambda millis: millis / 1000)),
    st.builds(
        Hello,
        st.sampled_from(Purpose),
        st.binary(min_size=TOKEN_SIZE, max_size=TOKEN_SIZE),
        st.booleans(),
        DIGEST,
        TEXT,
    ),
    st.builds(Welcome, DIGEST, TEXT, st.booleans(), st.integers(0, 2**40).map(float)),
    st.builds(Refused, st.sampled_from(Refusal), TEXT),
)


@given(MESSAGES, st.binary(max_size=20))
def test_round_trips_and_what_stands_behind_is_left(message: Message, rest: bytes) -> None:
    wire = encode(message)
    assert parse_setup(wire + rest) == (message, len(wire))


@given(MESSAGES)
def test_every_beginning_asks_for_more(message: Message) -> None:
    wire = encode(message)
    assert all(parse_setup(wire[:size]) is None for size in range(len(wire)))


@given(st.one_of(st.binary(max_size=80), st.builds(frame, st.integers(1, 5), st.binary(max_size=60))))
def test_any_bytes_are_a_message_more_or_a_protocol_error(data: bytes) -> None:
    try:
        found = parse_setup(data)
    except ProtocolError:
        return
    assert found is None or HEADER_SIZE <= found[1] <= len(data)


@pytest.mark.parametrize(
    "wire",
    [
        frame(Kind.HELLO),
        frame(Kind.HELLO, bytes([VERSION])),
        frame(Kind.HELLO, bytes([VERSION, 9]) + bytes(25)),  # no such purpose
        frame(Kind.TRANSIT),
        frame(Kind.TRANSIT, bytes([VERSION]) + bytes(7)),
        frame(Kind.TRANSIT, bytes([VERSION]) + bytes(8) + b"\xff"),
        frame(Kind.WELCOME),
        frame(Kind.WELCOME, bytes([VERSION])),
        frame(Kind.PROCEED, bytes(3)),
        frame(Kind.PROCEED, bytes(5)),
        frame(Kind.REFUSED),
        frame(Kind.REFUSED, b"\xff"),
        bytes([Kind.PING]),  # at its first byte: nothing else has a place here
        b"\x16\x03\x01",  # somebody's TLS
        frame(Kind.HELLO, bytes(LONGEST_SETUP + 1))[:HEADER_SIZE],
    ],
)
def test_what_can_never_become_a_message(wire: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_setup(wire)


@pytest.mark.parametrize(
    "message",
    [
        Transit("line", bytes(8), VERSION + 1),
        Hello(Purpose.THIN, bytes(16), True, bytes(8), "x", VERSION + 1),
        Welcome(bytes(8), "x", False, 1.0, VERSION + 1),
    ],
)
def test_of_another_version_the_version_is_read_and_nothing_else(message: Transit | Hello | Welcome) -> None:
    wire = encode(message)
    found = parse_setup(frame(wire[0], wire[HEADER_SIZE : HEADER_SIZE + 1] + b"\xff of another layout"))
    assert found is not None and not isinstance(found[0], Proceed | Refused)
    assert found[0].version == VERSION + 1


def test_a_long_reason_is_cut_and_odd_characters_do_not_hurt() -> None:
    found = parse_setup(encode(Refused(Refusal.LIMIT, "é" * 5000)))
    assert found is not None and isinstance(found[0], Refused) and found[1] <= HEADER_SIZE + LONGEST_SETUP
    assert found[0].reason is Refusal.LIMIT
