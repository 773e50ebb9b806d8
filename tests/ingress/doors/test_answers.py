"""What origins answer to plain requests, well or badly, through the HTTP door: cases H49 to H57."""

from collections.abc import Callable
from typing import Any

import pytest

from ingress.doors.origin_head import MOST_ORIGIN_HEAD
from relay.model.cause import Cause

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Responses = Callable[[bytes, list[bytes]], list[tuple[int, dict[bytes, bytes], bytes]]]


def get(fields: bytes = b"", method: bytes = b"GET") -> bytes:
    return method + b" http://a.example/ HTTP/1.1\r\nHost: a.example\r\n" + fields + b"\r\n"


BAD_ANSWERS = {
    "H49 two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    "H49 bad length": b"HTTP/1.1 200 OK\r\nContent-Length: 2x\r\n\r\nok",
    "H49 coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
    "H55 not asked": b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nx",
    "head too long": b"HTTP/1.1 200 OK\r\nX: " + b"x" * MOST_ORIGIN_HEAD + b"\r\n\r\n",
    "rubbish": b"\x16\x03\x01 rubbish\r\n\r\n",
    "status": b"HTTP/1.1 099 What\r\n\r\n",
}


@pytest.mark.parametrize("case", BAD_ANSWERS)
def test_h49_h55_an_origin_that_answers_nonsense_is_a_502(case: str, shell: Any) -> None:
    shell.origins["a.example:80"] = lambda asked: BAD_ANSWERS[case]
    shell.send(get())
    assert shell.sent.startswith(b"HTTP/1.1 502 ") and b"error=http_protocol_error" in shell.sent
    assert shell.ends == ["ResetUpstream"] and shell.closed is None, "the client's connection is in step"
    shell.origins["a.example:80"] = lambda asked: OK
    assert shell.send(get()).sent.endswith(b"ok") and len(shell.opened) == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
    ],
)
@pytest.mark.parametrize("cause", [None, Cause.EXIT_LOST])
def test_h50_an_answer_cut_short_is_visibly_cut(answer: bytes, cause: Cause | None, shell: Any) -> None:
    shell.origins["a.example:80"] = lambda asked: answer
    shell.send(get())
    shell.lose(cause)
    assert shell.closed is not None and shell.closed.reset and b"0\r\n\r\n" not in shell.sent


def test_h50_a_bad_chunk_from_the_origin_is_a_cut(shell: Any) -> None:
    shell.origins["a.example:80"] = lambda asked: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"
    shell.send(get())
    shell.upstream(b"nonsense\r\n")
    assert shell.closed is not None and shell.closed.reset and shell.ends == ["ResetUpstream"]


