"""Heads of origins as they are: E5, and the kind of it."""

from collections.abc import Callable
from typing import Any

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingress.doors.origin_head import MOST_ORIGIN_HEAD, USUAL_HEAD, BadHead, OriginReader, clean_head, divide
from tests.odd_answers import CHUNKED, LENGTH, ODD, Odd, chunked, head

Responses = Callable[[bytes, list[bytes]], list[tuple[int, dict[bytes, bytes], bytes]]]
GET = b"GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n"


def deliver(shell: Any, raw: bytes, cut: int) -> None:
    """The origin of *shell*'s request sends *raw*, then FIN."""
    for at in range(0, len(raw), cut):
        if shell.current is not None:
            shell.upstream(raw[at : at + cut])
    if shell.current is not None and shell.closed is None:
        shell.lose()


def final(sent: bytes) -> bytes:
    """What stands behind the interim answers in *sent*."""
    while sent.startswith(b"HTTP/1.1 10"):
        sent = sent.partition(b"\r\n\r\n")[2]
    return sent


@pytest.mark.parametrize("cut", [1 << 20, 1])
@pytest.mark.parametrize("case", ODD)
def test_e5_what_clients_deliver_is_delivered(case: str, cut: int, shell: Any, responses: Responses) -> None:
    odd = ODD[case]
    if cut == 1 and len(odd.raw) > 5000:
        cut = 4096
    shell.origins["a.example:80"] = lambda asked: b""
    shell.send(GET)
    deliver(shell, odd.raw, cut)
    sent = final(shell.sent)
    if odd.body is None:
        assert sent.startswith(b"HTTP/1.1 502 ") or (shell.closed is not None and shell.closed.reset)
        return
    assert shell.closed is None
    ((status, fields, body),) = responses(sent, [b"GET"])
    assert (status, body) == (200, odd.body)
    assert b"connection" not in fields, "the client's connection is its own"


@pytest.mark.parametrize("case", [case for case, odd in ODD.items() if odd.body == b"ok"])
def test_e5_after_a_doubt_the_connection_is_not_used_again(case: str, shell: Any) -> None:
    odd = ODD[case]
    shell.origins["a.example:80"] = lambda asked: b""
    shell.send(GET)
    shell.upstream(odd.raw)
    assert (shell.current is not None) == (odd.keeps or _lasts_until_its_end(odd))


def _lasts_until_its_end(odd: Odd) -> bool:
    return b"chunked" not in odd.raw.lower() and b"content-length" not in odd.raw.lower()


@pytest.mark.parametrize(
    ("raw", "plain"),
    [(b"HTTP/2.0 201 \xb3\x0b\r\nServer : x\r\nA: b\r\n\tc  \r\nbad\r\n\r\n",
      b"HTTP/1.1 201 \xb3\r\nServer: x\r\nA: b c\r\n\r\n"),
     (b"ICY 200 OK\nicy-name:\n\n", b"HTTP/1.0 200 OK\r\nicy-name: \r\n\r\n"),
     (b"HTTP/1.1 200\r\nSet-Cookie: a=\0b\r\n\r\n", b"HTTP/1.1 200 \r\nSet-Cookie: a= b\r\n\r\n"),
     (b"HTTP/1.1 200 \r\nA:b\r\nTransfer-Encoding: identity\r\n" + LENGTH + b"\r\n",
      b"HTTP/1.1 200 \r\nA: b\r\n" + LENGTH + b"\r\n"),
     (b"HTTP/1.0 200 OK\r\n" + CHUNKED + b"\r\n", b"HTTP/1.0 200 OK\r\n" + CHUNKED + b"Connection: close\r\n\r\n")],
)  # fmt: skip
def test_e5_a_head_made_plain(raw: bytes, plain: bytes) -> None:
    assert clean_head(raw) == plain


@given(
    fields=st.lists(st.sampled_from([b"A: b", LENGTH[:-2], CHUNKED[:-2], b"Via: 1.0 x", b"X:", b"Cookie: \xe9;\t="])),
    version=st.sampled_from([b"1.0", b"1.1"]),
)  # fmt: skip
def test_a_plain_head_with_one_framing_is_left_alone(fields: list[bytes], version: bytes) -> None:
    raw = b"\r\n".join([b"HTTP/" + version + b" 404 Not Found", *fields, b"", b""])
    if raw.count(b"chunked") == 0 or (raw.count(b"chunked") == 1 and version == b"1.1" and LENGTH not in raw):
        assert clean_head(raw) == raw


NAMES = [b"Content-Length", b"Transfer-Encoding", b"content-length", b"X", b"Content Length", b"Connection"]
SEPARATORS = [b": ", b":", b" :", b"\t: ", b"", b":\r\n ", b"\r:"]
VALUES = [b"2", b"2, 2", b"3", b"chunked", b"identity", b"gzip", b"close", b"", b"\0", b"\x0b2", b"2\r"]
ENDS = [b"\r\n", b"\n", b"\r\n ", b"\r\r\n", b"\n\r", b"\r"]
LINES = st.tuples(*(st.sampled_from(parts) for parts in (NAMES, SEPARATORS, VALUES, ENDS))).map(b"".join)
STATUS = st.sampled_from(
    [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200\n", b"HTTP/2 200 OK\r\n", b"ICY 200 OK\r\n", b"HTTP/1.1 103\r\n"]
)


def judged(raw: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]] | None:
    """The head as h11 takes it, and its fields; None if it is refused."""
    try:
        plain = clean_head(raw)
        peer = h11.Connection(h11.CLIENT)
        peer.receive_data(plain)
        event = peer.next_event()
    except (BadHead, h11.RemoteProtocolError):
        return None
    assert isinstance(event, h11.Response | h11.InformationalResponse), "a whole head is one event"
    assert peer.trailing_data == (b"", False), "and nothing stands behind it"
    return plain, list(event.headers)


