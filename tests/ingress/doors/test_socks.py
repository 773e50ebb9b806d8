"""SOCKS5 and SOCKS4 at the door: cases N, A, R, F by their number, and every way to cut the bytes."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.doors.budget import Budget
from ingress.doors.door import KEPT_HARD, KEPT_SOFT, DoorSettings
from ingress.doors.events import Authenticate, Close, Event, Open, Send, Transparent
from ingress.doors.handshake import TRANSITIONS, HandshakeState, Step
from ingress.doors.replies import REPLIES, socks4_reply, socks5_reply
from ingress.doors.sniff import door_for
from relay.model.cause import Cause

OPEN = DoorSettings(needs_password=False, proxy_url="x")
LOCKED = DoorSettings(needs_password=True, proxy_url="x")

HELLO = b"\x05\x01\x00"
LOGIN = b"\x05\x02\x00\x02"
ONLY_PASSWORD = b"\x05\x01\x02"
ALICE = b"\x01\x05alice\x06secret"
PORT = b"\x01\xbb"
GRANTED = b"\x05\x00\x00\x01\0\0\0\0\0\0"


def name(host: bytes, port: bytes = PORT) -> bytes:
    return b"\x05\x01\x00\x03%c%b" % (len(host), host) + port


def five(code: int) -> bytes:
    return b"\x05%c\x00\x01\0\0\0\0\0\0" % code


def drive(settings: DoorSettings, pieces: list[bytes], early_answers: bool = True) -> tuple[list[Event], str | None]:
    """All events of a door whose questions are answered at once: alice/secret is a user, every target is there."""
    data = b"".join(pieces)
    door = door_for(data[0], settings, Budget())
    seen: list[Event] = []
    tail = b""

    def take(events: list[Event]) -> None:
        for event in events:
            seen.append(event)
            if isinstance(event, Authenticate):
                take(door.authenticated((event.user, event.password) == (b"alice", b"secret")))
            elif isinstance(event, Open) and early_answers:
                take(door.opened())

    for piece in pieces:
        if any(isinstance(event, Transparent) for event in seen):
            tail += piece
        else:
            take(door.receive(piece))
    if seen and isinstance(seen[-1], Transparent):
        seen[-1] = Transparent(seen[-1].early + tail)
    return seen, door.user


CASES: dict[str, tuple[DoorSettings, bytes, bytes, tuple[str, int] | None]] = {
    # what is sent, what comes back, what is opened
    "N01": (OPEN, HELLO, b"\x05\x00", None),
    "N03": (OPEN, HELLO + name(b"a.example"), b"\x05\x00" + GRANTED, ("a.example", 443)),
    "N04": (OPEN, b"\x05\x00", b"\x05\xff", None),
    "N05": (OPEN, b"\x05\xfd" + bytes(range(255, 2, -1)), b"\x05\xff", None),
    "N05 all but none": (OPEN, b"\x05\xff" + bytes(range(255, 0, -1)), b"\x05\x02", None),
    "N05 wanted last": (OPEN, b"\x05\xff" + bytes(range(254, -1, -1)), b"\x05\x00", None),
    "N06": (OPEN, b"\x05\x02\x01\x80", b"\x05\xff", None),
    "N07": (LOCKED, HELLO + name(b"a"), b"\x05\xff", None),
    "N08": (LOCKED, LOGIN, b"\x05\x02", None),
    "N09": (OPEN, ONLY_PASSWORD + ALICE + name(b"a"), b"\x05\x02\x01\x00" + GRANTED, ("a", 443)),
    "D4 any pair": (OPEN, ONLY_PASSWORD + b"\x01\x01x\x01y" + name(b"a"), b"\x05\x02\x01\x00" + GRANTED, ("a", 443)),
    "D4 empty pair": (OPEN, ONLY_PASSWORD + b"\x01\x00\x00" + name(b"a"), b"\x05\x02\x01\x00" + GRANTED, ("a", 443)),
    "D4 no pair": (OPEN, ONLY_PASSWORD + name(b"a.example"), b"\x05\x02\x01\x01", None),
    "D4 both": (OPEN, b"\x05\x02\x02\x00" + name(b"a"), b"\x05\x00" + GRANTED, ("a", 443)),
    "A01": (LOCKED, LOGIN + ALICE, b"\x05\x02\x01\x00", None),
    "A02": (LOCKED, LOGIN + b"\x01\x05alice\x05wrong" + name(b"a"), b"\x05\x02\x01\x01", None),
    "A03": (LOCKED, LOGIN + b"\x01\x03eve\x06secret" + name(b"a"), b"\x05\x02\x01\x01", None),
    "A04": (LOCKED, LOGIN + b"\x05\x05alice\x06secret", b"\x05\x02\x01\x01", None),
    "A05 no user": (LOCKED, LOGIN + b"\x01\x00\x06secret", b"\x05\x02\x01\x01", None),
    "A05 no password": (LOCKED, LOGIN + b"\x01\x05alice\x00", b"\x05\x02\x01\x01", None),
    "A06": (LOCKED, LOGIN + b"\x01\xff" + b"u" * 255 + b"\xff" + b"p" * 255, b"\x05\x02\x01\x01", None),
    "A09": (LOCKED, LOGIN + ALICE + name(b"a"), b"\x05\x02\x01\x00" + GRANTED, ("a", 443)),
    "A10": (LOCKED, LOGIN + name(b"a.example"), b"\x05\x02\x01\x01", None),
    "R01 IPv4": (OPEN, HELLO + b"\x05\x01\x00\x01\x01\x02\x03\x04\x00\x50", b"\x05\x00" + GRANTED, ("1.2.3.4", 80)),
    "R01 IPv6": (
        OPEN,
        HELLO + b"\x05\x01\x00\x04" + bytes.fromhex("20010db8" + "00" * 11 + "01") + PORT,
        b"\x05\x00" + GRANTED,
        ("2001:db8::1", 443),
    ),
    "R02": (OPEN, HELLO + b"\x05\x01\x00\x03\x00" + PORT, b"\x05\x00" + five(1), None),
    "R03": (OPEN, HELLO + name(b"a." * 127 + b"a"), b"\x05\x00" + five(4), None),
    "R04 IPv4": (OPEN, HELLO + name(b"127.1"), b"\x05\x00" + GRANTED, ("127.0.0.1", 443)),
    "R04 IPv6": (OPEN, HELLO + name(b"[::1]"), b"\x05\x00" + GRANTED, ("::1", 443)),
    "R05": (OPEN, HELLO + name(b"Bank.EXAMPLE."), b"\x05\x00" + GRANTED, ("bank.example", 443)),
    "R06 NUL": (OPEN, HELLO + name(b"a\0b"), b"\x05\x00" + five(1), None),
    "R06 CR LF": (OPEN, HELLO + name(b"a\r\nb"), b"\x05\x00" + five(1), None),
    "R06 space": (OPEN, HELLO + name(b"a b"), b"\x05\x00" + five(1), None),
    "R07 IDN": (OPEN, HELLO + name("Bücher.example".encode()), b"\x05\x00" + GRANTED, ("xn--bcher-kva.example", 443)),
    "R07 empty label": (OPEN, HELLO + name(b"a..b"), b"\x05\x00" + five(4), None),
    "R07 long label": (OPEN, HELLO + name(b"a" * 64), b"\x05\x00" + five(4), None),
    "R08 type 0": (OPEN, HELLO + b"\x05\x01\x00\x00\x01\x02", b"\x05\x00" + five(8), None),
    "R08 type 2": (OPEN, HELLO + b"\x05\x01\x00\x02", b"\x05\x00" + five(8), None),
    "R08 type 255": (OPEN, HELLO + b"\x05\x01\x00\xff", b"\x05\x00" + five(8), None),
    "R09": (OPEN, HELLO + b"\x05\x01\x07\x01\x01\x02\x03\x04\x00\x50", b"\x05\x00" + five(1), None),
    "R10": (OPEN, HELLO + b"\x05\xf0\x00\x01\x01\x02\x03\x04\x00\x50", b"\x05\x00" + five(7), None),
    "R11 BIND": (OPEN, HELLO + b"\x05\x02\x00\x01\x01\x02\x03\x04\x00\x50", b"\x05\x00" + five(7), None),
    "R11 UDP": (OPEN, HELLO + b"\x05\x03\x00\x01\0\0\0\0\0\0", b"\x05\x00" + five(7), None),
    "R12": (OPEN, HELLO + b"\x05\x01\x00\x01\x01\x02\x03\x04\x00\x00", b"\x05\x00" + five(1), None),
    "version in request": (OPEN, HELLO + b"\x04\x01\x00\x01\x01\x02\x03\x04\x00\x50", b"\x05\x00" + five(1), None),
    "F01": (OPEN, b"\x04\x01\x00\x50\x01\x02\x03\x04me\0", b"\x00\x5a" + bytes(6), ("1.2.3.4", 80)),
    "F03": (OPEN, b"\x04\x01\x01\xbb\0\0\0\x01me\0A.example\0", b"\x00\x5a" + bytes(6), ("a.example", 443)),
    "F03 no name": (OPEN, b"\x04\x01\x01\xbb\0\0\0\x01me\0\0", b"\x00\x5b" + bytes(6), None),
    "F04": (OPEN, b"\x04\x01\x01\xbb\0\0\0\0me\0a.example\0", b"\x00\x5b" + bytes(6), None),
    "F05": (OPEN, b"\x04\x01\x01\xbb\x01\x02\x03\x04" + b"m" * 256, b"\x00\x5b" + bytes(6), None),
    "F05 just short enough": (
        OPEN,
        b"\x04\x01\x01\xbb\x01\x02\x03\x04" + b"m" * 255 + b"\0",
        b"\x00\x5a" + bytes(6),
        ("1.2.3.4", 443),
    ),
    "F06": (OPEN, b"\x04\x01\x01\xbb\0\0\0\x01me\0" + b"a" * 256, b"\x00\x5b" + bytes(6), None),
    "F07": (LOCKED, b"\x04\x01\x00\x50\x01\x02\x03\x04me\0", b"\x00\x5b" + bytes(6), None),
    "F08": (OPEN, b"\x04\x02\x00\x50\x01\x02\x03\x04me\0", b"\x00\x5b" + bytes(6), None),
    "port 0": (OPEN, b"\x04\x01\x00\x00\x01\x02\x03\x04me\0", b"\x00\x5b" + bytes(6), None),
}
UNFINISHED = {"N01", "N05 all but none", "N05 wanted last", "N08", "A01"}


def sent(events: list[Event]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, Send))


def targets(events: list[Event]) -> list[tuple[str, int]]:
    return [(event.host, event.port) for event in events if isinstance(event, Open)]


@pytest.mark.parametrize("case", CASES)
def test_a_row_of_the_cases(case: str) -> None:
    settings, data, answer, target = CASES[case]
    events, _ = drive(settings, [data])
    assert sent(events) == answer
    assert targets(events) == ([target] if target else [])
    if target is None and case not in UNFINISHED:
        assert isinstance(events[-1], Close) and not events[-1].reset
    else:
        assert not any(isinstance(event, Close) for event in events)


@pytest.mark.parametrize("case", CASES)
def test_n02_f09_every_cut_gives_the_same(case: str) -> None:
    settings, data, _, _ = CASES[case]
    whole = drive(settings, [data + b"early"])
    singles = [bytes((byte,)) for byte in data + b"early"]
    assert drive(settings, singles) == whole
    for cut in range(1, min(len(data) + 5, 40)):
        assert drive(settings, [(data + b"early")[:cut], (data + b"early")[cut:]]) == whole


@given(cuts=st.lists(st.integers(1, 60), max_size=6))
def test_r14_bytes_behind_the_request_come_once_and_in_order(cuts: list[int]) -> None:
    data = LOGIN + ALICE + name(b"a.example") + b"first of the data"
    bounds = [0, *sorted(cuts), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(bounds) if data[a:b]]
    events, user = drive(LOCKED, pieces)
    assert events[-1] == Transparent(b"first of the data")
    assert user == "alice"


@given(data=st.binary(min_size=1, max_size=60), locked=st.booleans(), cut=st.integers(1, 59))
def test_any_bytes_end_in_a_close_or_a_wait(data: bytes, locked: bool, cut: int) -> None:
    settings = LOCKED if locked else OPEN
    pieces = [piece for piece in (data[:cut], data[cut:]) if piece]
    events, _ = drive(settings, pieces)
    assert sum(isinstance(event, Close | Transparent) for event in events) <= 1
    assert (
        not locked
        or data[0] > 0x0F
        or not targets(events)
        or (b"alice", b"secret")
        in [(event.user, event.password) for event in events if isinstance(event, Authenticate)]
    )


@given(data=st.binary(max_size=80), locked=st.booleans(), cuts=st.sets(st.integers(1, 80)))
def test_socks_like_bytes_cut_anyhow_give_the_same(data: bytes, locked: bool, cuts: set[int]) -> None:
    settings = LOCKED if locked else OPEN
    data = (LOGIN if locked else HELLO) + data
    bounds = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    assert drive(settings, [data[a:b] for a, b in itertools.pairwise(bounds)]) == drive(settings, [data])


@pytest.mark.parametrize("first", [0, 1, 6, 0x16, 0x80, 255])
def test_n10_n12_a08_strangers_are_closed_in_silence(first: int) -> None:
    door = door_for(first, OPEN, Budget())
    (close,) = door.receive(bytes((first, 3, 1)))
    assert isinstance(close, Close) and not close.reset
    assert ("TLS" in close.reason) == (first == 0x16)
    assert door.receive(b"more") == [] and door.receive_eof() == [] and door.refused(Cause.LOOP) == []


@pytest.mark.parametrize("data", [b"\x05", HELLO, HELLO + name(b"a")[:-1], b"\x04\x01\x00"])
def test_n13_n15_r13_a_client_that_stops_short(data: bytes) -> None:
    for leaves in (True, False):
        door = door_for(data[0], OPEN, Budget())
        door.receive(data)
        assert door.in_handshake
        (close,) = door.receive_eof() if leaves else door.timed_out()
        assert isinstance(close, Close)
        assert not door.receive(name(b"a")) and not door.in_handshake


def test_r18_a_client_that_leaves_while_the_dial_is_pending() -> None:
    door = door_for(5, OPEN, Budget())
    door.receive(HELLO + name(b"a"))
    assert not door.in_handshake
    assert isinstance(door.receive_eof()[0], Close)
    assert door.opened() == []


def test_a_client_that_sent_ahead_may_end_its_side_early() -> None:
    door = door_for(5, OPEN, Budget())
    door.receive(HELLO + name(b"a") + b"request")
    assert door.receive_eof() == []
    assert door.opened()[-1] == Transparent(b"request")


def test_a07_credentials_are_bytes() -> None:
    events, _ = drive(LOCKED, [LOGIN + b"\x01\x04\xff\0:\x80\x01\xfe"])
    assert Authenticate(b"\xff\0:\x80", b"\xfe") in events
    assert "\\xfe" not in repr(events), "a password in a repr ends up in a log"


@pytest.mark.parametrize("cause", Cause)
def test_r15_refusals_are_whole_and_by_the_table(cause: Cause) -> None:
    door = door_for(5, OPEN, Budget())
    door.receive(HELLO + name(b"a"))
    assert door.refused(cause) == [Send(five(REPLIES[cause].socks5)), Close(False, cause.word)]
    door = door_for(4, OPEN, Budget())
    door.receive(b"\x04\x01\x00\x50\x01\x02\x03\x04me\0")
    assert door.refused(cause)[0] == Send(b"\x00\x5b" + bytes(6))


def test_a_late_verdict_changes_nothing() -> None:
    door = door_for(5, LOCKED, Budget())
    door.receive(LOGIN + ALICE)
    door.timed_out()
    assert door.authenticated(True) == [] and door.user is None
    assert door_for(4, LOCKED, Budget()).authenticated(True) == []
    assert "closed, 0 bytes kept" in repr(door)


def test_what_is_sent_ahead_is_bounded() -> None:
    door = door_for(5, LOCKED, Budget())
    door.receive(LOGIN + ALICE)
    wants = [door.wants_client_bytes]
    door.receive(bytes(KEPT_SOFT))
    assert [*wants, door.wants_client_bytes] == [True, False]
    (close,) = door.receive(bytes(KEPT_HARD))
    assert isinstance(close, Close) and close.reset


def test_a_transparent_door_does_not_lose_bytes_in_silence() -> None:
    door = door_for(5, OPEN, Budget())
    door.receive(HELLO + name(b"a"))
    door.opened()
    with pytest.raises(RuntimeError):
        door.receive(b"x")


def test_the_request_is_unreachable_without_a_password() -> None:
    """CVE-2023-43644: whatever a client sends, only an accepted password leads from PASSWORD to REQUEST."""
    into_request = {(state, step) for state, moves in TRANSITIONS.items() for step in moves if moves[step] == 3}
    assert into_request == {
        (HandshakeState.METHODS, Step.NO_PASSWORD_CHOSEN),
        (HandshakeState.CHECKING, Step.PASSWORD_ACCEPTED),
    }
    assert all(moves.get(Step.FAILED, HandshakeState.CLOSED) == HandshakeState.CLOSED for moves in TRANSITIONS.values())


def test_replies_have_their_fixed_length() -> None:
    lengths: dict[Callable[[int], bytes], Any] = {socks5_reply: 10, socks4_reply: 8}
    assert {reply: len(reply(1)) for reply in lengths} == lengths
