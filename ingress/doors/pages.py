"""Answers that the proxy gives itself: error pages, the question for a password, OPTIONS and TRACE that end here.

Rules: plain text, so that nothing in it can be markup; only our own words, nothing that the client or an origin sent
(CVE-2025-62168: a proxy that showed the request's headers on its error page showed the password). TRACE, which asks
for just that, is shown a few harmless fields.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

import attrs

from ingress.doors.door import DoorSettings
from ingress.doors.headers import Field, Fields, values
from ingress.doors.replies import REPLIES, RETRY_AFTER, RULED
from relay.model.cause import Cause

METHODS: Final = b"CONNECT, DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE"
CHALLENGE: Final = b'Basic realm="ingress", charset="UTF-8"'
"""RFC 7617 section 2; the realm is what a browser shows when it asks for the password."""
_TRACED: Final = (b"host", b"max-forwards", b"user-agent", b"via")
"""Fields that TRACE shows. Not Cookie, not Authorization, nor what may hold a secret under a name of its own."""


@attrs.frozen
class Manner:
    """How an answer of our own is to be written."""

    head_only: bool = False
    """Without its body, for HEAD."""
    close: bool = True
    """Says that the connection ends with it."""
    version: bytes = b"1.1"
    """The client's own, 1.0 or 1.1: old programs look whether it is theirs."""


ENDS = Manner()
"""For a client of which no request could be read."""


def page(status: HTTPStatus, text: str, manner: Manner, fields: Sequence[Field] = ()) -> bytes:
    """A whole response in plain text."""
    body = f"{status.value} {status.phrase}\n\n{text}\n".encode()
    about = [
        *fields,
        (b"Content-Type", b"text/plain; charset=utf-8"),
        (b"X-Content-Type-Options", b"nosniff"),
        (b"Cache-Control", b"no-store"),
    ]
    return response(status, about, body, manner)


def response(status: HTTPStatus, fields: Sequence[Field], body: bytes, manner: Manner) -> bytes:
    """A whole response with a length."""
    lines = [b"HTTP/%b %d %b" % (manner.version, status.value, status.phrase.encode())]
    lines += [b"%b: %b" % field for field in fields]
    lines.append(b"Content-Length: %d" % len(body))
    if manner.close:
        lines.append(b"Connection: close")
    return b"\r\n".join([*lines, b"", b"" if manner.head_only else body])


def established(version: bytes) -> bytes:
    """The answer to CONNECT when there is a tunnel: no fields, since a body must not seem to follow."""
    return b"HTTP/%b 200 Connection established\r\n\r\n" % version


def cause_page(cause: Cause, settings: DoorSettings, manner: Manner, rule: str = "") -> bytes:
    """The page for a stream that failed, with Proxy-Status (RFC 9209) for programs; *rule* is the one that bounds what
    may carry it, if one does."""
    reply = REPLIES[cause]
    text = f"{reply.text}\n{RULED[cause].format(rule=rule)}" if rule and cause in RULED else reply.text
    fields = [(b"Proxy-Status", f"{settings.pseudonym}; error={reply.error}".encode("ascii"))]
    if cause == Cause.NO_PATH:
        fields.append((b"Retry-After", b"%d" % RETRY_AFTER))
    return page(reply.status, text, manner, fields)


def password_page(manner: Manner) -> bytes:
    """407: browsers ask for the password when they see it, also again after a wrong one (RFC 7617 section 2)."""
    text = "This proxy asks for a user and a password. `ingress user list` shows who may enter."
    fields = [(b"Proxy-Authenticate", CHALLENGE)]
    return page(HTTPStatus.PROXY_AUTHENTICATION_REQUIRED, text, manner, fields)


def options_answer(manner: Manner) -> bytes:
    """What the proxy itself can do."""
    return response(HTTPStatus.OK, [(b"Allow", METHODS)], b"", manner)


def trace_answer(target: bytes, fields: Fields, manner: Manner) -> bytes:
    """The request as it came here (RFC 9110 section 9.3.8), without what others must not see."""
    shown = [(name.title(), value) for name in _TRACED for value in values(fields, name) if value]
    lines = [b"TRACE %b HTTP/1.1" % target, *(b"%b: %b" % field for field in shown), b"", b""]
    about = [(b"Content-Type", b"message/http"), (b"X-Content-Type-Options", b"nosniff")]
    return response(HTTPStatus.OK, about, b"\r\n".join(lines), manner)
