"""The parts of the HTTP door one by one: targets, heads, bodies, fields, credentials."""

import base64
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.doors.basic import parse_credentials
from ingress.doors.body import MOST_TRAILERS, BadBody, ChunkedBody, CountedBody, EndlessBody
from ingress.doors.budget import Budget
from ingress.doors.headers import end_to_end, passed_here, upgrade_asked, via
from ingress.doors.refusal import RequestRefused
from ingress.doors.request import Request
from ingress.doors.strict import MOST_BLANKS, MOST_HEAD, MOST_TARGET, HeadReader, RequestReader, plain_head
from ingress.doors.target import Target, check_host_field, parse_absolute, parse_connect

ABSOLUTE = {
    b"http://h/p?q": ("h", 80, b"/p?q", b"h"),
    b"HTTP://H.Example.:80/": ("h.example", 80, b"/", b"h.example"),
    b"http://h:8080": ("h", 8080, b"/", b"h:8080"),
    b"http://h:/": ("h", 80, b"/", b"h"),
    b"http://h?q=/x": ("h", 80, b"/?q=/x", b"h"),
    b"http://[2001:DB8::1]:81/a": ("2001:db8::1", 81, b"/a", b"[2001:db8::1]:81"),
    b"http://user:pa%40ss@h/x@y": ("h", 80, b"/x@y", b"h"),
    b"http://127.1/": ("127.0.0.1", 80, b"/", b"127.0.0.1"),
    b'http://h/"<>|{}^`\\': ("h", 80, b'/"<>|{}^`\\', b"h"),
    b"ws://h/chat": ("h", 80, b"/chat", b"h"),
    b"http://b%C3%BCcher.de/": ("xn--bcher-kva.de", 80, b"/", b"xn--bcher-kva.de"),
}


@pytest.mark.parametrize("raw", ABSOLUTE)
def test_h01_h63_absolute_form(raw: bytes) -> None:
    host, port, path, authority = ABSOLUTE[raw]
    target = parse_absolute(b"GET", raw, "x")
    assert (target, target.authority) == (Target(host, port, path), authority)


@pytest.mark.parametrize(
    ("raw", "status"),
    [(b"/", 400), (b"*", 400), (b"host:80", 400), (b"admin", 400), (b"http:///x", 400), (b"http://", 400),
     (b"http://h#f", 400), (b"http://h/#f", 400), (b"http://h:0/", 400), (b"http://h:65536/", 400),
     (b"http://h:8x/", 400), (b"http://a@b@h/", 400), (b"http://a b/", 400), (b"http://h%00/", 400),
     (b"http://b\xfccher.de/", 400), (b"http://b%FCcher.de/", 400), (b"http://h%41/", 400),
     (b"http://2001:db8::1/", 400), (b"http://[::1", 400), (b"http://\\h/", 400), (b"http://a..b/", 502),
     (b"https://h/", 501), (b"ftp://h/", 501), (b"wss://h/", 501), (b"http://h:99999999999999/", 400)],
)  # fmt: skip
def test_h03_h04_h62_h63_no_absolute_form(raw: bytes, status: int) -> None:
    with pytest.raises(RequestRefused) as caught:
        parse_absolute(b"GET", raw, "http://proxy:1080")
    assert caught.value.status == status
    assert ("http://proxy:1080" in caught.value.text) == (b"://" not in raw)


def test_options_without_a_path_means_the_server() -> None:
    assert parse_absolute(b"OPTIONS", b"http://h", "x").path == b"*"
    assert parse_absolute(b"OPTIONS", b"http://h/", "x").path == b"/"


@pytest.mark.parametrize("raw", [b"h:443", b"[2001:db8::1]:443", b"H.:443"])
def test_h06_connect_targets(raw: bytes) -> None:
    assert parse_connect(raw).port == 443


@pytest.mark.parametrize(
    "raw", [b"h", b"/", b"http://h:80", b"h:0", b"h:65536", b"h:443x", b"u@h:443", b"h:", b":443", b"2001:db8::1:443",
            b"[::1]", b"h:443/", b"[::1]443", b"h%41:1", b"*"],
)  # fmt: skip
def test_h05_h07_no_connect_targets(raw: bytes) -> None:
    with pytest.raises(RequestRefused) as caught:
        parse_connect(raw)
    assert caught.value.status == HTTPStatus.BAD_REQUEST


