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
from ingress.doors.door import DoorSettings, Gateway
from ingress.doors.events import Authenticate, FinishUpstream, Open, Released, ResetUpstream, Send, Upstream
from ingress.doors.exchange import BadResponse, Exchange
from ingress.doors.headers import passed_here
from ingress.doors.kept import Events, HttpState, KeptConnection
from ingress.doors.lanes import MOST_LANES, Lane, Lanes, Turn
from ingress.doors.pages import cause_page, established, options_answer, password_page, trace_answer
from ingress.doors.refusal import RequestRefused, bad_request
from ingress.doors.replies import REPLIES
from ingress.doors.request import Request
from relay.model.cause import Cause

_ON_THE_WAY = (HttpState.OPENING, HttpState.EXCHANGE)


class HttpDoor(KeptConnection):
    """One client that began with a letter. It is its own gateway."""

    def __init__(self, settings: DoorSettings) -> None:
        super().__init__(settings)
        self._asked: bytes | None = None  # the user whose password is being judged
        self._turn: Turn | None = None  # the request at hand, in OPENING and EXCHANGE
        self._ahead: deque[Turn] = deque()  # those behind it that are on their way
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

    def opening(self, lane: int = 0) -> Events:
        """Meanwhile the next request may be looked at."""
        return self._advance([])

    def opened(self, lane: int = 0) -> Events:
        """A CONNECT becomes transparent, any other request goes out; empty if nobody waits for the stream any more."""
        found = self._lanes.get(lane)
        turn = None if found is None else found.turn
        if found is None or turn is None or turn.exchange is not None:
            return []
        if turn.request.is_connect:
            self._lanes.forget(found)
            return self._become_transparent([Send(established(turn.request.version))], lane)
        return self._advance(self._begin(turn, found, []))

    def refused(self, cause: Cause, lane: int = 0) -> Events:
        """A page with the cause; it ends the connection only after CONNECT."""
        found = self._lanes.get(lane)
        if found is None or found.turn is None or found.turn.exchange is not None:
            return []
        turn = found.turn
        self._lanes.forget(found)
        return self._advance(self._fail(turn, cause, []))

    def receive_upstream(self, data: bytes, lane: int = 0) -> Events:
        """Bytes that no request asked for reset the stream."""
        found = self._lanes.get(lane)
        if found is None:
            return []
        turn = found.turn
        if turn is None or turn.exchange is None:
            return self._drop(found, [], reset=True)  # nothing was asked for
        try:
            events = self._deliver(turn, turn.exchange.download(data))
        except BadResponse:
            return self._fail_exchange(turn, turn.exchange, Cause.PROTOCOL)
        if turn.exchange.switched:
            self._lanes.forget(found)
            self._finish_idle(events)
            return self._become_transparent(events, lane)
        return self._advance(self._settle(turn, turn.exchange, events))

    def upstream_eof(self, lane: int = 0) -> Events:
        """Completes an answer that lasts until FIN; one that is not whole has failed as if by a reset."""
        found = self._lanes.get(lane)
        if found is None:
            return []
        turn = found.turn
        if turn is None or turn.exchange is None:
            return self._drop(found, [])
        try:
            events = self._deliver(turn, turn.exchange.finish_download())
        except BadResponse:
            return self._fail_exchange(turn, turn.exchange, Cause.TARGET_RESET)
        if not turn.exchange.uploaded:
            return self._close(events, "origin left during the upload")
        self._drop(found, events)
        return self._advance(self._settle(turn, turn.exchange, events))

    def upstream_reset(self, cause: Cause, lane: int = 0) -> Events:
        """Send the request again if nothing can have come of it, else a page; cut visibly what was begun."""
        found = self._lanes.get(lane)
        if found is None:
            return []
        turn = found.turn
        self._lanes.forget(found)
        if turn is None or turn.exchange is None:
            return []
        if not turn.exchange.responded:
            return self._fail_exchange(turn, turn.exchange, cause)
        return self._close([], "origin left during the upload") if turn is self._turn else []

    def holds_back(self, lane: int) -> bool:
        """Whether part of an answer waits for the answers before it."""
        found = self._lanes.get(lane)
        return found is not None and found.turn is not None and bool(found.turn.kept)

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
            self._turn = Turn(request, target)
            self._start(self._turn, events)

    def _is_loop(self, request: Request) -> bool:
        return self._settings.via is not None and passed_here(request.fields, self._settings.via)

    def _start(self, turn: Turn, events: Events) -> None:
        """Give it a stream that has served the same origin, or ask for one."""
        lane = None if turn.request.is_connect else self._lanes.take(turn.target, turn)
        if lane is not None:
            self._begin(turn, lane, events)
            return
        is_alone = turn.request.is_connect or (turn is self._turn and not self._incoming)
        self._finish_idle(events, most=0 if is_alone else MOST_LANES - 1)
        self._open(turn, events)

    def _open(self, turn: Turn, events: Events) -> None:
        turn.exchange, turn.may_be_stale = None, False
        if turn is self._turn:
            self._go(HttpState.OPENING)
        events.append(Open(turn.target.host, turn.target.port, self._lanes.add(turn).number))

    def _begin(self, turn: Turn, lane: Lane, events: Events) -> Events:
        turn.exchange = Exchange(turn.request, turn.target, self._settings)
        if turn is self._turn:
            self._go(HttpState.EXCHANGE)
        events.append(Upstream(turn.exchange.head, lane.number))
        return events

    def _answer_cause(self, request: Request, cause: Cause, events: Events) -> Events:
        """A failed CONNECT ends the connection: what was sent ahead for the tunnel must not become a request."""
        if request.is_connect:
            return self._refuse(RequestRefused(REPLIES[cause].status, "", cause), events)
        return self._answer(request, partial(cause_page, cause, self._settings), events)

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
        last = self._ahead[-1] if self._ahead else self._turn
        if last is None or not last.may_be_followed or len(self._ahead) >= MOST_LANES - 1:
            return False
        found = self._peek()
        if not isinstance(found, Request) or found.target is None or not self._may_run_ahead(found, last):
            return False
        self._next = None
        self._ahead.append(Turn(found, found.target, last.vouched + 1))
        self._start(self._ahead[-1], events)
        return True

    def _may_run_ahead(self, request: Request, last: Turn) -> bool:
        """Whether it goes to an origin without a question to anybody, and changes nothing there."""
        if not request.is_repeatable or request.upgrade or request.max_forwards is not None or self._is_loop(request):
            return False
        if not self._settings.needs_password:
            return True
        return last.vouched < MOST_LANES - 1 and request.credentials == last.request.credentials

    def _promote(self, turn: Turn, events: Events) -> bool:
        """It is its turn: what came of its answer goes out, and what happened to it happens now."""
        self._turn, self._request = turn, turn.request
        self._go(HttpState.OPENING if turn.exchange is None else HttpState.EXCHANGE)
        if turn.kept:
            events.append(Send(b"".join(turn.kept)))
            turn.kept.clear()
            if turn.lane is not None:
                events.append(Released(turn.lane.number))
        if turn.cause is not None:
            self._fail(turn, turn.cause, events)
        elif turn.exchange is not None:
            self._settle(turn, turn.exchange, events)
        return True

    def _deliver(self, turn: Turn, out: bytes) -> Events:
        """Part of an answer: for the client, or kept until its turn."""
        if not out:
            return []
        if turn is self._turn:
            return [Send(out)]
        turn.kept.append(out)
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
        events.append(ResetUpstream(lane.number) if reset else FinishUpstream(lane.number))
        return events

    # the exchange at hand

    @property
    def _is_reading(self) -> bool:
        exchange = None if self._turn is None else self._turn.exchange
        return super()._is_reading or (exchange is not None and not exchange.uploaded)

    def _go(self, state: HttpState) -> None:
        super()._go(state)
        if state not in _ON_THE_WAY:
            self._turn = None

    def _upload(self, events: Events) -> bool:
        turn = self._turn
        assert turn is not None and turn.exchange is not None
        try:
            out = turn.exchange.upload(self._incoming)
        except BadBody:
            self._give_up(turn.exchange, events)
            return False
        if out and turn.lane is not None:
            events.append(Upstream(out, turn.lane.number))
        self._settle(turn, turn.exchange, events)
        return self._state == HttpState.HEAD

    def _give_up(self, exchange: Exchange, events: Events) -> None:
        """The client broke its own request off the rails."""
        if exchange.answered:
            self._close(events, "bad body", reset=True)
        else:
            self._refuse(bad_request("The body is not framed as the head says."), events)

    def _settle(self, turn: Turn, exchange: Exchange, events: Events) -> Events:
        """Leave the exchange if it is over. A final answer may end before the upload does."""
        if not exchange.responded or turn is not self._turn:
            return events
        if not exchange.uploaded:
            return events if exchange.keeps_client else self._close(events, "answered before the upload ended")
        lane = turn.lane
        if lane is not None:
            self._lanes.rest(lane)
            if not exchange.reusable:
                self._drop(lane, events)
        self._next_request()
        return events if exchange.keeps_client else self._close(events, "request served")

    def _fail_exchange(self, turn: Turn, exchange: Exchange, cause: Cause) -> Events:
        """There will be no whole answer: ask once more if nothing can have happened, else tell, or cut."""
        events: Events = [] if turn.lane is None else self._drop(turn.lane, [], reset=True)
        if turn.may_be_stale and turn.request.is_repeatable and not exchange.touched:
            self._open(turn, events)
            return events
        return self._advance(self._fail(turn, cause, events))

    def _fail(self, turn: Turn, cause: Cause, events: Events) -> Events:
        """No stream will bring its answer; who waits for its turn learns it then."""
        turn.cause = cause
        if turn is not self._turn:
            return events
        if turn.exchange is not None and turn.exchange.answered:
            return self._close(events, f"answer cut short: {cause.word}", reset=True)
        return self._answer_cause(turn.request, cause, events)
