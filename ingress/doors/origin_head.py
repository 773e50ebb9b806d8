"""An origin's head as it comes, made into one that h11 takes, or refused: tolerant like clients, but not of framing.

What is mended cannot decide where the answer ends, and what could decide it is never guessed:

- Content-Length and Transfer-Encoding are recognised in every spelling that some parser may read as them. A line that
  is no field, or whose value no field can have, is dropped or its value mended only if it mentions neither; a folded
  one of them is refused.
- What RFC 9112 decides is done as it says: blanks before the colon go (section 5.1), folded lines are joined (5.2),
  CR and NUL in a value become blanks (2.2, RFC 9110 section 5.5), equal lengths are one (6.3), chunked wins over a
  length (6.3) and counts in HTTP/1.0 (6.1). After the last two the connection is not used again.
- Lines end with LF, before which one CR is theirs. A line that begins with CR is refused: to curl, the head ends there.

The next parser is the client's, and it reads what h11 writes from our events: it never sees these bytes. The one who
could disagree is the origin itself, about the end of its own answer, on a connection that serves one user and one
origin.
"""

import re
from typing import Final

from ingress.doors.headers import Fields
from ingress.doors.strict import HeadReader, HeadTooLarge

MOST_ORIGIN_HEAD: Final = 300 * 1024
"""Bytes in the heads of one answer, interim ones and empty lines before them included: as many as curl takes."""
MOST_ORIGIN_FIELDS: Final = 1000
"""Lines in a head: at 5 µs each, as long as the loop may be held up. Sites with hundreds of cookies exist."""
USUAL_HEAD: Final = 8 * 1024
"""Bytes of a head up to which h11 is shown all of it, and of what it is shown of any other. It looks at each byte three
times, and needs a microsecond for each blank: 300 KiB would take it up to 0.14 s."""
MOST_INTERIM: Final = 100
"""Interim answers before one answer, at 25 µs and more each. Progress told every 10 s lasts a quarter of an hour."""

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_PLAIN = re.compile(
    rb"HTTP/1\.[01] [1-9][0-9][0-9](?: [^\x00\r\n\x0b\x0c]*+)?+\r\n(?:" + _TOKEN + rb":[^\x00\r\n\x0b\x0c]*+\r\n)*+\r\n"
)
"""Nearly all heads; h11 judges their lengths."""
_STATUS = re.compile(rb"(?:(ICY)|HTTP/([0-9](?:\.[0-9])?))[ \t]+([1-9][0-9][0-9])(?![0-9])([^\n]*)", re.IGNORECASE)
_FIELD = re.compile(rb"(" + _TOKEN + rb")[ \t]*:([^\x00\r\x0b\x0c]*)")
_ODD_VALUE = re.compile(rb"(" + _TOKEN + rb")[ \t]*:(.*)", re.DOTALL)
_FRAMING_NAME = rb"(?:content[^a-z\n]*length|transfer[^a-z\n]*encoding)"
_FRAMING = re.compile(_FRAMING_NAME, re.IGNORECASE)
_FOLDED_FRAMING = re.compile(
    rb"\n" + _FRAMING_NAME + rb"[^\n]*\n[ \t]|\n[ \t]+" + _FRAMING_NAME + rb"[^\n:]*:", re.IGNORECASE
)
"""One of them that goes on in the next line, or stands where another field goes on."""
_FOLD = re.compile(rb"\r?\n[ \t]+")
_PLAIN_CODING = b"\ntransfer-encoding: chunked\r\n"
_TO_BLANKS = bytes.maketrans(b"\x00\r\x0b\x0c", b"    ")


_OF_H11 = frozenset({b"connection", b"content-length", b"transfer-encoding", b"upgrade"})
"""What h11 acts upon, in lower case."""


class BadHead(Exception):
    """No head of an answer, or one whose answer could end in two places."""


