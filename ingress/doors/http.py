"""The HTTP door: CONNECT, and plain requests to many origins on one kept connection.

Decides for each request who asks, where it goes, and over which stream; what passes between it and its origin is
`exchange`, how the client's connection goes on is `kept`, what rides where is `lanes`.

Rules: no stream is asked for before the request's own credentials were accepted (each time: users may be taken out
meanwhile); a stream goes on to another request only for the same origin and user, and only if nothing about it is in
doubt; an answer that was begun and cannot be ended is cut so that the client sees it.

Requests that a client sends behind each other without waiting (apt does) go out at once, each on a stream of its own,
as long as all of them change nothing; their answers wait here for their turn. Whatever else comes waits for all before
it. Credentials that were accepted hold for as many requests that repeat them as may be on their way beside.
"""

from collections import deque
from functools import partial

from ingress.doors.body import BadBody
from ingress.doors.budget import Budget
from ingress.doors.door import DoorSettings, Gateway
from ingress.doors.events import (
    Authenticate,
    FinishUpstream,
    Open,
    Released,
    ResetUpstream,
    Send,
    Transparent,
    Upstream,
)
from ingress.doors.exchange import BadResponse, Exchange
from ingress.doors.headers import passed_here
from ingress.doors.kept import Events, HttpState, KeptConnection
from ingress.doors.lanes import MOST_LANES, Lane, Lanes, Queued
from ingress.doors.pages import cause_page, established, options_answer, password_page, trace_answer
from ingress.doors.refusal import RequestRefused, bad_request
from ingress.doors.replies import REPLIES
from ingress.doors.request import Request
from relay.model.cause import Cause

_ON_THE_WAY = (HttpState.OPENING, HttpState.EXCHANGE)
_LAST = (Authenticate, Open, Transparent)
"""What stands last in its list."""


