"""CONNECT and passwords at the HTTP door."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.doors.budget import Budget
from ingress.doors.door import KEPT_HARD, KEPT_SOFT, DoorSettings
from ingress.doors.events import Authenticate, Close, Open, Send, Transparent
from ingress.doors.http import HttpDoor
from ingress.doors.kept import MOST_ANSWERS, MOST_DRAINED, MOVES, HttpState
from ingress.doors.replies import REPLIES
from relay.model.cause import Cause

OPEN = DoorSettings(needs_password=False, proxy_url="http://127.0.0.1:1080")
LOCKED = DoorSettings(needs_password=True, proxy_url="http://127.0.0.1:1080")
HEAD = b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n"
CONNECT = HEAD + b"\r\n"
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def auth(user: bytes = b"alice", password: bytes = b"secret") -> bytes:
    return b"Proxy-Authorization: Basic " + base64.b64encode(user + b":" + password) + b"\r\n"


@given(cut=st.integers(1, 80))
def test_h08_h09_h13_bytes_behind_the_head_come_once_and_in_order(cut: int) -> None:
    data = CONNECT + b"\x16\x03\x01early"
    door = HttpDoor(OPEN, Budget())
    events = door.receive(data[:cut]) + (door.receive(data[cut:]) if data[cut:] else [])
    assert events == [Open("a.example", 443)] and not door.in_handshake
    assert door.opened() == [Send(ESTABLISHED), Transparent(b"\x16\x03\x01early")]
    with pytest.raises(RuntimeError):
        door.receive(b"x")


@pytest.mark.parametrize(
    "head",
    [b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: x\r\n\r\n", b"CONNECT [2001:db8::1]:443 HTTP/1.0\r\n\r\n",
     b"connect".upper() + b" [2001:0db8::1]:443 HTTP/1.1\r\nHost:\r\n\r\n"],
)  # fmt: skip
def test_h06_h11_connect_to_ipv6_and_over_http_1_0(head: bytes) -> None:
    assert HttpDoor(OPEN, Budget()).receive(head) == [Open("2001:db8::1", 443)]


@pytest.mark.parametrize(
    ("head", "status"),
    [(b"CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", 400), (b"CONNECT http://a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
     (b"CONNECT a:0 HTTP/1.1\r\nHost: a\r\n\r\n", 400), (b"CONNECT u@a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
     (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", 400), (HEAD + b"Content-Length: 5, 6\r\n\r\n", 400),
     (HEAD + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", 400), (HEAD + b"Host: b\r\n\r\n", 400),
     (b"CONNECT a..b:443 HTTP/1.1\r\nHost: a\r\n\r\n", 502), (b"CONNECT a:443 HTTP/2.0\r\nHost: a\r\n\r\n", 505)],
)  # fmt: skip
def test_h05_h07_h10_refused_and_closed(head: bytes, status: int) -> None:
    door = HttpDoor(OPEN, Budget())
    send, close = door.receive(head + b"GET http://evil/ HTTP/1.1\r\n\r\n")
    assert isinstance(send, Send) and send.data.startswith(b"HTTP/1.1 %d " % status)
    assert b"Connection: close" in send.data and isinstance(close, Close) and not close.reset
    assert door.receive(b"more") == []


LENGTHS = [b"Content-Length: 0\r\n", b"Content-Length: 300000\r\n"]  # as WinINet and WinHTTP say


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize("length", LENGTHS)
def test_e1_h10_what_follows_a_connect_with_a_length_is_tunnel(length: bytes, version: bytes) -> None:
    door = HttpDoor(OPEN, Budget())
    head = b"CONNECT a.example:443 HTTP/%b\r\nHost: a.example\r\n%b\r\n" % (version, length)
    assert door.receive(head + b"\x16\x03\x01") == [Open("a.example", 443)]
    assert door.receive(b"early") == []
    assert door.opened()[1] == Transparent(b"\x16\x03\x01early")


@pytest.mark.parametrize("length", LENGTHS)
def test_e1_h10_a_connect_with_a_length_that_is_refused_is_the_last(length: bytes, shell_for: Any) -> None:
    shell = shell_for(LOCKED).send(HEAD + length + b"\r\n")
    assert shell.sent.startswith(b"HTTP/1.1 407 ") and (b"Connection: close" in shell.sent) == (b"300000" in length)
    assert (shell.closed is not None) == (b"300000" in length), "a body may follow that is no request"
    shell = shell_for(OPEN)
    shell.refuse = Cause.REFUSED
    assert shell.send(HEAD + length + b"\r\n").closed is not None


def test_e2_the_target_names_the_host() -> None:
    assert HttpDoor(OPEN, Budget()).receive(b"CONNECT a:443 HTTP/1.1\r\n\r\n") == [Open("a", 443)]


def test_e7_connect_is_answered_in_the_clients_version(shell_for: Any) -> None:
    head = b"CONNECT a.example:443 HTTP/1.0\r\n"
    assert shell_for(OPEN).send(head + b"\r\n").sent == b"HTTP/1.0 200 Connection established\r\n\r\n"
    assert shell_for(LOCKED).send(head + b"\r\n").sent.startswith(b"HTTP/1.0 407 ")
    refusing = shell_for(OPEN)
    refusing.refuse = Cause.REFUSED
    assert refusing.send(head + b"\r\n").sent.startswith(b"HTTP/1.0 502 ")


@pytest.mark.parametrize("cause", Cause)
def test_h12_a_refused_connect_names_its_cause_and_ends(cause: Cause) -> None:
    door = HttpDoor(OPEN, Budget())
    door.receive(CONNECT)
    events = door.refused(cause)
    assert isinstance(events[0], Send) and events[0].data.startswith(b"HTTP/1.1 %d " % REPLIES[cause].status)
    assert b"error=" + REPLIES[cause].error.encode() in events[0].data
    assert isinstance(events[-1], Close), "bytes sent ahead of the answer must not become a request"


def test_r18_a_client_that_leaves_while_the_dial_is_pending() -> None:
    door = HttpDoor(OPEN, Budget())
    door.receive(CONNECT)
    (close,) = door.receive_eof()
    assert isinstance(close, Close) and door.opened() == [] and door.refused(Cause.REFUSED) == []


def test_what_is_sent_ahead_is_bounded() -> None:
    door = HttpDoor(OPEN, Budget())
    door.receive(CONNECT)
    assert door.receive(bytes(KEPT_SOFT)) == [] and not door.wants_client_bytes
    (close,) = door.receive(bytes(KEPT_HARD))
    assert isinstance(close, Close) and close.reset


@pytest.mark.parametrize("user", [b"alice", b"eve", None])
@pytest.mark.parametrize("password", [b"secret", b"wrong"])
def test_h23_h24_h27_only_both_right_pass(user: bytes | None, password: bytes, shell_for: Any) -> None:
    shell = shell_for(LOCKED)
    shell.send(HEAD + (auth(user, password) if user else b"") + b"\r\n")
    if (user, password) == (b"alice", b"secret"):
        assert shell.sent == ESTABLISHED and shell.door.user == "alice" and shell.opened == ["a.example:443"]
    else:
        assert shell.sent.startswith(b"HTTP/1.1 407 ") and shell.door.user is None and not shell.opened
        assert b'Proxy-Authenticate: Basic realm="ingress", charset="UTF-8"\r\n' in shell.sent
        assert shell.closed is None


def test_d4_where_no_password_is_needed_any_pair_is_good_and_names_nobody(shell_for: Any) -> None:
    shell = shell_for(OPEN)
    shell.send(HEAD + auth(b"eve", b"wrong") + b"\r\n")
    assert shell.sent == ESTABLISHED and shell.door.user is None and not shell.asked


@pytest.mark.parametrize("field", [b"Basic !!", b"Basic bm9jb2xvbg==", b"Bearer YWxpY2U6c2VjcmV0"])
def test_h26_malformed_credentials_are_asked_for_again(field: bytes, shell_for: Any) -> None:
    shell = shell_for(LOCKED).send(HEAD + b"Proxy-Authorization: " + field + b"\r\n\r\n")
    assert shell.sent.startswith(b"HTTP/1.1 407 ") and shell.closed is None and not shell.asked


@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_h25_407_then_success_on_the_same_connection(cut: int, shell_for: Any) -> None:
    shell = shell_for(LOCKED).send(CONNECT + HEAD + auth(b"alice", b"no") + b"\r\n" + HEAD + auth() + b"\r\nearly", cut)
    assert shell.sent.count(b"HTTP/1.1 407 ") == 2 and shell.sent.endswith(ESTABLISHED)
    assert shell.early == b"early" and len(shell.asked) == 2


def post(fields: bytes, body: bytes) -> bytes:
    return b"POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\n" + fields + b"\r\n" + body


@pytest.mark.parametrize("cut", [1, 1000])
def test_h25_a_refused_body_is_read_over(cut: int, shell_for: Any) -> None:
    body = b"GET http://evil/ HTTP/1.1\r\n\r\n"
    shell = shell_for(LOCKED).send(post(b"Content-Length: %d\r\n" % len(body), body), cut)
    assert shell.sent.count(b"HTTP/1.1 ") == 1 and shell.closed is None
    shell.send(HEAD + auth() + b"\r\n", cut)
    assert shell.opened == ["a.example:443"]


@pytest.mark.parametrize(
    "fields",
    [b"Content-Length: %d\r\n" % (MOST_DRAINED + 1), b"Transfer-Encoding: chunked\r\n",
     b"Content-Length: 5\r\nExpect: 100-continue\r\n", b"Content-Length: 5\r\nConnection: close\r\n"],
)  # fmt: skip
def test_h16_a_body_that_cannot_be_read_over_ends_the_connection(fields: bytes, shell_for: Any) -> None:
    shell = shell_for(LOCKED).send(post(fields, b""))
    assert shell.sent.startswith(b"HTTP/1.1 407 ") and b"Connection: close" in shell.sent
    assert shell.closed is not None and not shell.closed.reset


def test_a_flood_of_questions_ends(shell_for: Any) -> None:
    shell = shell_for(LOCKED).send(CONNECT * (MOST_ANSWERS - 1))
    assert not shell.closed
    shell.send(CONNECT)
    assert shell.closed and shell.sent.count(b"HTTP/1.1 407 ") == MOST_ANSWERS


def test_bytes_wait_while_a_password_is_checked() -> None:
    door = HttpDoor(LOCKED, Budget())
    assert door.receive(HEAD + auth() + b"\r\nearly") == [Authenticate(b"alice", b"secret")]
    assert door.in_handshake and door.receive(b" and more") == []
    assert door.authenticated(True) == [Open("a.example", 443)]
    assert door.opened()[-1] == Transparent(b"early and more")


@pytest.mark.parametrize("sent", [b"", b"GET http://a/ HT"])
def test_h60_the_deadline_is_told_if_a_request_was_begun(sent: bytes) -> None:
    door = HttpDoor(OPEN, Budget())
    assert not sent or door.receive(sent) == []
    assert door.in_handshake
    *page, close = door.timed_out()
    assert isinstance(close, Close) and bool(page) == bool(sent)
    assert not page or b"408" in page[0].data  # type: ignore[union-attr]
    assert door.timed_out() == [] and not door.in_handshake


def test_n15_a_client_that_leaves_within_a_head() -> None:
    for sent in (b"G", HEAD):
        door = HttpDoor(OPEN, Budget())
        door.receive(sent)
        (close,) = door.receive_eof()
        assert isinstance(close, Close) and not close.reset


@given(data=st.binary(min_size=1, max_size=120), locked=st.booleans())
def test_any_bytes_end_in_a_close_or_a_wait(data: bytes, locked: bool) -> None:
    for start in (b"", b"GET http://a/ HTTP/1.1\r\nHost: a\r\n", b"POST http://a/ HTTP/1.1\r\nTransfer-Encoding: "):
        door = HttpDoor(LOCKED if locked else OPEN, Budget())
        events = door.receive(start + data) + door.receive_eof() + door.timed_out()
        assert sum(isinstance(event, Close) for event in events) <= 1
        assert all(not isinstance(event, Open) for event in events) or not locked


def test_answers_that_come_too_late_change_nothing() -> None:
    door = HttpDoor(LOCKED, Budget())
    assert door.authenticated(True) == [] and door.opened() == [] and door.refused(Cause.LIMIT) == []
    door.receive(HEAD + auth() + b"\r\n")
    door.receive_eof()
    assert door.authenticated(True) == [] and door.user is None
    assert door.receive_upstream(b"x") == [] and door.upstream_eof() == [] and door.upstream_reset(Cause.GONE) == []


def test_moves_that_are_not_in_the_table_are_bugs() -> None:
    door = HttpDoor(OPEN, Budget())
    with pytest.raises(RuntimeError, match="head None, 0 bytes kept"):
        door._go(HttpState.TRANSPARENT)
    assert not MOVES[HttpState.CLOSED] and not MOVES[HttpState.TRANSPARENT]
    assert HttpState.TRANSPARENT not in MOVES[HttpState.HEAD] | MOVES[HttpState.CHECKING]
    door.receive(CONNECT)
    assert "opening <Request CONNECT" in repr(door)
    door.opened()
    assert door.receive_eof() == [], "what ends now is the stream's affair"