class OriginReader:
    """Reads the heads of one answer off the front of what its origin sends."""

    __slots__ = ("_heads", "_heads_left", "_left")

    def __init__(self) -> None:
        self._heads = HeadReader(MOST_ORIGIN_HEAD)
        self._heads_left = MOST_INTERIM + 1
        self._left = MOST_ORIGIN_HEAD

    def take(self, incoming: bytearray) -> bytes | None:
        """Cut a whole head off *incoming* and give it as h11 takes it; None if it has not come yet. Raises BadHead."""
        if incoming.startswith((b"\r", b"\n")):
            self._skip(incoming)
        try:
            head = self._heads.take(incoming)
        except HeadTooLarge:
            raise BadHead from None
        if head is None:
            return None
        self._count(len(head))
        self._heads_left -= 1
        if self._heads_left < 0:
            raise BadHead
        return clean_head(head)

    def _skip(self, incoming: bytearray) -> None:
        """Empty lines before a head mean nothing: browsers read over them."""
        rest = incoming.lstrip(b"\r\n")
        self._count(len(incoming) - len(rest))
        incoming[:] = rest

    def _count(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise BadHead


def clean_head(head: bytes) -> bytes:
    """A whole head, its empty line included, as h11 takes it. Raises BadHead.

    With `Connection: close` where the connection is not to be used again. What is wrong with the lengths in it is
    left to h11: different ones, and what is no number.
    """
    if head.count(b"\n") > MOST_ORIGIN_FIELDS:
        raise BadHead
    lower = head.lower()
    is_certain = _has_plain_framing(lower)
    if is_certain and _PLAIN.fullmatch(head) is not None:
        return head
    status, _, rest = head.partition(b"\n")
    lengths, codings, others = _read_fields(b"\n" + rest)
    if _is_chunked(codings):
        is_certain = is_certain and _PLAIN_CODING in lower and len(codings) == 1 and not lengths
        lengths = [b"Transfer-Encoding: chunked", *([] if is_certain else [b"Connection: close"])]
    return b"\r\n".join([_read_status(status), *others, *lengths, b"", b""])


def divide(head: bytes) -> tuple[bytes, Fields]:
    """What h11 is to be shown of a head that is clean, and the fields that go on beside it. Raises BadHead if what it
    has to see is too long."""
    if len(head) <= USUAL_HEAD:
        return head, []
    status, *lines = head[:-4].split(b"\r\n")
    fields = [(name, value.strip(b" \t")) for name, _, value in (line.partition(b":") for line in lines)]
    shown, beside = divide_fields(fields)
    small = b"\r\n".join([status, *(b"%b: %b" % field for field in shown), b"", b""])
    if len(small) > USUAL_HEAD:
        raise BadHead
    return small, beside


def divide_fields(fields: Fields) -> tuple[Fields, Fields]:
    """Those that h11 acts upon, and the others."""
    shown = [field for field in fields if field[0].lower() in _OF_H11]
    return shown, [field for field in fields if field[0].lower() not in _OF_H11]


def _has_plain_framing(head: bytes) -> bool:
    """Whether a head, in lower case, has no coding, or says `chunked` in the one way that nobody doubts."""
    codings = head.count(b"\ntransfer-encoding:")
    return codings == 0 or (
        codings == 1 and _PLAIN_CODING in head and b"\ncontent-length:" not in head and head.startswith(b"http/1.1")
    )


def _read_status(line: bytes) -> bytes:
    """The status line, plain. A version above 1.1 is read as 1.1 (RFC 9110 section 2.5; some origins write 2.0, which
    curl reads so), one below as 1.0; so is ICY, in which radio stations answer."""
    match = _STATUS.fullmatch(line.removesuffix(b"\r"))
    if match is None:
        raise BadHead
    version = b"1.1" if match[2] is not None and match[2] > b"1.0" else b"1.0"
    return b"HTTP/%b %b %b" % (version, match[3], match[4].translate(_TO_BLANKS).strip(b" "))


def _read_fields(rest: bytes) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """The lines with a length; the values that name codings; the lines with everything else. *rest* begins with the
    line end of the status line and ends with an empty line."""
    if rest.find(b"\n\r", 0, -2) >= 0:
        raise BadHead
    if b"\n " in rest or b"\n\t" in rest:
        if _FOLDED_FRAMING.search(rest) is not None:
            raise BadHead
        rest = _FOLD.sub(b" ", rest)
    lengths: list[bytes] = []
    codings: list[bytes] = []
    others: list[bytes] = []
    for line in rest.split(b"\n"):
        field = _read_field(line.removesuffix(b"\r"))
        if field is None:
            continue
        name, value = field
        if name.lower() == b"transfer-encoding":
            codings.append(value)
        else:
            (lengths if name.lower() == b"content-length" else others).append(b"%b: %b" % field)
    return lengths, codings, others


def _read_field(line: bytes) -> tuple[bytes, bytes] | None:
    """A line as a field, mended if it must be; None if it is none and may be dropped."""
    match = _FIELD.fullmatch(line)
    if match is not None:
        return match[1], match[2].strip(b" \t")
    if _FRAMING.search(line) is not None:
        raise BadHead
    odd = _ODD_VALUE.fullmatch(line)
    return None if odd is None else (odd[1], odd[2].translate(_TO_BLANKS).strip(b" \t"))


def _is_chunked(codings: list[bytes]) -> bool:
    """Whether the body is in chunks: `identity` and empty members say nothing, chunked twice is once, as for curl; any
    other coding is one that we cannot take off."""
    named = {member.strip(b" \t").lower() for value in codings for member in value.split(b",")} - {b"", b"identity"}
    if named - {b"chunked"}:
        raise BadHead
    return bool(named)
