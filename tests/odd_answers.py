"""What origins in the wild answer, and what a client is to get of it: bytes that its writer thought were HTTP.

Used by the tests of the HTTP door, and by those that ask real curl for its opinion.
"""

from typing import Final

import attrs

from ingress.doors.origin_head import MOST_ORIGIN_FIELDS, MOST_ORIGIN_HEAD

LENGTH: Final = b"Content-Length: 2\r\n"
CHUNKED: Final = b"Transfer-Encoding: chunked\r\n"
CHUNKS: Final = b"2\r\nok\r\n0\r\n\r\n"


@attrs.frozen
class Odd:
    """One answer. It is followed by FIN."""

    raw: bytes
    body: bytes | None = b"ok"
    """What the client gets; None for 502, or a cut if the answer had begun."""
    keeps: bool = False
    """Whether the origin's connection may be used again."""
    unlike_curl: str = ""
    """Why curl, asking by itself, does not get the same."""


def head(fields: bytes = LENGTH, status: bytes = b"HTTP/1.1 200 OK", body: bytes = b"ok") -> bytes:
    """A whole answer."""
    return status + b"\r\n" + fields + b"\r\n" + body


def chunked(fields: bytes = CHUNKED, status: bytes = b"HTTP/1.1 200 OK", body: bytes = CHUNKS) -> bytes:
    """The same in chunks."""
    return head(fields, status, body)


STRICT = "framing is not guessed"
NEW_CURL = "depends on curl's version"
BROWSERS = "browsers take it"
TIME = "who serves others has no time for it"