class HttpDoor(KeptConnection):
    """One client that began with a letter. It is its own gateway."""

    def __init__(self, settings: DoorSettings, budget: Budget) -> None:
        super().__init__(settings, budget)
        self._asked: bytes | None = None  # the user whose password is being judged
        self._current: Queued | None = None  # the request at hand, in OPENING and EXCHANGE
        self._ahead: deque[Queued] = deque()  # those behind it that are on their way
        self._lanes = Lanes()

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
            self._finish_idle(events)  # opened for another user
        self.user = user
        self._route(self._request, events)
        return self._advance(events)

    def associated(self, bound: tuple[str, int] | None) -> Events:
        """HTTP relays no datagrams, so nothing here has asked."""
        return []

    def opening(self, lane: int = 0) -> Events:
        """Meanwhile the next request may be looked at."""
        return self._advance([])

    def opened(self, lane: int = 0) -> Events:
        """A CONNECT becomes transparent, any other request goes out; empty if nobody waits for the stream any more."""
        found = self._lanes.get(lane)
        queued = None if found is None else found.serves
        if found is None or queued is None or queued.exchange is not None:
            return []
        if queued.request.is_connect:
            self._lanes.forget(found)
            return self._become_transparent([Send(established(queued.request.version))], lane)
        return self._advance(self._begin(queued, found, []))

    def refused(self, cause: Cause, lane: int = 0, rule: str = "") -> Events:
        """A page with the cause, and *rule*; it ends the connection only after CONNECT."""
        found = self._lanes.get(lane)
        if found is None or found.serves is None or found.serves.exchange is not None:
            return []
        queued = found.serves
        queued.rule = rule
        self._lanes.forget(found)
        return self._advance(self._fail(queued, cause, []))

    def receive_upstream(self, data: bytes, lane: int = 0) -> Events:
        """Bytes that no request asked for reset the stream."""
        found = self._lanes.get(lane)
        if found is None:
            return []
        queued = found.serves
        if queued is None or queued.exchange is None:
            return self._drop(found, [], reset=True)  # nothing was asked for
        try:
            events = self._deliver(queued, queued.exchange.download(data))
        except BadResponse:
            return self._fail_exchange(queued, queued.exchange, Cause.PROTOCOL)
        self._is_late |= queued.exchange.is_behind
        if queued.exchange.switched:
            if found.lost is not None:
                return self._close(events, "origin left behind its 101", reset=True)
            self._lanes.forget(found)
            self._finish_idle(events)
            return self._become_transparent(events, lane)
        return self._advance(self._settle(queued, queued.exchange, events))

    def upstream_eof(self, lane: int = 0) -> Events:
        """Completes an answer that lasts until FIN; one that is not whole has failed as if by a reset."""
        found = self._lanes.get(lane)
        if found is None:
            return []
        queued = found.serves
        if queued is None or queued.exchange is None:
            return self._drop(found, [])
        if queued.exchange.is_behind:
            found.has_fin = True
            queued.exchange.finish_later()
            return []
        try:
            events = self._deliver(queued, queued.exchange.finish_download())
        except BadResponse:
            return self._fail_exchange(queued, queued.exchange, Cause.TARGET_RESET)
        if not queued.exchange.uploaded:
            return self._close(events, "origin left during the upload")
        self._drop(found, events)
        return self._advance(self._settle(queued, queued.exchange, events))

    def upstream_reset(self, cause: Cause, lane: int = 0) -> Events:
        """Send the request again if nothing can have come of it, else a page; cut visibly what was begun."""
        found = self._lanes.get(lane)
        if found is None:
            return []
        queued = found.serves
        if queued is not None and queued.exchange is not None and queued.exchange.is_behind:
            found.lost = cause
            queued.exchange.finish_later()
            return []
        self._lanes.forget(found)
        if queued is None or queued.exchange is None:
            return []
        if not queued.exchange.responded:
            return self._fail_exchange(queued, queued.exchange, cause)
        return self._close([], "origin left during the upload") if queued is self._current else []

    def holds_back(self, lane: int) -> bool:
        """Whether part of an answer waits for the answers before it, or to be read."""
        found = self._lanes.get(lane)
        return found is not None and found.serves is not None and (bool(found.serves.kept) or found.is_behind)

    def catch_up(self) -> Events:
        """What came on one stream; or, when nothing is left of any, what the client sent."""
        lane = self._lanes.behind()
        if lane is None:
            return super().catch_up()
        self._is_late = True
        if lane.is_behind:
            return self._read_on(lane)
        if lane.lost is not None:
            return self.upstream_reset(lane.lost, lane.number)
        return self.upstream_eof(lane.number)

    def _read_on(self, lane: Lane) -> Events:
        events = self.receive_upstream(b"", lane.number)
        if self._lanes.get(lane.number) is lane and lane.lost is None and not lane.is_behind:
            events.insert(len(events) - bool(events and isinstance(events[-1], _LAST)), Released(lane.number))
        return events

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
        elif self._is_loop(request):
            self._answer_cause(request, Cause.LOOP, events)
        else:
            self._current = Queued(request, target)
            self._start(self._current, events)

    def _is_loop(self, request: Request) -> bool:
        return self._settings.via is not None and passed_here(request.fields, self._settings.via)

    def _start(self, queued: Queued, events: Events) -> None:
        """Give it a stream that has served the same origin, or ask for one."""
        lane = None if queued.request.is_connect else self._lanes.take(queued.target, queued)
        if lane is not None:
            self._begin(queued, lane, events)
            return
        is_alone = queued.request.is_connect or (queued is self._current and not self._incoming)
        self._finish_idle(events, most=0 if is_alone else MOST_LANES - 1)
        self._open(queued, events)

    def _open(self, queued: Queued, events: Events) -> None:
        queued.exchange, queued.may_be_stale = None, False
        if queued is self._current:
            self._go(HttpState.OPENING)
        events.append(Open(queued.target.host, queued.target.port, self._lanes.add(queued).number))

    def _begin(self, queued: Queued, lane: Lane, events: Events) -> Events:
        queued.exchange = Exchange(queued.request, queued.target, self._settings, self._budget)
        if queued is self._current:
            self._go(HttpState.EXCHANGE)
        events.append(Upstream(queued.exchange.head, lane.number))
        return events

    def _answer_cause(self, request: Request, cause: Cause, events: Events, rule: str = "") -> Events:
        """A failed CONNECT ends the connection: what was sent ahead for the tunnel must not become a request."""
        if request.is_connect:
            return self._refuse(RequestRefused(REPLIES[cause].status, "", cause, rule), events)
        return self._answer(request, partial(cause_page, cause, self._settings, rule=rule), events)

    # requests ahead of their turn

    def _advance(self, events: Events) -> Events:
        """A client that waits for its answers needs one stream."""
        super()._advance(events)
        if self._state == HttpState.HEAD:
            self._finish_idle(events, most=1)
        return events

    def _step(self, events: Events) -> bool:
        if self._state == HttpState.HEAD and self._ahead:
            return self._promote(self._ahead.popleft(), events)
        return super()._step(events) or self._look_ahead(events)

    def _look_ahead(self, events: Events) -> bool:
        """Send the next request out beside those that are on their way, if it may be."""
        last = self._ahead[-1] if self._ahead else self._current
        if last is None or not last.may_be_followed or len(self._ahead) >= MOST_LANES - 1:
            return False
        found = self._peek()
        if not isinstance(found, Request) or found.target is None or not self._may_run_ahead(found, last):
            return False
        self._next = None
        self._ahead.append(Queued(found, found.target, last.vouched + 1))
        self._start(self._ahead[-1], events)
        return True

    def _may_run_ahead(self, request: Request, last: Queued) -> bool:
        """Whether it goes to an origin without a question to anybody, and changes nothing there."""
        if not request.is_repeatable or request.upgrade or request.max_forwards is not None or self._is_loop(request):
            return False
        if not self._settings.needs_password:
            return True
        return last.vouched < MOST_LANES - 1 and request.credentials == last.request.credentials

    def _promote(self, queued: Queued, events: Events) -> bool:
        """It is its turn: what came of its answer goes out, and what happened to it happens now."""
        self._current, self._request = queued, queued.request
        self._go(HttpState.OPENING if queued.exchange is None else HttpState.EXCHANGE)
        if queued.kept:
            events.append(Send(b"".join(queued.kept)))
            queued.kept.clear()
            if queued.lane is not None and queued.lane.lost is None:
                events.append(Released(queued.lane.number))
        if queued.cause is not None:
            self._fail(queued, queued.cause, events)
        elif queued.exchange is not None:
            self._settle(queued, queued.exchange, events)
        return True

    def _deliver(self, queued: Queued, out: bytes) -> Events:
        """Part of an answer: for the client, or kept until its turn."""
        if not out:
            return []
        if queued is self._current:
            return [Send(out)]
        queued.kept.append(out)
        return []

    # streams

    def _let_streams_go(self, events: Events) -> None:
        self._finish_idle(events)
        self._lanes.clear()
        self._ahead.clear()

    def _finish_idle(self, events: Events, *, most: int = 0) -> None:
        """End streams that serve nobody, the oldest first, until no more than *most* are there."""
        for lane in self._lanes.idle():
            if len(self._lanes) > most:
                self._drop(lane, events)

    def _drop(self, lane: Lane, events: Events, *, reset: bool = False) -> Events:
        self._lanes.forget(lane)
        if lane.lost is None:
            events.append(ResetUpstream(lane.number) if reset else FinishUpstream(lane.number))
        return events

    # the exchange at hand

    @property
    def _is_reading(self) -> bool:
        exchange = None if self._current is None else self._current.exchange
        return super()._is_reading or (exchange is not None and not exchange.uploaded)

    def _go(self, state: HttpState) -> None:
        super()._go(state)
        if state not in _ON_THE_WAY:
            self._current = None

    def _upload(self, events: Events) -> bool:
        queued = self._current
        assert queued is not None and queued.exchange is not None
        try:
            out = queued.exchange.upload(self._incoming)
        except BadBody:
            self._give_up(queued.exchange, events)
            return False
        if out and queued.lane is not None and queued.lane.lost is None:
            events.append(Upstream(out, queued.lane.number))
        if not queued.exchange.uploaded:
            self._must_stop()
        self._settle(queued, queued.exchange, events)
        return self._state == HttpState.HEAD

    def _give_up(self, exchange: Exchange, events: Events) -> None:
        """The client broke its own request off the rails."""
        if exchange.answered:
            self._close(events, "bad body", reset=True)
        else:
            self._refuse(bad_request("The body is not framed as the head says."), events)

    def _settle(self, queued: Queued, exchange: Exchange, events: Events) -> Events:
        """Leave the exchange if it is over. A final answer may end before the upload does."""
        if not exchange.responded or queued is not self._current:
            return events
        if not exchange.uploaded:
            return events if exchange.keeps_client else self._close(events, "answered before the upload ended")
        lane = queued.lane
        if lane is not None:
            self._lanes.rest(lane, queued)
            if not exchange.reusable:
                self._drop(lane, events)
        self._next_request()
        return events if exchange.keeps_client else self._close(events, "request served")

    def _fail_exchange(self, queued: Queued, exchange: Exchange, cause: Cause) -> Events:
        """There will be no whole answer: ask once more if nothing can have happened, else tell, or cut."""
        events: Events = [] if queued.lane is None else self._drop(queued.lane, [], reset=True)
        if queued.may_be_stale and queued.request.is_repeatable and not exchange.touched:
            self._open(queued, events)
            return events
        return self._advance(self._fail(queued, cause, events))

    def _fail(self, queued: Queued, cause: Cause, events: Events) -> Events:
        """No stream will bring its answer; who waits for its turn learns it then."""
        queued.cause = cause
        if queued is not self._current:
            return events
        if queued.exchange is not None and queued.exchange.answered:
            return self._close(events, f"answer cut short: {cause.word}", reset=True)
        return self._answer_cause(queued.request, cause, events, queued.rule)