@given(raw=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40).map(str.encode))
def test_any_target_is_one_or_is_refused(raw: bytes) -> None:
    for parse in (parse_connect, lambda raw: parse_absolute(b"GET", raw, "x")):
        for tried in (raw, b"http://" + raw):
            try:
                target = parse(tried)
            except RequestRefused:
                continue
            assert 1 <= target.port <= 65535 and b"#" not in target.path and target.host


@pytest.mark.parametrize("value", [b"u@h", b"h#x", b"h/x", b"h h", b"h:1:2", b"h%00", b"h\\", b"h:x"])
def test_host_fields_that_no_host_has(value: bytes) -> None:
    with pytest.raises(RequestRefused):
        check_host_field(value)
    check_host_field(b"")
    check_host_field(b"h:80")
    check_host_field("bücher.de:80".encode())


HEAD = b"GET http://h/ HTTP/1.1\r\nHost: h\r\n"
BAD_HEADS = {
    "H36 first line": (b"GET http://h/ HTTP/1.1\nHost: h\r\n\r\n", 400),
    "H36 last line": (HEAD + b"\n", 400),
    "H37": (HEAD + b"A: b\rc\r\n\r\n", 400),
    "H38": (HEAD + b" folded\r\n\r\n", 400),
    "H43": (b"PRI * HTTP/2.0\r\n\r\n", 505),
    "H44 0.9": (b"GET http://h/\r\n\r\n", 400),
    "H44 1.2": (b"GET http://h/ HTTP/1.2\r\n\r\n", 505),
    "H44 9.9": (b"GET http://h/ HTTP/9.9\r\n\r\n", 505),
    "H45 two empty lines": (b"\r\n\r\n" + HEAD + b"\r\n", 400),
    "H46 target": (b"GET http://h/" + b"x" * MOST_TARGET + b" HTTP/1.1\r\n\r\n", 414),
    "H46 endless target": (b"GET http://h/" + b"x" * MOST_HEAD, 414),
    "H46 block": (HEAD + b"A: " + b"x" * MOST_HEAD + b"\r\n\r\n", 431),
    "H46 endless block": (HEAD + b"A: " + b"x" * MOST_HEAD, 431),
    "H46 blanks": (HEAD + b"A: " + b"x " * MOST_BLANKS + b"x\r\n\r\n", 431),
    "H46 fields": (HEAD + b"A: b\r\n" * 100 + b"\r\n", 431),
    "two blanks": (b"GET  http://h/ HTTP/1.1\r\n\r\n", 400),
}


@pytest.mark.parametrize("case", BAD_HEADS)
def test_heads_that_are_refused_however_they_are_cut(case: str) -> None:
    head, status = BAD_HEADS[case]
    for cut in (len(head), 7 if len(head) < 200 else 4096):
        reader, incoming = RequestReader(), bytearray()
        with pytest.raises(RequestRefused) as caught:
            for at in range(0, len(head), cut):
                incoming += head[at : at + cut]
                reader.take(incoming)
        assert caught.value.status == status


@given(cut=st.integers(1, len(HEAD) + 3))
def test_h45_a_head_is_taken_whole_and_the_rest_left(cut: int) -> None:
    data = b"\r\n" + HEAD + b"\r\n"
    reader, incoming = RequestReader(), bytearray(data[:cut])
    assert reader.take(incoming) is None
    incoming += data[cut:] + b"rest"
    assert reader.take(incoming) == HEAD + b"\r\n" and incoming == b"rest"
    assert reader.take(bytearray(b"\r\n" + HEAD + b"\r\n")) == HEAD + b"\r\n"


def test_origins_may_end_lines_as_they_like() -> None:
    assert HeadReader().take(bytearray(b"HTTP/1.1 200 OK\nA: b\n\nbody")) == b"HTTP/1.1 200 OK\nA: b\n\n"


@given(data=st.binary(max_size=100))
def test_any_head_passes_or_is_refused(data: bytes) -> None:
    try:
        plain_head(data + b"\r\n\r\n")
    except RequestRefused:
        return
    assert b"HTTP/1." in data and data.count(b"\r") == data.count(b"\n")


