"""Cuts heads off the front of what came, and judges a request's head: strictly where it could be read in two ways.

h11 reads leniently what has one meaning to it; another program may see another meaning in the same bytes, and where
two disagree on the end of a message, one client's bytes become another's request. So: CR LF ends lines and nothing
else does, no folded lines, HTTP/1.0 and 1.1 only, and limits that hold however the bytes were cut.

What h11 refuses although it means one thing is made plain for it, by two rules. Bytes from 0x80 in the target are
percent-encoded: none of them is a blank, a delimiter or a line end to anybody who reads bytes, and nobody but us reads
them, since the origin gets the encoded ones. A missing Host is added, empty: the target names the host, no Host is
ever passed on, and a field without a value frames nothing.
"""

import re
from http import HTTPStatus
from typing import Final

from ingress.doors.refusal import RequestRefused, bad_request

MOST_HEAD: Final = 64 * 1024
"""Bytes in a head. Browsers' cookies stay under 16 KiB, single sign-on headers have been seen at 32."""
MOST_TARGET: Final = 8 * 1024
"""Bytes in a request target (RFC 9112 section 3 asks for 8,000 at least)."""
_MOST_AROUND_TARGET = 64  # method, blanks, version
MOST_FIELDS: Final = 100
"""Fields in a head; programs send under 40."""
MOST_BLANKS: Final = 4000
"""Spaces and tabs in a head: h11 needs a microsecond for each."""

_END = re.compile(rb"\n\r?\n")  # also what will be refused, so that it is not waited for in vain
_REQUEST_LINE = re.compile(rb"[!-~]+ ([!-~\x80-\xff]+) HTTP/([0-9]\.[0-9])")
_HOST = re.compile(rb"\r\nhost:", re.IGNORECASE)
_HIGH = re.compile(rb"[\x80-\xff]")


class HeadReader:
    """Finds heads of at most *most* bytes in what one peer sends, one after another, looking at each byte once."""

    __slots__ = ("_most", "_searched")

    def __init__(self, most: int = MOST_HEAD) -> None:
        self._most = most
        self._searched = 0

    def take(self, incoming: bytearray) -> bytes | None:
        """Cut a whole head, its empty line included, off *incoming*; None if it has not come yet.

        Raises:
            HeadTooLarge: there is no end within so many bytes.
        """
        match = _END.search(incoming, self._searched)
        if match is None or match.end() > self._most:
            if len(incoming) > self._most:
                raise HeadTooLarge
            self._searched = max(0, len(incoming) - 2)
            return None
        self._searched = 0
        head = bytes(incoming[: match.end()])
        del incoming[: match.end()]
        return head


class HeadTooLarge(Exception):
    """A head that is longer than it may be."""


class RequestReader(HeadReader):
    """The same for a client's requests: each is judged, and one empty line before it is ignored."""

    __slots__ = ("_skipped",)

    def __init__(self) -> None:
        super().__init__()
        self._skipped = False

    def take(self, incoming: bytearray) -> bytes | None:
        """As above, made plain for h11. Raises RequestRefused."""
        if not self._skipped and incoming[:2] == b"\r\n":  # RFC 9112 section 2.2
            del incoming[:2]
            self._skipped = True
        try:
            head = super().take(incoming)
        except HeadTooLarge:
            raise _judge_too_large(bytes(incoming[:MOST_HEAD])) from None
        if head is None:
            return None
        self._skipped = False
        return plain_head(head)


def plain_head(head: bytes) -> bytes:
    """A whole head as h11 takes it. Raises RequestRefused if it could be read in two ways."""
    lines = head.count(b"\r\n")
    if head.count(b"\n") != lines or head.count(b"\r") != lines:
        raise bad_request("Lines end with CR LF, and nothing else does.")
    match = _REQUEST_LINE.fullmatch(head, 0, head.index(b"\r\n"))
    if match is None:
        raise bad_request("The first line is not a request.")
    if match[2] not in (b"1.0", b"1.1"):
        raise RequestRefused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.0 and HTTP/1.1 are spoken here.")
    if len(match[1]) > MOST_TARGET:
        raise _target_too_long()
    if b"\r\n " in head or b"\r\n\t" in head:
        raise bad_request("Folded lines are not accepted.")
    if lines - 2 > MOST_FIELDS:
        raise RequestRefused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"More than {MOST_FIELDS} header fields.")
    if blanks_in(head) > MOST_BLANKS:
        raise RequestRefused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"More than {MOST_BLANKS} blanks.")
    if match[1] != b"*" and _HOST.search(head, match.end()) is None:
        head = b"%b\r\nHost:%b" % (head[: match.end()], head[match.end() :])
    if match[1].isascii():
        return head
    return head[: match.start(1)] + _percent_encoded(match[1]) + head[match.end(1) :]


def blanks_in(head: bytes) -> int:
    """Spaces and tabs."""
    return head.count(b" ") + head.count(b"\t")


def _percent_encoded(target: bytes) -> bytes:
    return _HIGH.sub(lambda high: b"%%%02X" % ord(high[0]), target)


def _judge_too_large(start: bytes) -> RequestRefused:
    """Tell a target without end from too many fields, by what stands within the limit."""
    first, ended, _ = start.partition(b"\n")
    if not ended or len(first) > MOST_TARGET + _MOST_AROUND_TARGET:
        return _target_too_long()
    return RequestRefused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"More than {MOST_HEAD} bytes of header fields.")


def _target_too_long() -> RequestRefused:
    return RequestRefused(HTTPStatus.REQUEST_URI_TOO_LONG, f"The request target is longer than {MOST_TARGET} bytes.")
