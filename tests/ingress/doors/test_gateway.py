"""Plain requests through the HTTP door, with origins in memory behind it: cases H but for bad answers."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingress.doors.door import KEPT_SOFT, DoorSettings
from relay.model.cause import Cause
from tests.ingress.doors.gateway_messages import LOCKED, OK, OPEN, SWITCHED, WEBSOCKET, get, login, post

Responses = Callable[[bytes, list[bytes]], list[tuple[int, dict[bytes, bytes], bytes]]]


def test_h01_h02_the_origin_gets_origin_form_and_its_own_host(shell: Any) -> None:
    shell.send(b"GET http://A.example:80/p?q HTTP/1.1\r\nHost: other\r\nX-Case: Kept\r\n\r\n")
    assert shell.streams[0].raw == (
        b"GET /p?q HTTP/1.1\r\nHost: a.example\r\nX-Case: Kept\r\nVia: 1.1 shanghai\r\n\r\n"
    )
    assert shell.sent == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nVia: 1.1 shanghai\r\n\r\nok"
    assert shell.opened == ["a.example:80"] and shell.closed is None


@pytest.mark.parametrize(
    ("data", "status"),
    [(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", 400), (b"GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400),
     (get(b"https://h/"), 501), (get(fields=b"Host: b\r\n"), 400), (get(fields=b"a b: c\r\n"), 400),
     (get(fields=b": c\r\n"), 400), (get(fields=b"nocolon\r\n"), 400), (get(fields=b"A: \0\r\n"), 400),
     (post(b"12345", b"Content-Length: 6\r\n"), 400), (get(fields=b"Content-Length: 5, 6\r\n"), 400),
     (get(fields=b"Content-Length: +5\r\n"), 400), (get(fields=b"Content-Length: 0x5\r\n"), 400),
     (get(fields=b"Content-Length: 1_0\r\n"), 400), (get(fields=b"Content-Length:\r\n"), 400),
     (get(fields=b"Content-Length: -0\r\n"), 400),
     (get(fields=b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400),
     (get(fields=b"Transfer-Encoding: gzip, chunked\r\n"), 501),
     (get(fields=b"Transfer-Encoding: chunked, identity\r\n"), 501),
     (get(fields=b"Transfer-Encoding: ,chunked\r\n"), 501), (get(fields=b"Transfer-Encoding: xchunked\r\n"), 501),
     (get(fields=b"Transfer-Encoding: \x0bchunked\r\n"), 400),
     (get(fields=b"Transfer-Encoding: chunked\r\n" * 2), 501),
     (get(fields=b"Transfer-Encoding: chunked\r\n", version=b"1.0"), 400)],
)  # fmt: skip
def test_h03_h04_h30_to_h37_refused_and_closed(data: bytes, status: int, shell: Any) -> None:
    shell.send(data + get())
    assert shell.sent.startswith(b"HTTP/1.1 %d " % status) and shell.sent.count(b"HTTP/1.1") == 1
    assert shell.closed is not None and not shell.opened


def test_e2_without_host_the_target_names_it(shell: Any) -> None:
    shell.send(b"GET http://a.example/ HTTP/1.1\r\nA: b\r\n\r\n")
    assert shell.streams[0].asked[0].field(b"host") == [b"a.example"] and shell.sent.endswith(b"ok")
    shell.send(b"TRACE http://a.example/ HTTP/1.1\r\nMax-Forwards: 0\r\n\r\n")
    assert b"HTTP/1.1\r\nMax-Forwards: 0" in shell.sent, "nothing is shown that the client did not send"
    shell.send(b"OPTIONS * HTTP/1.1\r\n\r\n")
    assert shell.closed is not None and b" 400 " in shell.sent, "`*` names none (RFC 9112 section 3.2)"


def test_e4_a_websocket_may_be_asked_for_as_ws(shell: Any) -> None:
    shell.origins["a.example:80"] = lambda asked: SWITCHED + b"frame"
    shell.send(get(b"ws://a.example/chat", WEBSOCKET))
    assert shell.streams[0].asked[0].target == b"/chat" and shell.streams[0].asked[0].field(b"upgrade") == [
        b"websocket"
    ]
    assert shell.sent.endswith(b"\r\n\r\nframe") and shell.early == b""


def test_h65_error_pages_repeat_nothing(shell: Any) -> None:
    shell.send(b"GET /<script> HTTP/1.1\r\nHost: h\r\nAuthorization: Basic c2VjcmV0\r\n\r\n")
    assert b"script" not in shell.sent and b"c2VjcmV0" not in shell.sent
    assert b"http://127.0.0.1:1080" in shell.sent


def test_h18_h22_hop_by_hop_both_ways(shell: Any) -> None:
    shell.origins["a.example:80"] = lambda asked: (
        b"HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n"
        b"X-End: 2\r\nContent-Length: 0\r\n\r\n"
    )
    shell.send(get(fields=b"Connection: X-Own\r\nX-Own: 1\r\nTE: trailers\r\nProxy-Connection: keep-alive\r\n"
                          b"Proxy-Authorization: Basic x\r\nAuthorization: Bearer y\r\n"))  # fmt: skip
    (asked,) = shell.streams[0].asked
    assert [name for name, _ in asked.fields] == [b"Host", b"Authorization", b"Via"]
    assert b"X-Hop" not in shell.sent and b"Keep-Alive" not in shell.sent and b"Proxy-Auth" not in shell.sent
    assert b"X-End: 2" in shell.sent


def test_e6_h20_no_via_unless_it_is_asked_for_and_then_a_loop_is_seen(shell: Any, shell_for: Any) -> None:
    shell.send(get(fields=b"Via: 1.1 other, 1.1 Shanghai\r\n"))
    assert b"502" in shell.sent and b"proxy_loop_detected" in shell.sent and not shell.opened and shell.closed is None
    private = shell_for(DoorSettings(needs_password=False, proxy_url="x", pseudonym="shanghai"))
    private.send(get(fields=b"Via: 1.1 shanghai\r\n"))
    assert private.streams[0].asked[0].field(b"via") == [b"1.1 shanghai"] and b"Via" not in private.sent


def test_h21_h04_what_ends_here(shell: Any) -> None:
    secret = b"Authorization: t\r\nCookie: t\r\nProxy-Authorization: t\r\nUser-Agent: me\r\n"
    shell.send(get(b"http://u:pw@a.example/x", b"Max-Forwards: 0\r\n" + secret, b"TRACE"))
    assert b"TRACE http://a.example/x HTTP/1.1\r\nHost: a.example\r\n" in shell.sent and b"User-Agent: me" in shell.sent
    assert b": t" not in shell.sent and b"pw" not in shell.sent and not shell.opened
    shell.send(get(fields=b"Max-Forwards: 0\r\n", method=b"OPTIONS") + get(b"*", method=b"OPTIONS"))
    assert shell.sent.count(b"Allow: CONNECT") == 2 and not shell.opened
    shell.send(get(b"http://a.example", b"Max-Forwards: 7\r\n", b"OPTIONS"))
    assert shell.streams[0].asked[0].target == b"*" and shell.streams[0].asked[0].field(b"max-forwards") == [b"6"]
    shell.send(get(fields=b"Max-Forwards: 0\r\n"))
    assert shell.streams[0].asked[1].field(b"max-forwards") == [b"0"], "only OPTIONS and TRACE count"


@pytest.mark.parametrize("cut", [1, 11, 10_000])
def test_h28_h48_many_hosts_on_one_connection_in_order(cut: int, shell: Any, responses: Responses) -> None:
    for host in ("a", "b", "c"):
        shell.origins[f"{host}:80"] = lambda asked, host=host: (
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n%b%b" % (host.encode(), asked.target)
        )
    order = [b"a/1", b"a/2", b"b/1", b"c/1", b"c/2", b"a/3"]
    shell.send(b"".join(get(b"http://" + url) for url in order), cut)
    assert [body for _, _, body in responses(shell.sent, [b"GET"] * 6)] == order
    assert shell.closed is None
    if cut < 100:  # each has its answer before the next one comes
        assert shell.opened == ["a:80", "b:80", "c:80", "a:80"], "the stream goes on while the authority is the same"
        assert shell.ends == ["FinishUpstream"] * 3


def test_a_connect_may_follow_plain_requests(shell: Any) -> None:
    shell.send(get() + b"CONNECT a.example:80 HTTP/1.1\r\nHost: x\r\n\r\nraw")
    assert shell.opened == ["a.example:80"] * 2 and shell.early == b"raw"


def test_h29_another_user_gets_another_stream(shell_for: Any) -> None:
    shell = shell_for(LOCKED)
    users = []
    for user in (b"alice", b"alice", b"bob", b"alice"):
        shell.send(get(fields=login(user)))
        users.append(shell.door.user)
    assert users == ["alice", "alice", "bob", "alice"]
    assert shell.opened == ["a.example:80"] * 3
    assert [user for user, _ in shell.asked] == [b"alice", b"alice", b"bob", b"alice"]  # each time: it may be taken out
    shell.send(get())
    assert shell.sent.endswith(b"may enter.\n") and len(shell.streams) == 3, "each request needs its own credentials"


@pytest.mark.parametrize("cut", [1, 3, 10_000])
@pytest.mark.parametrize("name", [b"chunked", b"ChUnKeD"])
def test_h34_h42_h47_bodies_are_framed_anew(cut: int, name: bytes, shell: Any) -> None:
    chunked = b"5;ext=1\r\nhello\r\n1\r\n!\r\n0\r\nHost: evil\r\nContent-Length: 9\r\n\r\n"
    shell.send(get(fields=b"Transfer-Encoding: " + name + b"\r\n", method=b"GET") + chunked + post(b"two"), cut)
    first, second = shell.streams[0].asked
    assert (first.body, second.body) == (b"hello!", b"two")
    assert b"ext" not in shell.streams[0].raw and b"evil" not in shell.streams[0].raw
    assert shell.sent.count(b"ok") == 2


def test_h39_a_bad_chunk_is_refused_before_the_answer(shell: Any) -> None:
    shell.send(get(fields=b"Transfer-Encoding: chunked\r\n", method=b"POST") + b"3\r\nabcX")
    assert shell.sent.startswith(b"HTTP/1.1 400 ") and shell.closed is not None
    assert shell.streams[0].asked[0].body == b""


def test_h14_100_is_relayed_once(shell: Any) -> None:
    shell.send(get(fields=b"Expect: 100-continue\r\nContent-Length: 3\r\n", method=b"POST"))
    assert shell.streams[0].asked[0].field(b"expect") == [b"100-continue"]
    shell.upstream(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
    assert shell.sent.startswith(b"HTTP/1.1 100 Continue\r\n")
    shell.send(b"abc")
    assert shell.sent.count(b"HTTP/1.1 100") == 1 and shell.sent.endswith(b"ok") and shell.closed is None


def test_h15_a_silent_origin_gets_the_body_when_the_client_sends_it(shell: Any) -> None:
    shell.send(get(fields=b"Expect: 100-continue\r\nContent-Length: 3\r\n", method=b"POST"))
    assert shell.sent == b"" and shell.door.wants_client_bytes
    shell.send(b"abc")
    assert shell.streams[0].asked[0].body == b"abc" and shell.sent.endswith(b"ok")


@pytest.mark.parametrize("status", [b"417 No", b"401 No", b"200 OK"])
def test_h16_a_final_answer_instead_of_100_ends_the_connection(status: bytes, shell: Any) -> None:
    shell.send(get(fields=b"Expect: 100-continue\r\nContent-Length: 40\r\n", method=b"POST"))
    shell.upstream(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\nno")
    assert b"Connection: close" in shell.sent and shell.sent.endswith(b"no")
    assert shell.closed is not None and not shell.closed.reset
    assert shell.door.receive(get()) == [], "neither a body nor a request is read any more"


def test_h58_an_early_413_is_delivered_while_the_client_uploads(shell: Any) -> None:
    shell.send(get(fields=b"Content-Length: 1000000\r\n", method=b"POST") + bytes(5000))
    shell.upstream(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
    assert b"Connection: close" in shell.sent and shell.sent.endswith(b"no") and not shell.closed.reset


def test_an_early_200_lets_the_upload_go_on(shell: Any) -> None:
    shell.send(get(fields=b"Content-Length: 10\r\n", method=b"POST") + b"12345")
    shell.upstream(OK)
    assert shell.sent.endswith(b"ok") and shell.closed is None
    shell.origins["a.example:80"] = shell.streams[0].script = lambda asked: b""
    shell.send(b"67890" + get())
    assert [asked.body for asked in shell.streams[0].asked] == [b"1234567890", b""]


@pytest.mark.parametrize("cause", [None, Cause.TARGET_RESET])
def test_an_origin_that_answers_early_and_leaves_ends_the_upload(cause: Cause | None, shell: Any) -> None:
    shell.send(get(fields=b"Content-Length: 10\r\n", method=b"POST") + b"12345")
    shell.upstream(OK)
    shell.lose(cause)
    assert shell.sent.endswith(b"ok") and shell.closed is not None and not shell.closed.reset


def test_h52_extra_bytes_behind_an_early_answer(shell: Any) -> None:
    shell.send(get(fields=b"Content-Length: 10\r\n", method=b"POST") + b"12345")
    shell.upstream(OK)
    shell.streams[0].script = lambda asked: b""
    shell.upstream(b"stray")
    shell.send(b"67890")
    assert b"stray" not in shell.sent and shell.ends == ["FinishUpstream"] and shell.closed is None


def test_h39_a_bad_chunk_behind_the_start_of_an_answer_is_a_cut(shell: Any) -> None:
    shell.send(get(fields=b"Transfer-Encoding: chunked\r\n", method=b"POST") + b"3\r\nabc\r\n")
    shell.upstream(OK[:-1])
    shell.send(b"nonsense\r\n")
    assert shell.sent.endswith(b"\r\n\r\no") and shell.closed is not None and shell.closed.reset


@pytest.mark.parametrize("cause", [None, Cause.TARGET_RESET])
def test_an_idle_stream_may_end(cause: Cause | None, shell: Any) -> None:
    shell.send(get())
    shell.lose(cause)
    assert shell.closed is None and shell.current is None
    assert shell.send(get()).opened == ["a.example:80"] * 2


def test_h17_http_1_0_clients(shell: Any) -> None:
    shell.origins["a.example:80"] = lambda asked: (
        b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    )
    shell.send(get(fields=b"Expect: 100-continue\r\nUpgrade: x\r\nConnection: upgrade\r\n", version=b"1.0"))
    (asked,) = shell.streams[0].asked
    assert not asked.field(b"expect") and not asked.field(b"upgrade") and asked.field(b"via") == [b"1.0 shanghai"]
    assert b"103" not in shell.sent and b"chunked" not in shell.sent and shell.sent.endswith(b"\r\n\r\nok")
    assert shell.closed is not None and not shell.closed.reset


def test_an_early_opened_that_was_wrong_is_told_truly(shell: Any) -> None:
    shell.origins["a.example:80"] = lambda asked: b""
    shell.send(get())
    shell.lose(Cause.REFUSED)
    assert b"error=connection_refused" in shell.sent and shell.closed is None


def test_h12_a_refused_target_leaves_the_connection(shell: Any) -> None:
    shell.refuse = Cause.NO_PATH
    shell.send(post(b"read over"))
    assert b"HTTP/1.1 503 " in shell.sent and b"Retry-After: 5" in shell.sent and shell.closed is None
    shell.refuse = None
    assert shell.send(get()).sent.endswith(b"ok")


def test_h59_a_client_that_leaves_within_its_upload(shell: Any) -> None:
    shell.send(get(fields=b"Content-Length: 9\r\n", method=b"POST") + b"1")
    shell.carry_out(shell.door.receive_eof())
    assert shell.closed is not None


def test_a_client_that_ends_its_side_still_gets_its_answers(shell: Any) -> None:
    shell.held = True
    shell.send(get() + get())
    shell.carry_out(shell.door.receive_eof())
    assert not shell.closed
    shell.upstream(OK, 1)
    assert not shell.closed
    shell.upstream(OK, 0)
    assert shell.sent.count(b"ok") == 2 and shell.closed and not shell.closed.reset


def test_a_kept_connection_without_a_request_is_idle(shell: Any) -> None:
    assert shell.door.in_handshake
    shell.send(get())
    assert not shell.door.in_handshake and shell.door.timed_out() == []
    shell.send(b"G")
    assert shell.door.in_handshake
    shell.carry_out(shell.door.receive_eof())
    assert shell.ends == ["FinishUpstream"] and shell.closed is not None


def test_connection_close_is_kept(shell: Any) -> None:
    shell.send(get(fields=b"Connection: close\r\n") + get())
    assert shell.sent.count(b"ok") == 1 and b"Connection: close" in shell.sent and shell.closed is not None


def test_pipelining_ahead_of_an_answer_is_bounded(shell: Any) -> None:
    shell.held = True
    shell.send(get())
    assert shell.door.wants_client_bytes and "uploaded=True answered=False" in repr(shell.door._current.exchange)
    shell.send(bytes(KEPT_SOFT))
    assert not shell.door.wants_client_bytes


def test_h61_megabytes_both_ways_in_bounded_memory(shell: Any) -> None:
    piece, count = bytes(range(256)) * 256, 64
    shell.keep_sent = False
    shell.origins["a.example:80"] = lambda asked: b""
    for fields, frame in (
        (b"Content-Length: %d\r\n" % (len(piece) * count), piece),
        (b"Transfer-Encoding: chunked\r\n", b"%x\r\n%b\r\n" % (len(piece), piece)),
    ):
        shell.send(get(fields=fields, method=b"PUT"))
        shell.streams[-1].keep_bodies = False
        for _ in range(count):
            shell.send(frame, 50_000)
            assert len(shell.door._incoming) < 300 and len(shell.door._current.exchange._incoming) == 0
        shell.send(b"0\r\n\r\n" if b"chunked" in fields else b"")
        assert shell.streams[-1].asked[-1].size == len(piece) * count
        shell.upstream(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n")
        got = 0
        for _ in range(count):
            shell.upstream(frame)
            got += len(shell.sent)
            assert len(shell.sent) < len(frame) + 500
        if b"chunked" in fields:
            shell.upstream(b"0\r\n\r\n")
        assert got >= len(piece) * count and shell.closed is None


@settings(max_examples=60)
@given(data=st.binary(max_size=80), start=st.sampled_from([b"", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\n", OK[:-2]]))
def test_any_answer_is_passed_on_or_ends(data: bytes, start: bytes, shell_for: Any) -> None:
    shell = shell_for(OPEN)
    shell.origins["a.example:80"] = lambda asked: start + data
    shell.send(get())
    if shell.current is not None:
        shell.lose()
    assert shell.sent or shell.closed is not None or shell.early is not None


@settings(max_examples=60)
@given(cuts=st.lists(st.integers(1, 50), min_size=1, max_size=20), body=st.binary(max_size=40))
def test_requests_and_answers_cut_anyhow_are_the_same(cuts: list[int], body: bytes, shell_for: Any) -> None:
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
    data = get() + post(body) + get(fields=b"Transfer-Encoding: chunked\r\n", method=b"PUT") + chunked + get(b"/bad")
    whole, cut = shell_for(OPEN), shell_for(OPEN)
    for shell in (whole, cut):
        shell.origins["a.example:80"] = lambda asked: (
            b"HTTP/1.1 200 OK\r\nX-Got: %b\r\nContent-Length: 2\r\n\r\nok" % (asked.body.hex().encode() or b"-")
        )
    whole.send(data)
    for size in cuts:
        piece, data = data[:size], data[size:]
        cut.send(piece)
    cut.send(data)
    assert cut.sent == whole.sent and cut.opened == whole.opened and cut.closed == whole.closed
    assert [asked.body for asked in cut.streams[0].asked] == [b"", body, body]
