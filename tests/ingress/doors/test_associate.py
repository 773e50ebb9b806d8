"""UDP ASSOCIATE at the SOCKS5 door: U02, U03, U05, U09, U19."""

import pytest

from ingress.doors.budget import Budget
from ingress.doors.door import KEPT_HARD, DoorSettings
from ingress.doors.events import Associate, Authenticate, Close, Event, Send
from ingress.doors.sniff import door_for
from ingress.doors.socks5 import Socks5

TAKES = DoorSettings(needs_password=False, proxy_url="x", udp=True)
LOCKED = DoorSettings(needs_password=True, proxy_url="x", udp=True)
HELLO = b"\x05\x01\x00"
NOWHERE = b"\x05\x03\x00\x01\0\0\0\0\0\0"
NOT_SERVED = b"\x05\x07\x00\x01\0\0\0\0\0\0"


def asked(data: bytes, settings: DoorSettings = TAKES) -> tuple[Socks5, list[Event]]:
    door = door_for(5, settings, Budget())
    assert isinstance(door, Socks5)
    return door, door.receive(data)


@pytest.mark.parametrize(
    ("request_bytes", "told"),
    [
        (NOWHERE, Associate("0.0.0.0", 0)),
        (b"\x05\x03\x00\x01\xc0\xa8\x01\x02\x12\x34", Associate("192.168.1.2", 0x1234)),
        (b"\x05\x03\x00\x04" + bytes(15) + b"\x01\x00\x07", Associate("::1", 7)),
        (b"\x05\x03\x00\x03\x06target\x01\xbb", Associate("", 443)),
        (b"\x05\x03\x00\x03\x00\x00\x00", Associate("", 0)),
    ],
    ids=["U03 zeros", "IPv4", "IPv6", "a name says nothing", "an empty name"],
)
def test_u03_u05_what_a_client_says_of_itself(request_bytes: bytes, told: Associate) -> None:
    for cut in range(len(request_bytes) + 1):
        door, events = asked(HELLO + request_bytes[:cut])
        events += door.receive(request_bytes[cut:]) if cut < len(request_bytes) else []
        assert events[-1] == told
        assert not door.in_handshake


@pytest.mark.parametrize(
    ("host", "bound"),
    [("192.0.2.1", b"\x01\xc0\x00\x02\x01"), ("2001:db8::1", b"\x04" + bytes.fromhex("20010db8" + "0" * 23 + "1"))],
)
def test_u02_the_answer_says_where_datagrams_go(host: str, bound: bytes) -> None:
    door, _ = asked(HELLO + NOWHERE)
    assert door.associated((host, 4660)) == [Send(b"\x05\x00\x00" + bound + b"\x12\x34")]


def test_u09_the_end_of_the_connection_is_that_of_the_association() -> None:
    door, _ = asked(HELLO + NOWHERE + b"early")
    door.associated(("127.0.0.1", 9))
    assert door.receive(b"what a client says beside its datagrams") == []
    assert door.receive(bytes(KEPT_HARD + 1)) == [] and door.wants_client_bytes
    (close,) = door.receive_eof()
    assert isinstance(close, Close) and not close.reset
    assert door.receive_eof() == [] and door.associated(("127.0.0.1", 9)) == []


def test_a_client_that_leaves_before_the_answer() -> None:
    door, _ = asked(HELLO + NOWHERE)
    assert isinstance(door.receive_eof()[-1], Close)
    assert door.associated(("127.0.0.1", 9)) == [] and door.associated(None) == []


def test_u19_no_datagrams_here_or_not_now() -> None:
    door, _ = asked(HELLO + NOWHERE)
    answer, close = door.associated(None)
    assert answer == Send(NOT_SERVED) and isinstance(close, Close)
    _, events = asked(HELLO + NOWHERE, DoorSettings(needs_password=False, proxy_url="x"))
    assert events[1] == Send(NOT_SERVED) and isinstance(events[-1], Close)


def test_u05_a_password_comes_first_where_one_is_needed() -> None:
    door, events = asked(b"\x05\x01\x02\x01\x05alice\x06secret" + NOWHERE, LOCKED)
    assert events[-1] == Authenticate(b"alice", b"secret")
    assert door.associated(("127.0.0.1", 9)) == [], "nobody has asked yet"
    assert door.authenticated(True)[-1] == Associate("0.0.0.0", 0)
    assert door.user == "alice"


@pytest.mark.parametrize("first", [b"\x04", b"G"])
def test_other_protocols_ask_for_no_datagrams(first: bytes) -> None:
    assert door_for(first[0], TAKES, Budget()).associated(("127.0.0.1", 9)) == []
