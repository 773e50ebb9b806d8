"""The HTTP door: CONNECT, and plain requests to many origins on one kept connection.

Decides for each request who asks, where it goes, and over which stream; what passes between it and its origin is
`exchange`, how the client's connection goes on is `kept`.

Rules: no stream is asked for before the request's own credentials were accepted (each time: users may be taken out
meanwhile); a stream goes on to the next request only for the same origin and user, and only if nothing about it is in
doubt; an answer that was begun and cannot be ended is cut so that the client sees it.
"""

from functools import partial

from ingress.doors.body import BadBody
from ingress.doors.door import DoorSettings, Gateway
from ingress.doors.events import Authenticate, Open, Send, Upstream
from ingress.doors.exchange import BadResponse, Exchange
from ingress.doors.headers import passed_here
from ingress.doors.kept import Events, HttpState, KeptConnection
from ingress.doors.pages import cause_page, established, options_answer, password_page, trace_answer
from ingress.doors.refusal import RequestRefused, bad_request
from ingress.doors.replies import REPLIES
from ingress.doors.request import Request
from ingress.doors.target import Target
from relay.model.cause import Cause


class HttpDoor(KeptConnection):
    """One client that began with a letter. It is its own gateway."""

    def __init__(self, settings: DoorSettings) -> None:
        super().__init__(settings)
        self._asked: bytes | None = None  # the user whose password is being judged
        self._exchange: Exchange | None = None  # in EXCHANGE, and only there
        self._leads_to: tuple[str, int] | None = None  # where the current stream goes
        self._may_be_stale = False  # the stream has served before, and its origin may have closed it since

    @property
    def gateway(self) -> Gateway:
        """Itself: it stays between client and origin, except for CONNECT and changed protocols."""
        return self

    def authenticated(self, accepted: bool) -> Events:
        """A refusal (407) need not end the connection; an accepted user gets no stream that another one opened."""
        if self._state != HttpState.CHECKING or self._asked is None or self._request is None:
            return []
        events: Events = []
        if not accepted:
            return self._advance(self._answer(self._request, password_page, events))
        user = self._asked.decode("utf-8", "backslashreplace")
        if self.user not in (None, user):
            self._drop_stream(events)  # it was opened for another user
        self.user = user
        self._route(self._request, events)
        return self._advance(events)

    def opened(self) -> Events:
        """A CONNECT becomes transparent, any other request goes out; empty if nobody waits for a stream any more."""
        if self._state != HttpState.OPENING or self._request is None or self._request.target is None:
            return []
        if self._request.is_connect:
            return self._become_transparent([Send(established(self._request.version))])
        target = self._request.target
        self._has_stream, self._leads_to = True, (target.host, target.port)
        self._may_be_stale = False
        return self._advance(self._begin(self._request, target, []))

    def refused(self, cause: Cause) -> Events:
        """A page with the cause; it ends the connection only after CONNECT."""
        if self._state != HttpState.OPENING or self._request is None:
            return []
        return self._advance(self._answer_cause(self._request, cause, []))

    def receive_upstream(self, data: bytes) -> Events:
        """Bytes that no request asked for reset the stream."""
        exchange = self._exchange
        if exchange is None:
            return self._drop_stream([], reset=True)  # nothing was asked for
        try:
            out = exchange.download(data)
        except BadResponse:
            return self._fail_exchange(exchange, Cause.PROTOCOL)
        events: Events = [Send(out)] if out else []
        if exchange.switched:
            return self._become_transparent(events)
        return self._advance(self._settle(exchange, events))

    def upstream_eof(self) -> Events:
        """Completes an answer that lasts until FIN; one that is not whole has failed as if by a reset."""
        exchange = self._exchange
        if exchange is None:
            return self._drop_stream([])
        try:
            out = exchange.finish_download()
        except BadResponse:
            return self._fail_exchange(exchange, Cause.TARGET_RESET)
        events: Events = [Send(out)] if out else []
        if not exchange.uploaded:
            return self._close(events, "origin left during the upload")
        self._drop_stream(events)
        return self._advance(self._settle(exchange, events))

    def upstream_reset(self, cause: Cause) -> Events:
        """Send the request again if nothing can have come of it, else a page; cut visibly what was begun."""
        self._has_stream = False
        exchange = self._exchange
        if exchange is None:
            return []
        if exchange.responded:
            return self._close([], "origin left during the upload")
        return self._fail_exchange(exchange, cause)

    # a request, from its head to its answer

    def _admit(self, request: Request, events: Events) -> None:
        if not self._settings.needs_password:
            return self._route(request, events)
        given = request.credentials
        if given is None:
            self._answer(request, password_page, events)
        else:
            self._asked = given.user
            self._go(HttpState.CHECKING)
            events.append(Authenticate(given.user, given.password))
        return None

    def _route(self, request: Request, events: Events) -> None:
        target = request.target
        if target is None or (request.max_forwards == 0 and request.method == b"OPTIONS"):
            self._answer(request, options_answer, events)
        elif request.max_forwards == 0:
            shown = b"http://%b%b" % (target.authority, target.path)
            self._answer(request, partial(trace_answer, shown, request.fields), events)
        elif self._settings.via is not None and passed_here(request.fields, self._settings.via):
            self._answer_cause(request, Cause.LOOP, events)
        elif self._has_stream and not request.is_connect and self._leads_to == (target.host, target.port):
            self._may_be_stale = True
            self._begin(request, target, events)
        else:
            self._drop_stream(events)
            self._open(target, events)

    def _open(self, target: Target, events: Events) -> None:
        self._go(HttpState.OPENING)
        events.append(Open(target.host, target.port))

    def _begin(self, request: Request, target: Target, events: Events) -> Events:
        self._go(HttpState.EXCHANGE)
        self._exchange = Exchange(request, target, self._settings)
        events.append(Upstream(self._exchange.head))
        return events

    def _answer_cause(self, request: Request, cause: Cause, events: Events) -> Events:
        """A failed CONNECT ends the connection: what was sent ahead for the tunnel must not become a request."""
        if request.is_connect:
            return self._refuse(RequestRefused(REPLIES[cause].status, "", cause), events)
        return self._answer(request, partial(cause_page, cause, self._settings), events)

    # the exchange at hand

    @property
    def _is_reading(self) -> bool:
        return super()._is_reading or (self._exchange is not None and not self._exchange.uploaded)

    def _go(self, state: HttpState) -> None:
        super()._go(state)
        if state != HttpState.EXCHANGE:
            self._exchange = None

    def _upload(self, events: Events) -> bool:
        exchange = self._exchange
        assert exchange is not None
        try:
            out = exchange.upload(self._incoming)
        except BadBody:
            self._give_up(exchange, events)
            return False
        if out:
            events.append(Upstream(out))
        self._settle(exchange, events)
        return self._state == HttpState.HEAD

    def _give_up(self, exchange: Exchange, events: Events) -> None:
        """The client broke its own request off the rails."""
        if exchange.answered:
            self._close(events, "bad body", reset=True)
        else:
            self._refuse(bad_request("The body is not framed as the head says."), events)

    def _settle(self, exchange: Exchange, events: Events) -> Events:
        """Leave the exchange if it is over. A final answer may end before the upload does."""
        if not exchange.responded or self._state != HttpState.EXCHANGE:
            return events
        if not exchange.uploaded:
            return events if exchange.keeps_client else self._close(events, "answered before the upload ended")
        if not exchange.reusable:
            self._drop_stream(events)
        self._next_request()
        return events if exchange.keeps_client else self._close(events, "request served")

    def _fail_exchange(self, exchange: Exchange, cause: Cause) -> Events:
        """There will be no whole answer: ask once more if nothing can have happened, else tell, or cut."""
        request = self._request
        assert request is not None and request.target is not None
        events: Events = self._drop_stream([], reset=True)
        if self._may_be_stale and request.is_repeatable and not exchange.touched:
            self._open(request.target, events)
            return events
        if exchange.answered:
            return self._close(events, f"answer cut short: {cause.word}", reset=True)
        return self._advance(self._answer_cause(request, cause, events))