@pytest.mark.parametrize(
    ("raw", "path"),
    [("路".encode(), b"/%E8%B7%AF"), ("路?q=é".encode("gb18030"), b"/%C2%B7?q=%A8%A6"),
     (b"\xa0\xff%20", b"/%A0%FF%20")],
)  # fmt: skip
def test_e3_raw_bytes_in_the_target_are_percent_encoded(raw: bytes, path: bytes) -> None:
    head = b"GET http://h/%b HTTP/1.1\r\nHost: h\r\nA: \xff\r\n\r\n"
    assert plain_head(head % raw) == head % path[1:]
    assert Request(plain_head(head % raw), "x").target == Target("h", 80, path)


def test_e3_a_host_in_utf8_is_that_name() -> None:
    for head in ("GET http://bücher.de/ HTTP/1.1\r\nHost: bücher.de\r\n\r\n", "CONNECT bücher.de:80 HTTP/1.1\r\n\r\n"):
        target = Request(plain_head(head.encode()), "x").target
        assert target is not None and target.host == "xn--bcher-kva.de"
    for disguised in ("a／b", "a＠b", "a：80", "a%00", "a％2eb"):
        with pytest.raises(RequestRefused):
            Request(plain_head(f"GET http://{disguised}/ HTTP/1.1\r\n\r\n".encode()), "x")


@given(
    path=st.text(st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="\x7f#")),
    fields=st.binary(max_size=40),
)
def test_e2_e3_a_head_made_plain_asks_for_the_same(path: str, fields: bytes) -> None:
    head = b"GET http://h/%b HTTP/1.1\r\n%b\r\n\r\n" % (path.encode("latin-1"), fields)
    try:
        request = Request(plain_head(head), "x")
    except RequestRefused:
        return
    assert request.target is not None and request.target.path.isascii()
    assert unquote_to_bytes(request.target.path) == unquote_to_bytes(b"/" + path.encode("latin-1"))


def chunks(data: bytes, sizes: list[int]) -> bytes:
    out = b""
    for size in sizes:
        piece, data = data[:size], data[size:]
        out += b"%X;x=y\r\n%b\r\n" % (len(piece), piece) if piece else b""
    return out + b"0\r\nTrailer: x\r\n\r\n"


@given(
    data=st.text("a0\r\n", min_size=1, max_size=60).map(str.encode),
    sizes=st.lists(st.integers(1, 9), max_size=8),
    cut=st.integers(1, 20),
)
def test_chunks_cut_anyhow_are_the_same_data(data: bytes, sizes: list[int], cut: int) -> None:
    sizes = [*sizes, 60]
    raw = chunks(data, sizes) + b"next"
    body, incoming, seen = ChunkedBody(), bytearray(), b""
    for at in range(0, len(raw), cut):
        incoming += raw[at : at + cut]
        seen += body.take(incoming, Budget())
    assert body.is_done and incoming == b"next"
    plain, found = ChunkedBody(), bytearray(seen)
    plain.take(found, Budget())
    assert plain.is_done and not found and b";" not in seen and b"Trailer" not in seen
    assert b"".join(_data_of(seen)) == data


def _data_of(chunked: bytes) -> list[bytes]:
    pieces = []
    while not chunked.startswith(b"0\r\n"):
        size, _, chunked = chunked.partition(b"\r\n")
        pieces.append(chunked[: int(size, 16)])
        chunked = chunked[int(size, 16) + 2 :]
    return pieces


