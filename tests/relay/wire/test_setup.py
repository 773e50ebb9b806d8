"""Set-up messages: round trips, every split, any bytes, later fields, other versions, and no more than a kilobyte."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.model.families import Families
from relay.wire.codes import Feature, Purpose, Reason, Tag, Verdict
from relay.wire.datagrams import HOP_KEY_SIZE, LABEL_SIZE, forth, turned
from relay.wire.errors import NotUnderstoodError, ProtocolError
from relay.wire.fields import join
from relay.wire.frames import HEADER_SIZE, Kind, frame
from relay.wire.setup import (
    DIGEST_SIZE,
    LATEST,
    LONGEST_SETUP,
    TOKEN_SIZE,
    Hello,
    Message,
    OtherVersion,
    Parsed,
    Proceed,
    Refused,
    Transit,
    Welcome,
    encode,
    parse_setup,
)
from relay.wire.versions import NEWEST, OLDEST, Versions

TEXT = st.text(max_size=60).filter(str.isprintable)
DIGEST = st.binary(min_size=DIGEST_SIZE, max_size=DIGEST_SIZE)
TOKEN = st.binary(min_size=TOKEN_SIZE, max_size=TOKEN_SIZE)
SERIAL = st.integers(0, 2**64 - 1)
FEATURES = st.integers(0, 2**64 - 1).map(Feature)
BYTE = st.integers(0, 255)
MILLIS = st.integers(0, 10**6).map(lambda millis: millis / 1000)
LABEL = st.binary(min_size=LABEL_SIZE, max_size=LABEL_SIZE).map(forth)
HOP_KEY = st.binary(min_size=HOP_KEY_SIZE, max_size=HOP_KEY_SIZE)
VERSIONS = st.builds(Versions, st.integers(0, OLDEST), st.integers(NEWEST, 255))
"""Of those who speak a version of ours."""
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(Transit, TEXT, DIGEST, TEXT, BYTE, SERIAL, VERSIONS),
    st.builds(Transit, TEXT, DIGEST, TEXT, BYTE, SERIAL, VERSIONS, LABEL, BYTE, HOP_KEY),
    st.builds(Proceed, MILLIS, BYTE, st.one_of(st.none(), st.sampled_from(Verdict))),
    st.builds(Hello, BYTE, TOKEN, st.booleans(), DIGEST, SERIAL, TEXT, TEXT, FEATURES, VERSIONS),
    st.builds(
        Welcome,
        DIGEST,
        SERIAL,
        TEXT,
        st.booleans(),
        st.integers(0, LATEST).map(float),
        FEATURES,
        BYTE,
        VERSIONS,
    ),
    st.builds(Refused, st.sampled_from(Reason), TEXT),
)
FIELDED = MESSAGES.filter(lambda message: not isinstance(message, Refused))
HELLO = Hello(Purpose.THIN, bytes(TOKEN_SIZE), True, bytes(DIGEST_SIZE), 5, "0.1", "ix")
TRANSIT = Transit("pacific", bytes(DIGEST_SIZE), "ix", 1)
WELCOME = Welcome(bytes(DIGEST_SIZE), 5, "0.1", False, 1.0)
PROCEED = Proceed(0.1)


def read(wire: bytes) -> Parsed:
    found = parse_setup(wire)
    assert found is not None and found[1] == len(wire)
    return found[0]


def with_more(wire: bytes, *fields: tuple[int, bytes]) -> bytes:
    """*wire*, a whole message, with some fields behind its own."""
    return frame(wire[0], wire[HEADER_SIZE:] + join(fields))


def of_fields(kind: Kind, fields: dict[Tag, bytes], newest: int = NEWEST) -> bytes:
    return frame(kind, bytes([newest]) + join(fields.items()))


@given(MESSAGES, st.binary(max_size=20))
def test_round_trips_and_what_stands_behind_is_left(message: Message, rest: bytes) -> None:
    wire = encode(message)
    assert parse_setup(wire + rest) == (message, len(wire))


@given(MESSAGES)
def test_every_beginning_asks_for_more(message: Message) -> None:
    wire = encode(message)
    assert all(parse_setup(wire[:size]) is None for size in range(len(wire)))


@given(st.binary(max_size=80) | st.builds(frame, st.integers(1, 5), st.binary(max_size=60)))
def test_any_bytes_are_a_message_more_or_a_protocol_error(data: bytes) -> None:
    try:
        found = parse_setup(data)
    except ProtocolError:
        return
    assert found is None or HEADER_SIZE <= found[1] <= len(data)


FIELDS = st.lists(st.tuples(st.sampled_from(Tag) | BYTE, st.binary(max_size=17)), max_size=14)


@given(st.sampled_from([Kind.TRANSIT, Kind.HELLO, Kind.WELCOME]), BYTE, FIELDS)
def test_any_fields_are_a_message_or_a_protocol_error(kind: Kind, newest: int, fields: list[tuple[int, bytes]]) -> None:
    try:
        read(frame(kind, bytes([newest]) + join(fields)))
    except ProtocolError:
        pass


# ---- what a later program may add


@given(FIELDED, st.dictionaries(st.integers(max(Tag) + 1, 255), st.binary(max_size=40), max_size=4))
def test_fields_that_may_be_ignored_are(message: Message, more: dict[int, bytes]) -> None:
    assert read(with_more(encode(message), *more.items())) == message


@given(FIELDED, st.integers(20, 127), st.binary(max_size=40))
def test_others_that_are_not_known_are_named(message: Message, tag: int, value: bytes) -> None:
    wire = with_more(encode(message), (tag, value))
    kind = Kind(wire[0]).name
    with pytest.raises(NotUnderstoodError, match=f"^field {tag} of {kind} is not understood$"):
        read(wire)


@pytest.mark.parametrize(
    ("message", "tag"), [(TRANSIT, Tag.TOKEN), (HELLO, Tag.LINE), (WELCOME, Tag.PURPOSE), (PROCEED, Tag.DIGEST)]
)
def test_a_field_of_another_message_is_not_known_here(message: Message, tag: Tag) -> None:
    with pytest.raises(NotUnderstoodError, match=f"field {tag:d} of"):
        read(with_more(encode(message), (tag, b"")))


def test_fields_come_in_any_order() -> None:
    fields = {
        Tag.FEATURES: (2**63).to_bytes(8, "big"),
        Tag.TOKEN: bytes(TOKEN_SIZE),
        Tag.DIGEST: bytes(DIGEST_SIZE),
        Tag.PURPOSE: b"\x02",
    }
    wire = of_fields(Kind.HELLO, fields)
    expected = Hello(Purpose.BULK, bytes(16), False, bytes(8), 0, "", "", Feature(2**63), Versions(NEWEST, NEWEST))
    assert read(wire) == expected  # what is not there has its usual value


def test_a_purpose_that_is_not_known_is_a_number() -> None:
    found = read(encode(Hello(9, bytes(16), False, bytes(8), 0, "", "")))
    assert isinstance(found, Hello) and found.purpose == 9 and not isinstance(found.purpose, Purpose)


def test_a_reason_that_is_not_known_is_shown_by_its_text() -> None:
    assert read(frame(Kind.REFUSED, b"\xc8it rains")) == Refused(Reason.OTHER, "it rains")


# ---- other versions


@pytest.mark.parametrize("kind", [Kind.TRANSIT, Kind.HELLO, Kind.WELCOME])
@given(st.sampled_from([0, 1]), st.binary(max_size=60))
def test_of_the_versions_before_the_fields_nothing_else_is_read(kind: Kind, version: int, rest: bytes) -> None:
    found = read(frame(kind, bytes([version]) + rest))
    assert found == OtherVersion(kind, Versions(version, version))


@pytest.mark.parametrize("kind", [Kind.TRANSIT, Kind.HELLO, Kind.WELCOME])
@given(FIELDS)
def test_of_versions_that_we_do_not_share_only_the_oldest_is_read(kind: Kind, fields: list[tuple[int, bytes]]) -> None:
    others = {tag: value for tag, value in fields if tag != Tag.OLDEST}
    wire = frame(kind, bytes([NEWEST + 3]) + join([(Tag.OLDEST, bytes([NEWEST + 1])), *others.items()]))
    assert read(wire) == OtherVersion(kind, Versions(NEWEST + 1, NEWEST + 3))


def test_who_does_not_say_an_oldest_version_speaks_one() -> None:
    assert read(of_fields(Kind.HELLO, {}, NEWEST + 1)) == OtherVersion(Kind.HELLO, Versions(NEWEST + 1, NEWEST + 1))


def test_refused_is_what_version_1_said_and_reads() -> None:
    assert encode(Refused(Reason.VERSION, "update shanghai")) == b"\x03\x00\x00\x10\x01update shanghai"


# ---- what can never be


@pytest.mark.parametrize(
    "wire",
    [
        frame(Kind.HELLO),
        frame(Kind.HELLO, bytes([NEWEST])),
        frame(Kind.HELLO, bytes([NEWEST, Tag.TOKEN, 0])),  # ends inside a field's head
        frame(Kind.HELLO, bytes([NEWEST, Tag.TOKEN, 0, 16, 1])),  # and inside its value
        of_fields(Kind.HELLO, {Tag.PURPOSE: b"\1", Tag.DIGEST: bytes(8)}),  # no token
        of_fields(Kind.HELLO, {Tag.PURPOSE: b"\1", Tag.DIGEST: bytes(8), Tag.TOKEN: bytes(15)}),
        of_fields(Kind.HELLO, {Tag.OLDEST: bytes([NEWEST + 1])}),  # above the newest
        of_fields(Kind.HELLO, {Tag.OLDEST: b""}),
        with_more(encode(HELLO), (Tag.TOKEN, bytes(TOKEN_SIZE))),  # twice
        with_more(encode(HELLO), (200, b""), (200, b"")),
        frame(Kind.TRANSIT),
        of_fields(Kind.TRANSIT, {Tag.LINE: b"pacific", Tag.DIGEST: bytes(8)}),
        of_fields(Kind.TRANSIT, {Tag.LINE: b"pacific", Tag.LEFT: b"\1"}),
        with_more(encode(TRANSIT), (Tag.LABEL, bytes(8))),
        with_more(encode(TRANSIT), (Tag.LABEL, bytes(7))),
        encode(attrs.evolve(TRANSIT, label=turned(bytes(8)), hop_key=bytes(16))),
        frame(Kind.WELCOME),
        frame(Kind.WELCOME, bytes([NEWEST])),
        frame(Kind.PROCEED, bytes(3)),
        frame(Kind.PROCEED, bytes(4)),
        frame(Kind.PROCEED, bytes(5)),
        frame(Kind.REFUSED),
        bytes([Kind.PING]),  # at its first byte: nothing else has a place here
        bytes([200]),
        b"\x16\x03\x01",  # somebody's TLS
        frame(Kind.HELLO, bytes(LONGEST_SETUP + 1))[:HEADER_SIZE],
    ],
)
def test_what_can_never_become_a_message(wire: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_setup(wire)
    assert not isinstance(caught.value, NotUnderstoodError)


def test_a_long_reason_is_cut_and_odd_characters_do_not_hurt() -> None:
    found = parse_setup(encode(Refused(Reason.LIMIT, "é" * 5000)))
    assert found is not None and isinstance(found[0], Refused) and found[1] <= HEADER_SIZE + LONGEST_SETUP
    assert found[0].reason is Reason.LIMIT
    assert read(frame(Kind.REFUSED, b"\x07a\x1b[2J\xff")) == Refused(Reason.LIMIT, "a?[2J\ufffd")


def test_the_longest_names_fit_into_what_version_1_reads() -> None:
    name = "x" * 32
    for message in (
        Transit(name, bytes(8), name, 3, 2**64 - 1, label=bytes(8), place=3, hop_key=bytes(16)),
        Hello(Purpose.THIN, bytes(16), True, bytes(8), 2**64 - 1, name, name, Feature(2**64 - 1)),
        Welcome(bytes(8), 2**64 - 1, name, True, float(LATEST), Feature(2**64 - 1)),
    ):
        assert len(encode(message)) < 256


@pytest.mark.parametrize(("told", "read"), [(1, 1), (2, 2), (3, 3), (0, 3), (4, 3), (5, 1)])
def test_f2_the_families_of_a_node_are_told_in_welcome(told: int, read: int) -> None:
    assert parse_setup(encode(WELCOME)) == (WELCOME, len(encode(WELCOME)))
    message, _ = parse_setup(encode(attrs.evolve(WELCOME, families=Families(told)))) or (None, 0)
    assert message == attrs.evolve(WELCOME, families=Families(read))


def test_a_certificate_that_ends_beyond_all_dates_is_none() -> None:
    parse_setup(encode(attrs.evolve(WELCOME, not_after=float(LATEST))))
    with pytest.raises(ProtocolError, match="beyond the year 9999"):
        parse_setup(encode(attrs.evolve(WELCOME, not_after=float(LATEST + 1))))
