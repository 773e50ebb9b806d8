"""One request of a client as a value: its head judged, parsed by h11, and its body's framing known.

Rules: what could be framed in two ways is refused here, before anything acts on it; one h11 connection serves one
request and its answer, so nothing can leak from one to the next.
"""

from http import HTTPStatus

import h11

from ingress.doors.basic import Credentials, parse_credentials
from ingress.doors.body import Body, ChunkedBody, CountedBody
from ingress.doors.headers import Fields, tokens, upgrade_asked, values
from ingress.doors.refusal import RequestRefused, bad_request
from ingress.doors.strict import MOST_HEAD
from ingress.doors.target import Target, check_host_field, parse_absolute, parse_connect

CONNECT = b"CONNECT"
_REPEATABLE = frozenset({b"GET", b"HEAD", b"OPTIONS", b"TRACE"})


class Request:
    """A request whose head has been read. Raises RequestRefused when made of one that will not be carried out."""

    __slots__ = ("_is_last", "body", "connection", "fields", "is_bodiless", "is_old", "method", "target", "upgrade")

    def __init__(self, head: bytes, proxy_url: str) -> None:
        self.connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST_HEAD)
        """Where the body is read and the answer written; both sides stand behind the head."""
        event = _parse(self.connection, head)
        self.method = bytes(event.method)
        self.fields: Fields = [(bytes(name), bytes(value)) for name, value in event.headers.raw_items()]
        self.is_old = event.http_version == b"1.0"
        """An HTTP/1.0 client: it knows no chunks, no interim answers and no upgrades."""
        self.target: Target | None = self._find_target(bytes(event.target), proxy_url)
        """None for `OPTIONS *`, which asks about the proxy itself."""
        self._is_last = self.is_old or b"close" in tokens(self.fields, b"connection")
        self.body: Body = self._find_body()
        self.upgrade = self._find_upgrade()
        """The protocols the client would change to; empty if it would not, or must not."""
        self.is_bodiless = self.body.is_done
        if self.is_bodiless and not self.is_connect:  # whose connection serves no more
            self.connection.next_event()  # the end of the message

    def __repr__(self) -> str:
        return f"<Request {self.method.decode()} {self.target}>"

    @property
    def version(self) -> bytes:
        """As it stands in Via and in answers of our own: of the minor versions only 0 and 1 are told apart."""
        return b"1.0" if self.is_old else b"1.1"

    @property
    def is_connect(self) -> bool:
        """Whether it asks for a tunnel."""
        return self.method == CONNECT

    @property
    def is_head(self) -> bool:
        """Whether its answer has no body, whatever its head says."""
        return self.method == b"HEAD"

    @property
    def is_repeatable(self) -> bool:
        """Whether sending it twice does what sending it once does, and we still have all of it."""
        return self.method in _REPEATABLE and self.is_bodiless

    @property
    def expects_continue(self) -> bool:
        """Whether the client may wait for 100 before it sends the body (RFC 9110 section 10.1.1)."""
        return not self.is_old and b"100-continue" in tokens(self.fields, b"expect")

    @property
    def keeps_connection(self) -> bool:
        """Whether the client would send another request after this one, and we would know where it begins."""
        return not self._is_last

    @property
    def credentials(self) -> Credentials | None:
        """What Proxy-Authorization says; None if it is missing or cannot be read as Basic."""
        return parse_credentials(self.fields)

    @property
    def max_forwards(self) -> int | None:
        """How many proxies may still forward it; only OPTIONS and TRACE say so (RFC 9110 section 7.6.2)."""
        if self.method not in (b"OPTIONS", b"TRACE"):
            return None
        given = values(self.fields, b"max-forwards")
        return int(given[0][:9]) if len(given) == 1 and given[0].isdigit() else None

    def _find_target(self, raw: bytes, proxy_url: str) -> Target | None:
        for host in values(self.fields, b"host"):
            check_host_field(host)
        if self.is_connect:
            return parse_connect(raw)
        if raw == b"*" and self.method == b"OPTIONS":
            return None
        return parse_absolute(self.method, raw, proxy_url)

    def _find_body(self) -> Body:
        length, coding = values(self.fields, b"content-length"), values(self.fields, b"transfer-encoding")
        if length and coding:
            raise bad_request("Content-Length and Transfer-Encoding exclude each other.")
        if coding and self.is_old:
            raise bad_request("HTTP/1.0 has no Transfer-Encoding.")
        if self.is_connect:
            return self._find_tunnel(length, coding)
        if coding:
            return ChunkedBody()
        return CountedBody(int(length[0]) if length else 0)

    def _find_tunnel(self, length: list[bytes], coding: list[bytes]) -> Body:
        """CONNECT has no content (RFC 9110 section 9.3.6), but WinINet announces 0 bytes, and WinHTTP those of the
        request that it will send through the tunnel. No program reads a body here, and behind 200 all is tunnel. If
        there is no tunnel, such a body may follow or not, so that nothing behind this head is read as a request."""
        if coding:
            raise bad_request("CONNECT has no content.")
        self._is_last |= bool(length) and int(length[0]) > 0
        return CountedBody(0)

    def _find_upgrade(self) -> list[bytes]:
        may_ask = self.body.is_done and not self.is_old and not self.is_connect
        return upgrade_asked(self.fields) if may_ask else []


def _parse(connection: h11.Connection, head: bytes) -> h11.Request:
    try:
        connection.receive_data(head)
        event = connection.next_event()
    except h11.RemoteProtocolError as error:
        raise RequestRefused(HTTPStatus(error.error_status_hint), "The head of the request is not valid.") from None
    assert isinstance(event, h11.Request), "a whole head gives one event"
    return event