ODD: Final = {
    # Status lines.
    "2.0": Odd(head(status=b"HTTP/2.0 200 OK"), keeps=True),
    "2": Odd(head(status=b"HTTP/2 200 OK"), keeps=True),
    "1.2": Odd(head(status=b"HTTP/1.2 200 OK"), keeps=True, unlike_curl=BROWSERS),
    "0.9": Odd(head(status=b"HTTP/0.9 200 OK"), unlike_curl=BROWSERS),
    "lower case": Odd(head(status=b"http/1.1 200 ok"), keeps=True),
    "radio": Odd(head(status=b"ICY 200 OK"), unlike_curl=BROWSERS),
    "no reason": Odd(head(status=b"HTTP/1.1 200"), keeps=True),
    "blank for a reason": Odd(head(status=b"HTTP/1.1 200 "), keeps=True),
    "two blanks": Odd(head(status=b"HTTP/1.1  200  OK"), keeps=True, unlike_curl=NEW_CURL),
    "tab": Odd(head(status=b"HTTP/1.1\t200\tOK"), keeps=True, unlike_curl=BROWSERS),
    "glued reason": Odd(head(status=b"HTTP/1.1 200OK"), keeps=True, unlike_curl=NEW_CURL),
    "reason in GBK": Odd(head(status=b"HTTP/1.1 200 \xb3\xc9\xb9\xa6"), keeps=True),
    "controls in the reason": Odd(head(status=b"HTTP/1.1 200 a\x0bb\x01\rc"), keeps=True),
    "NUL in the reason": Odd(head(status=b"HTTP/1.1 200 a\0b"), keeps=True, unlike_curl="curl knows no NUL"),
    "four digits": Odd(head(status=b"HTTP/1.1 2000 OK"), None),
    "two digits": Odd(head(status=b"HTTP/1.1 20 OK"), None),
    "leading zero": Odd(head(status=b"HTTP/1.1 099 OK"), None),
    "no status": Odd(head(status=b"HTTP/1.1 OK"), None),
    "HTTP/0.9": Odd(b"hello world\r\n\r\nok", None),
    "junk before": Odd(b"xx " + head(), None),
    "empty lines before": Odd(b"\r\n\n\r\n" + head(), keeps=True, unlike_curl=BROWSERS),
    "nothing but empty lines": Odd(b"\r\n" * MOST_ORIGIN_HEAD, None),
    # Fields that frame nothing.
    "bare LF": Odd(head().replace(b"\r", b""), keeps=True),
    "blank before the colon": Odd(head(b"Server : x\r\n" + LENGTH), keeps=True),
    "no colon": Odd(head(b"nocolon\r\n" + LENGTH), keeps=True, unlike_curl=BROWSERS),
    "empty name": Odd(head(b": x\r\n" + LENGTH), keeps=True),
    "name of other characters": Odd(head(b"X Y@(z): x\r\nB\xc3\xbccher: x\r\n" + LENGTH), keeps=True),
    "value in UTF-8": Odd(head(b"X: \xc3\xbc\r\n" + LENGTH), keeps=True),
    "controls in a value": Odd(head(b"X: a\x0bb\x0cc\x01\r\n" + LENGTH), keeps=True),
    "bare CR in a value": Odd(head(b"X: a\rb\r\n" + LENGTH), keeps=True),
    "NUL in a value": Odd(head(b"X: a\0b\r\n" + LENGTH), keeps=True, unlike_curl="curl knows no NUL"),
    "NUL in a name": Odd(head(b"X\0: a\r\n" + LENGTH), keeps=True, unlike_curl="curl knows no NUL"),
    "folded": Odd(head(b"X: a\r\n b\r\n\tc\r\n" + LENGTH), keeps=True),
    "folded to nothing": Odd(head(b"X: a\r\n \r\n" + LENGTH), keeps=True),
    "folded first line": Odd(head(b" X: a\r\n" + LENGTH), keeps=True, unlike_curl=BROWSERS),
    "underscore": Odd(head(b"Content_Length: 1\r\n" + LENGTH), keeps=True),
    "a list of names folded": Odd(head(b"Vary: a,\r\n Content-Length\r\n" + LENGTH), keeps=True),
    "70 KB in a field": Odd(head(b"X: " + b"x" * 70_000 + b"\r\n" + LENGTH), keeps=True),
    "250 KB in fields": Odd(head((b"X: " + b"x" * 995 + b"\r\n") * 250 + LENGTH), keeps=True),
    "more bytes than curl takes": Odd(head((b"X: " + b"x" * 995 + b"\r\n") * 310 + LENGTH), None),
    "more fields than anybody sends": Odd(head(b"X: x\r\n" * MOST_ORIGIN_FIELDS + LENGTH), None, unlike_curl="a bound"),
    # Lines that may be taken for framing.
    "a line that begins with CR": Odd(head(LENGTH + b"\rX: y\r\n"), None, unlike_curl="its head ends there"),
    "CR CR LF at the end": Odd(head(LENGTH + b"\r"), None, unlike_curl="its head ends there"),
    "CR CR LF behind a length": Odd(head(b"Content-Length: 2\r\r\n"), None, unlike_curl=STRICT),
    "CR before the colon": Odd(head(b"Content-Length\r: 2\r\n"), None),
    "bare CR before a length": Odd(head(b"X: a\rContent-Length: 1\r\n" + LENGTH), None, unlike_curl=STRICT),
    "blank in its name": Odd(head(b"Content Length: 1\r\n"), None, unlike_curl=STRICT),
    "NUL in its name": Odd(head(b"Content-Le\0ngth: 1\r\n" + LENGTH), keeps=True, unlike_curl="curl knows no NUL"),
    "length without a colon": Odd(head(b"Content-Length 2\r\n"), None),
    "VT before a length": Odd(head(b"Content-Length: \x0b2\r\n"), None),
    "folded length": Odd(head(b"Content-Length:\r\n 2\r\n"), None),
    "length in two lines": Odd(head(b"Content-Length: 2\r\n 3\r\n"), None, unlike_curl=STRICT),
    "length in a folded line": Odd(head(b"X: a\r\n Content-Length: 1\r\n" + LENGTH), None, unlike_curl=STRICT),
    "length in a folded first line": Odd(head(b" Content-Length: 2\r\n"), None),
    "folded coding": Odd(chunked(b"Transfer-Encoding:\r\n chunked\r\n"), None, unlike_curl=STRICT),
    # Lengths.
    "blank between a length and its colon": Odd(head(b"Content-Length : 2\r\n"), keeps=True),
    "the same length twice": Odd(head(LENGTH * 2), keeps=True),
    "the same length in a list": Odd(head(b"Content-Length: 2, 2\r\n"), keeps=True),
    "two lengths": Odd(head(LENGTH + b"Content-Length: 3\r\n"), None),
    "two lengths in a list": Odd(head(b"Content-Length: 2, 3\r\n"), None, unlike_curl=STRICT),
    "plus": Odd(head(b"Content-Length: +2\r\n"), None, unlike_curl=STRICT),
    "minus": Odd(head(b"Content-Length: -1\r\n"), None),
    "empty": Odd(head(b"Content-Length:\r\n"), None),
    "letter behind": Odd(head(b"Content-Length: 2x\r\n"), None, unlike_curl=STRICT),
    "two numbers": Odd(head(b"Content-Length: 2 3\r\n"), None, unlike_curl=STRICT),
    "semicolon": Odd(head(b"Content-Length: 2;\r\n"), None, unlike_curl=STRICT),
    "hexadecimal": Odd(head(b"Content-Length: 0x2\r\n"), None, unlike_curl=STRICT),
    "too many digits": Odd(head(b"Content-Length: 99999999999999999999999\r\n"), None, unlike_curl=STRICT),
    "short": Odd(head(b"Content-Length: 5\r\n"), None),
    # Codings.
    "identity": Odd(head(b"Transfer-Encoding: identity\r\n" + LENGTH), keeps=True),
    "identity alone": Odd(head(b"Transfer-Encoding: identity\r\n")),
    "identity and chunked": Odd(chunked(b"Transfer-Encoding: identity, chunked\r\n")),
    "chunked and identity": Odd(chunked(b"Transfer-Encoding: chunked, identity\r\n")),
    "no coding": Odd(head(b"Transfer-Encoding:\r\n" + LENGTH), keeps=True),
    "empty members": Odd(chunked(b"Transfer-Encoding: ,chunked,\r\n")),
    "chunked twice": Odd(chunked(CHUNKED * 2)),
    "chunked twice in a list": Odd(chunked(b"Transfer-Encoding: chunked, chunked\r\n")),
    "chunked in capitals": Odd(chunked(b"TRANSFER-ENCODING: CHUNKED\r\n"), keeps=True),
    "chunked and a length": Odd(chunked(b"Content-Length: 1\r\n" + CHUNKED)),
    "chunked and a bad length": Odd(chunked(b"Content-Length: x\r\n" + CHUNKED), unlike_curl=NEW_CURL),
    "chunked in 1.0": Odd(chunked(status=b"HTTP/1.0 200 OK")),
    "chunked in 2.0": Odd(chunked(status=b"HTTP/2.0 200 OK")),
    "chunked beside a bad line": Odd(chunked(b"nocolon\r\n" + CHUNKED), keeps=True, unlike_curl=BROWSERS),
    "blank between a coding and its colon": Odd(
        chunked(b"Transfer-Encoding : chunked\r\n"), unlike_curl="RFC 9112 section 5.1"
    ),
    "gzip": Odd(head(b"Transfer-Encoding: gzip\r\n"), None),
    "gzip and chunked": Odd(chunked(b"Transfer-Encoding: gzip, chunked\r\n"), None, unlike_curl=NEW_CURL),
    "no chunked": Odd(chunked(b"Transfer-Encoding: xchunked\r\n"), None),
    "quoted": Odd(chunked(b'Transfer-Encoding: "chunked"\r\n'), None),
    "parameter": Odd(chunked(b"Transfer-Encoding: chunked;a=b\r\n"), None),
    # Chunks.
    "all in bare LF": Odd(chunked().replace(b"\r", b"")),
    "chunks in bare LF": Odd(chunked(body=CHUNKS.replace(b"\r", b""))),
    "controls in an extension": Odd(chunked(body=b'2;a="\x01"\r\nok\r\n0\r\n\r\n'), keeps=True),
    "blanks behind a size": Odd(chunked(body=b"2   \r\nok\r\n0\r\n\r\n"), keeps=True),
    "blank before a size": Odd(chunked(body=b" 2\r\nok\r\n0\r\n\r\n"), None),
    "0x": Odd(chunked(body=b"0x2\r\nok\r\n0\r\n\r\n"), None),
    "zeros": Odd(chunked(body=b"0000000000000002\r\nok\r\n0\r\n\r\n"), keeps=True),
    "junk behind a chunk": Odd(chunked(body=b"2\r\nokXX0\r\n\r\n"), None),
    "folded trailer": Odd(chunked(body=b"2\r\nok\r\n0\r\nA : b\r\n c\r\n\r\n"), keeps=True),
    "a trailer that is none": Odd(chunked(body=b"2\r\nok\r\n0\r\nHTTP/1.1 200 OK\r\n\r\n"), None, unlike_curl=NEW_CURL),
    "no end": Odd(chunked(body=b"2\r\nok\r\n0\r\n"), None),
    # Interim answers.
    "three times 100": Odd(b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + head(), keeps=True),
    "100 in bare LF": Odd(b"HTTP/1.1 100 Continue\n\n" + head(), keeps=True),
    "interim with a length": Odd(head(b"Content-Length: 4\r\n", b"HTTP/1.1 103 Early", b"") + head(), keeps=True),
    "interim with a coding": Odd(head(CHUNKED, b"HTTP/1.1 103 Early", b"") + head(), keeps=True, unlike_curl=NEW_CURL),
    "many interim answers": Odd(b"HTTP/1.1 102 Processing\r\n\r\n" * 100 + head(), keeps=True),
    "a flood of interim answers": Odd(b"HTTP/1.1 102 More\r\n\r\n" * 101 + head(), None, unlike_curl=TIME),
    "two answers": Odd(head(b"") + head(), b"ok" + head()),
}  # fmt: skip
