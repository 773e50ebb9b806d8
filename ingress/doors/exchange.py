"""One plain request on its way to the origin, and the answer on its way back.

Two h11 connections face each other here, one towards the client and one towards the origin; what passes from one to
the other are their events, so framing is always rebuilt and never copied. Knows neither streams nor other requests.

Rules: the body is passed on when the client sends it, whatever it expects, so nobody waits for us (RFC 9110 section
10.1.1); a final answer may come before the body ends; what an origin gets wrong before its final answer began becomes
a page, and afterwards a visible cut.
"""

import h11

from ingress.doors.body import BadBody, Body, ChunkedBody, CountedBody, EndlessBody
from ingress.doors.budget import ANSWER, Budget
from ingress.doors.door import DoorSettings
from ingress.doors.headers import Fields, end_to_end, upgrade_asked, upgrade_fields, values, via, without
from ingress.doors.origin_head import MOST_ORIGIN_HEAD, BadHead, OriginReader, divide, divide_fields
from ingress.doors.request import Request
from ingress.doors.target import Target

AnyResponse = h11.Response | h11.InformationalResponse


class BadResponse(Exception):
    """The origin's bytes are no answer to the request, or its connection ended within one."""


class Exchange:
    """Made once the request's head is known and a stream to the origin is there; `head` goes out first."""

    def __init__(self, request: Request, target: Target, settings: DoorSettings, budget: Budget) -> None:
        self._request = request
        self._via = settings.via
        self._budget = budget
        self._client = request.connection
        self._origin = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_ORIGIN_HEAD)
        self._incoming = bytearray()
        self._heads = OriginReader()
        self._beside: Fields = []  # of the head at hand: fields that h11 was not shown
        self._body: Body | None = None  # of the final answer; None before its head
        self._is_spent = False  # whether the origin sent more than its answer, or may have, or will send no other
        self._continued = False  # whether the client has no reason left to hold its body back
        self.is_behind = False
        """Whether some of what the origin sent has still to be read, when there is budget for it."""
        self.touched = False
        """Whether anything came from the origin."""
        self.answered = False
        """Whether the head of the final answer was passed on."""
        self.responded = False
        """Whether all of the final answer was passed on."""
        self.uploaded = False
        """Whether all of the request was passed on."""
        self.switched = False
        """Whether the origin changed protocols as asked; what it sent behind its 101 was passed on with it."""
        self.keeps_client = request.keeps_connection
        """Whether the client's connection goes on after this answer, as far as the client was told."""
        self.head = self._origin.send(self._forwarded(target))
        """The request's head as the origin gets it."""
        if request.is_bodiless:
            self._end_upload()

    def __repr__(self) -> str:
        return f"<Exchange {self._request!r} uploaded={self.uploaded} answered={self.answered}>"

    @property
    def reusable(self) -> bool:
        """Whether the stream stands between two messages, with nothing in doubt."""
        return self._origin.our_state is h11.DONE and self._origin.their_state is h11.DONE and not self._is_spent

    def upload(self, incoming: bytearray) -> bytes:
        """Cut off *incoming* what belongs to the request, within the budget, and give it for the origin. Raises
        BadBody."""
        if self.uploaded or not (piece := self._request.body.take(incoming, self._budget)):
            return b""
        self._continued = True
        self._client.receive_data(piece)
        data, ended = _read_body(self._client)  # no error can come of it: `take` has judged the bytes
        out = self._origin.send(h11.Data(data=data)) if data else b""
        return out + self._end_upload() if ended else out

    def download(self, data: bytes) -> bytes:
        """Take what came from the origin, and give what of it is for the client, within the budget: then it `is_behind`
        and is to be called again, be it with nothing. Raises BadResponse."""
        self.touched = True
        if self.responded:
            self._is_spent = True
            return b""
        self._incoming += data
        return self._relay(ended=False)

    def finish_later(self) -> None:
        """The stream has ended while this `is_behind`: it serves no other request."""
        self._is_spent = True

    def finish_download(self) -> bytes:
        """The same for the origin's FIN, once nothing is left to be read. Raises BadResponse if the answer is not
        whole."""
        out = self._relay(ended=True)
        if not self.responded:
            raise BadResponse
        return out

    def _relay(self, *, ended: bool) -> bytes:
        if self.responded:
            return b""
        try:
            heads = self._relay_heads()
            out = heads if self._body is None else heads + self._relay_body(self._body, ended)
            self.is_behind = self._budget.left <= 0 and bool(self._incoming) and not self.responded
            return out
        except (h11.ProtocolError, BadHead, BadBody):
            raise BadResponse from None

    def _relay_heads(self) -> bytes:
        out = b""
        while self._body is None and (head := self._next_head()) is not None:
            shown, self._beside = divide(head)
            self._origin.receive_data(shown)
            event = self._origin.next_event()
            if isinstance(event, h11.InformationalResponse):
                out += self._relay_interim(event)
            else:
                assert isinstance(event, h11.Response), "a whole head gives one event"
                out += self._relay_final(event)
            if self.switched:
                out += bytes(self._incoming)
                self._incoming.clear()
                break
        return out

    def _next_head(self) -> bytes | None:
        if self._budget.left <= 0 or (head := self._heads.take(self._incoming)) is None:
            return None
        self._budget.charge_head(ANSWER, head)
        return head

    def _relay_interim(self, event: h11.InformationalResponse) -> bytes:
        fields = self._fields(event)
        kept = without(end_to_end(fields), b"content-length")
        if event.status_code == 101:
            agreed = upgrade_asked(fields)
            asked = {protocol.lower() for protocol in self._request.upgrade}
            if not agreed or not asked.issuperset(protocol.lower() for protocol in agreed):
                raise BadResponse
            self.switched = True
            kept += upgrade_fields(agreed)
        elif event.status_code == 100:
            if self._continued or not self._request.expects_continue:
                return b""
            self._continued = True
        if self._request.is_old:  # knows no interim answers
            return b""
        return self._head(h11.InformationalResponse, event, kept)

    def _relay_final(self, event: h11.Response) -> bytes:
        """A client that is refused while it uploads is told that the connection ends, so that it need not go on."""
        fields = self._fields(event)
        self._body = self._find_body(event, fields)
        kept = without(end_to_end(fields), b"content-length") if event.status_code == 204 else end_to_end(fields)
        if self._via is not None:
            kept.append(via(event.http_version, self._via))
        waits = self._request.expects_continue and not self._continued
        if not self.uploaded and (event.status_code >= 400 or waits):
            self.keeps_client = False
        if not self.keeps_client:
            kept.append((b"Connection", b"close"))
        self.answered = True
        return self._head(h11.Response, event, kept)

    def _fields(self, event: AnyResponse) -> Fields:
        return [*((bytes(name), bytes(value)) for name, value in event.headers.raw_items()), *self._beside]

    def _head(self, kind: type[AnyResponse], event: AnyResponse, kept: Fields) -> bytes:
        """For the client, with the fields that h11 is not shown behind those that it writes."""
        shown, beside = divide_fields(kept) if self._beside else (kept, [])
        head = self._client.send(kind(status_code=event.status_code, reason=bytes(event.reason), headers=shown))
        assert head is not None
        return b"".join([head[:-2], *(b"%b: %b\r\n" % field for field in beside), b"\r\n"]) if beside else head

    def _relay_body(self, body: Body, ended: bool) -> bytes:
        if piece := body.take(self._incoming, self._budget):
            self._origin.receive_data(piece)
        if ended and not body.is_done:
            self._origin.receive_data(b"")  # the end of an endless body, an error within every other
        data, complete = _read_body(self._origin)
        out = self._client.send(h11.Data(data=data)) if data else b""
        if not complete:
            return out
        self.responded = True
        self._is_spent |= bool(self._incoming) or body.leaves_doubt
        return out + self._client.send(h11.EndOfMessage())

    def _find_body(self, event: h11.Response, fields: Fields) -> Body:
        """RFC 9112 section 6.3; no answer has both, see `origin_head`."""
        length, coding = values(fields, b"content-length"), values(fields, b"transfer-encoding")
        if self._request.is_head or event.status_code in (204, 304):
            return CountedBody(0)
        if coding:
            return ChunkedBody(of_origin=True)
        return CountedBody(int(length[0])) if length else EndlessBody()

    def _forwarded(self, target: Target) -> h11.Request:
        """The request as the origin gets it: origin form, its own Host, framing rebuilt."""
        request = self._request
        fields: Fields = [(b"Host", target.authority), *without(end_to_end(request.fields), b"host")]
        if request.is_old:
            fields = without(fields, b"expect")  # HTTP/1.0 has none, and could not be told to go on
        if isinstance(request.body, ChunkedBody):
            fields.append((b"Transfer-Encoding", b"chunked"))
        if request.upgrade:
            fields += upgrade_fields(request.upgrade)
        if request.max_forwards is not None:
            fields = [*without(fields, b"max-forwards"), (b"Max-Forwards", b"%d" % (request.max_forwards - 1))]
        if self._via is not None:
            fields.append(via(request.version, self._via))
        return h11.Request(method=request.method, target=target.path, headers=fields)

    def _end_upload(self) -> bytes:
        self.uploaded = True
        return self._origin.send(h11.EndOfMessage())


def _read_body(connection: h11.Connection) -> tuple[bytes, bool]:
    """What h11 has of a body, and whether that was its end. Stops there: behind it h11 takes bytes for an error."""
    data: list[bytes] = []
    while not isinstance(event := connection.next_event(), h11.EndOfMessage):
        if not isinstance(event, h11.Data):
            return data[0] if len(data) == 1 else b"".join(data), False
        data.append(event.data)
    return data[0] if len(data) == 1 else b"".join(data), True