def test_h51_an_answer_until_the_end_of_its_connection(shell: Any, responses: Responses) -> None:
    shell.origins["a.example:80"] = lambda asked: b"HTTP/1.1 200 OK\r\n\r\nall"
    shell.send(get())
    assert not shell.sent.endswith(b"0\r\n\r\n")
    shell.lose()
    assert responses(shell.sent, [b"GET"])[0][2] == b"all" and shell.closed is None
    assert shell.send(get()).opened == ["a.example:80"] * 2


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_origins_that_close_are_not_asked_again(version: bytes, shell: Any) -> None:
    shell.origins["a.example:80"] = lambda asked: (
        b"HTTP/" + version + b" 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    )
    shell.send(get() + get())
    assert shell.ends[0] == "FinishUpstream" and len(shell.opened) == 2 and shell.closed is None
    assert b"Connection: close" not in shell.sent, "the client's connection is its own"


def test_h52_extra_bytes_are_dropped_with_their_stream(shell: Any, responses: Responses) -> None:
    shell.origins["a.example:80"] = lambda asked: OK + b"HTTP/1.1 200 OK\r\n\r\nevil"
    shell.send(get() + get())
    assert b"evil" not in shell.sent and len(shell.opened) == 2
    shell.origins["a.example:80"] = lambda asked: OK
    shell.send(get())
    shell.upstream(b"late")
    assert shell.ends[-1] == "ResetUpstream" and len(responses(shell.sent, [b"GET"] * 3)) == 3


@pytest.mark.parametrize(
    ("method", "answer"),
    [(b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), (b"HEAD", b"HTTP/1.1 200 OK\r\n\r\n"),
     (b"HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
     (b"GET", b"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n"),
     (b"GET", b"HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n")],
)  # fmt: skip
def test_h53_answers_without_a_body(method: bytes, answer: bytes, shell: Any, responses: Responses) -> None:
    shell.origins["a.example:80"] = lambda asked: answer
    shell.send(get(method=method)).send(get(method=method))
    first, _ = responses(shell.sent, [method] * 2)
    assert first[2] == b"" and shell.opened == ["a.example:80"]
    assert (first[1].get(b"content-length") == b"5") == (b"Content-Length" in answer and b"204" not in answer)


WEBSOCKET = b"Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: k\r\n"
SWITCHED = b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX: y\r\n\r\n"


@pytest.mark.parametrize("cut", [1, 10_000])
def test_h54_an_upgrade_with_bytes_glued_on_at_both_ends(cut: int, shell: Any) -> None:
    shell.held = True
    shell.send(get(fields=WEBSOCKET), cut).send(b"client frame", cut)
    asked = shell.streams[0].asked[0]
    assert asked.field(b"upgrade") == [b"WebSocket"] and asked.field(b"connection") == [b"Upgrade"]
    shell.upstream(SWITCHED + b"server frame")
    assert shell.sent.startswith(b"HTTP/1.1 101 Switching\r\nX: y\r\n") and shell.sent.endswith(b"\r\n\r\nserver frame")
    assert b"Upgrade: websocket\r\n" in shell.sent and shell.early == b"client frame"


def test_an_upgrade_that_is_refused_leaves_the_connection(shell: Any) -> None:
    shell.send(get(fields=WEBSOCKET) + get())
    assert shell.early is None and len(shell.streams[0].asked) == 2


@pytest.mark.parametrize("answer", [SWITCHED.replace(b"websocket", b"other"), SWITCHED.replace(b"Upgrade: w", b"X: w")])
def test_h55_another_protocol_than_asked(answer: bytes, shell: Any) -> None:
    shell.origins["a.example:80"] = lambda asked: answer
    shell.send(get(fields=WEBSOCKET))
    assert shell.sent.startswith(b"HTTP/1.1 502 ") and shell.early is None


def test_h56_interim_answers(shell: Any) -> None:
    shell.send(get())
    early = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    shell.sent = b""
    shell.streams[0].script = lambda asked: early
    shell.send(get())
    assert shell.sent == early
    shell.lose()
    assert shell.sent.startswith(early + b"HTTP/1.1 502 ") and b"connection_terminated" in shell.sent


@pytest.mark.parametrize("cause", [None, Cause.GONE])
@pytest.mark.parametrize(
    ("request_bytes", "repeated"),
    [(get(), True), (get(method=b"HEAD"), True), (get(method=b"POST"), False),
     (get(b"Content-Length: 1\r\n", b"POST") + b"x", False),
     (get(method=b"DELETE"), False), (get(fields=b"Content-Length: 1\r\n") + b"x", False)],
)  # fmt: skip
def test_h57_a_kept_stream_that_died_is_tried_once_more(
    cause: Cause | None, request_bytes: bytes, repeated: bool, shell: Any
) -> None:
    shell.send(get())
    shell.streams[0].script = lambda asked: b""
    shell.send(request_bytes)
    shell.lose(cause)
    assert (len(shell.opened) == 2) == repeated and (b"HTTP/1.1 502 " in shell.sent) != repeated
    assert shell.closed is None


def test_h57_a_fresh_stream_is_not_tried_again(shell: Any) -> None:
    shell.origins["a.example:80"] = lambda asked: b""
    shell.send(get())
    shell.lose()
    assert shell.opened == ["a.example:80"] and b"502" in shell.sent