@settings(max_examples=500)
@given(
    st.one_of(
        st.binary(max_size=60),
        st.builds(lambda s, ls, d: s + b"".join(ls) + d, STATUS, st.lists(LINES, max_size=4), st.binary(max_size=8)),
    )
)
def test_any_bytes_become_a_head_with_one_framing_or_a_refusal(data: bytes) -> None:
    incoming = bytearray(data + b"\r\n\r\n")
    try:
        OriginReader().take(incoming)
    except BadHead:
        return
    raw = (data + b"\r\n\r\n")[: len(data) + 4 - len(incoming)].lstrip(b"\r\n")
    found = judged(raw)
    if found is None:
        return
    plain, fields = found
    names = [name for name, _ in fields]
    assert names.count(b"content-length") + names.count(b"transfer-encoding") <= 1, "one framing, if any"
    assert plain.count(b"\n\r\n") == 1 and plain.endswith(b"\r\n\r\n"), "one message"
    assert not any(byte in plain for byte in (b"\0", b"\x0b", b"\x0c")) and plain.count(b"\r") == plain.count(b"\r\n")
    assert clean_head(plain) == plain or b"chunked" in plain, "what is plain stays as it is"
    once_more = judged(plain)
    assert once_more is not None and dict(once_more[1]) == dict(fields)


@settings(max_examples=200)
@given(raw=st.binary(max_size=60), cuts=st.lists(st.integers(1, 9), max_size=30), case=st.sampled_from(sorted(ODD)))
def test_any_cut_gives_the_same_head(raw: bytes, cuts: list[int], case: str) -> None:
    data = (ODD[case].raw if len(ODD[case].raw) < 300 else raw) + raw
    whole, pieces = take_all(data, [len(data)]), take_all(data, cuts)
    assert whole == pieces


def take_all(data: bytes, cuts: list[int]) -> list[bytes | None]:
    """The heads that a reader finds in *data* if it comes in such pieces, and None where it gives up."""
    reader, incoming, found = OriginReader(), bytearray(), []
    for size in [*cuts, len(data)]:
        incoming += data[:size]
        data = data[size:]
        try:
            while (plain := reader.take(incoming)) is not None:
                found.append(plain)
        except BadHead:
            return [*found, None]
    return found


def test_heads_of_one_answer_have_one_bound() -> None:
    reader, interim = OriginReader(), head(b"X: " + b"x" * 8000 + b"\r\n", b"HTTP/1.1 102 Go", b"")
    fits = MOST_ORIGIN_HEAD // len(interim)
    incoming = bytearray(interim * (fits + 1))
    assert all(reader.take(incoming) for _ in range(fits))
    with pytest.raises(BadHead):
        reader.take(incoming)


def test_interim_answers_of_one_answer_are_a_hundred() -> None:
    """300 KiB of the smallest are 12,000, and would keep the loop for half a second."""
    reader, interim = OriginReader(), head(b"", b"HTTP/1.1 102 Go", b"")
    incoming = bytearray(interim * 100 + chunked())
    assert [b" 200 " in (reader.take(incoming) or b"") for _ in range(101)] == [False] * 100 + [True]
    reader, incoming = OriginReader(), bytearray(interim * 102)
    assert all(reader.take(incoming) for _ in range(101))
    with pytest.raises(BadHead):
        reader.take(incoming)


def test_of_a_large_head_h11_is_shown_what_it_acts_upon() -> None:
    """What it looks at it looks at three times, and a blank takes it a microsecond."""
    fields = b"".join(b"X-%d: a b\r\n" % number for number in range(900))
    shown, beside = divide(head(b"Connection: x-7\r\n" + fields + LENGTH, body=b""))
    assert shown == b"HTTP/1.1 200 OK\r\nConnection: x-7\r\nContent-Length: 2\r\n\r\n"
    assert len(beside) == 900 and beside[7] == (b"X-7", b"a b")
    usual = head(b"X: a b\r\n" + LENGTH, body=b"")
    assert divide(usual) == (usual, [])
    with pytest.raises(BadHead):
        divide(head(b"Connection: " + b"x, " * USUAL_HEAD + b"y\r\n" + LENGTH))


@pytest.mark.parametrize("size", [10, USUAL_HEAD])
def test_fields_pass_alike_whether_h11_is_shown_them_or_not(size: int, shell: Any, responses: Responses) -> None:
    fields = b"X:  a b\t\r\nConnection: gone\r\nGone: x\r\nSet-Cookie: 1\r\nSet-Cookie: 2\r\nEmpty:\r\n"
    shell.origins["a.example:80"] = lambda asked: b""
    shell.send(GET)
    shell.upstream(head(b"Long: " + b"y" * size + b"\r\n" + fields + LENGTH))
    lines = shell.sent.split(b"\r\n")
    ((status, found, body),) = responses(shell.sent, [b"GET"])
    assert (status, body, found[b"long"], found[b"x"], found[b"empty"]) == (200, b"ok", b"y" * size, b"a b", b"")
    assert b"gone" not in found and b"connection" not in found and shell.closed is None
    assert [line for line in lines if line.startswith(b"Set-Cookie")] == [b"Set-Cookie: 1", b"Set-Cookie: 2"]