@pytest.mark.parametrize(
    "raw", [b"0x3\r\n", b"+3\r\n", b"-1\r\n", b"1_0\r\n", b"1" * 17 + b"\r\n", b"\r\n", b"3 \r\n", b" 3\r\n",
            b"3\nabc", b"3;a\rb\r\n", b"3;a=b \r\n", b"3;\x01\r\n", b"3;" + b"x" * 257 + b"\r\n", b"3\r\nabcXY",
            b"3\r\nabc\r\r", b"x" * 300, b"0\r\nno colon\r\n\r\n", b"0\r\n folded: x\r\n\r\n", b"0\r\n\n", b"G\r\n",
            b"0\r\n" + b"A: b\r\n" * (MOST_TRAILERS // 6 + 1)],
)  # fmt: skip
def test_h39_h40_h41_chunks_that_could_be_read_differently(raw: bytes) -> None:
    for cut in (len(raw), 1):
        with pytest.raises(BadBody):
            body, incoming = ChunkedBody(), bytearray()
            for at in range(0, len(raw), cut):
                incoming += raw[at : at + cut]
                body.take(incoming, Budget())


def test_origins_may_pad_a_chunk_size() -> None:
    body = ChunkedBody(of_origin=True)
    assert body.take(bytearray(b"3  \r\nabc\r\n0 \r\n\r\n"), Budget()) == b"3\r\nabc\r\n0\r\n\r\n" and body.is_done


@given(data=st.binary(max_size=80), cut=st.integers(1, 80))
def test_any_chunked_bytes_are_a_body_or_a_bad_one_and_what_is_kept_is_bounded(data: bytes, cut: int) -> None:
    body, incoming = ChunkedBody(), bytearray()
    try:
        for piece in (data[:cut], data[cut:]):
            incoming += piece
            body.take(incoming, Budget())
    except BadBody:
        return
    assert body.is_done or b"\n" not in incoming


def test_tiny_chunks_become_one() -> None:
    assert ChunkedBody().take(bytearray(b"1\r\nx\r\n" * 1000), Budget()) == b"3e8\r\n" + b"x" * 1000 + b"\r\n"


def test_tiny_chunks_are_not_taken_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read may hold 40,000 of them, and everybody else waits meanwhile."""
    steps, step = [], ChunkedBody._step
    monkeypatch.setattr(ChunkedBody, "_step", lambda *given: steps.append(given) or step(*given))
    ChunkedBody().take(bytearray(b"1\r\nx\r\n" * 1000 + b"2\r\nx"), Budget())
    assert len(steps) <= 4


def test_counted_and_endless_bodies() -> None:
    incoming = bytearray(b"abcde")
    body = CountedBody(3)
    assert body.take(incoming, Budget()) == b"abc" and body.is_done and incoming == b"de"
    assert EndlessBody().take(incoming, Budget()) == b"de" and not incoming


def test_h18_fields_for_one_hop_end_here() -> None:
    fields = [
        (b"Connection", b"keep-alive, X-Private"),
        (b"X-PRIVATE", b"1"),
        (b"Keep-Alive", b"timeout=5"),
        (b"Proxy-Connection", b"keep-alive"),
        (b"TE", b"trailers"),
        (b"Trailer", b"X"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Upgrade", b"h2c"),
        (b"Proxy-Authorization", b"Basic x"),
        (b"Authorization", b"kept"),
        (b"Accept", b"a"),
        (b"Accept", b"b"),
    ]
    assert end_to_end(fields) == [(b"Authorization", b"kept"), (b"Accept", b"a"), (b"Accept", b"b")]


@pytest.mark.parametrize("named", [b"Connection", b"close, Host", b"content-length", b",,", b"via, max-forwards"])
def test_h19_what_cannot_be_named_away(named: bytes) -> None:
    kept = [(b"Host", b"h"), (b"Content-Length", b"3"), (b"Via", b"1.1 x"), (b"Max-Forwards", b"2")]
    assert end_to_end([(b"Connection", named), *kept]) == kept


def test_h20_via() -> None:
    assert via(b"1.0", "tokyo") == (b"Via", b"1.0 tokyo")
    assert passed_here([(b"via", b"1.0 fred, 1.1 TOKYO (x)")], "Tokyo")
    assert not passed_here([(b"Via", b"1.1 tokyo2, tokyo, "), (b"X", b"1.1 tokyo")], "tokyo")


def test_upgrades_that_are_asked() -> None:
    asked = [(b"Connection", b"keep-alive, Upgrade"), (b"Upgrade", b"h2c, WebSocket")]
    assert upgrade_asked(asked) == [b"WebSocket"]
    assert upgrade_asked(asked[1:]) == []


def basic(text: bytes, scheme: bytes = b"Basic") -> list[tuple[bytes, bytes]]:
    return [(b"proxy-authorization", scheme + b" " + base64.b64encode(text))]


def test_h26_credentials() -> None:
    assert parse_credentials(basic(b"u:p:q")) == (b"u", b"p:q")
    assert parse_credentials(basic(b"u:p", b"bASIC")) == (b"u", b"p")
    assert "p" not in repr(parse_credentials(basic(b"user:p"))).split("user")[1]
    for bad in (
        [], basic(b"no colon"), basic(b"u:p", b"Digest"), basic(b"u:p") * 2, basic(b"u:" + b"p" * 1024),
        [(b"Proxy-Authorization", b"Basic !!!!")], [(b"Proxy-Authorization", b"Basic")],
        [(b"Proxy-Authorization", b"Basic \xff")], [(b"Authorization", b"Basic dTpw")],
    ):  # fmt: skip
        assert parse_credentials(bad) is None
