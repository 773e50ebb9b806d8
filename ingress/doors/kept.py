"""A client's HTTP connection: requests are read off it one after another, and answers of our own written to it.

Rules: one request is at hand, and what was sent behind it waits, unless a subclass takes it ahead; after an answer of
our own the rest of the request's body is read over if that is cheap and certain, and otherwise the connection ends.
"""

import abc
import enum
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from ingress.doors.budget import REQUEST, Budget
from ingress.doors.door import KEPT_HARD, KEPT_SOFT, DoorSettings
from ingress.doors.events import Authenticate, Close, Event, Open, Send, Transparent
from ingress.doors.pages import ENDS, Manner, cause_page, page
from ingress.doors.refusal import RequestRefused
from ingress.doors.request import Request
from ingress.doors.strict import RequestReader

MOST_DRAINED: Final = 64 * 1024
"""Bytes of a refused request's body that are read over to keep the connection; above, a new one costs less."""
MOST_ANSWERS: Final = 100
"""Answers of the proxy's own on one connection. Each costs a few bytes to ask for, so a flood of them ends here."""

Events = list[Event]


class HttpState(enum.IntEnum):
    """Where the client's connection is."""

    HEAD = 0
    CHECKING = 1
    OPENING = 2
    EXCHANGE = 3
    DRAINING = 4
    TRANSPARENT = 5
    CLOSED = 6


_QUESTIONS: Final = (Open, Authenticate)
_ANSWERED: Final = frozenset({HttpState.HEAD, HttpState.DRAINING, HttpState.CLOSED})

MOVES: Final[dict[HttpState, frozenset[HttpState]]] = {
    HttpState.HEAD: _ANSWERED | {HttpState.CHECKING, HttpState.OPENING, HttpState.EXCHANGE},
    HttpState.CHECKING: _ANSWERED | {HttpState.OPENING, HttpState.EXCHANGE},
    HttpState.OPENING: _ANSWERED | {HttpState.EXCHANGE, HttpState.TRANSPARENT},
    HttpState.EXCHANGE: _ANSWERED | {HttpState.OPENING, HttpState.TRANSPARENT},
    HttpState.DRAINING: frozenset({HttpState.HEAD, HttpState.CLOSED}),
    HttpState.TRANSPARENT: frozenset(),
    HttpState.CLOSED: frozenset(),
}


OwnAnswer = Callable[[Manner], bytes]
"""Renders an answer of our own, once it is known whether the connection goes on."""


class KeptConnection(abc.ABC):
    """Base of the HTTP door. A subclass says what becomes of a request (`_admit`) and of its body (`_upload`)."""

    def __init__(self, settings: DoorSettings, budget: Budget) -> None:
        self.user: str | None = None
        self._settings = settings
        self._budget = budget
        self._state = HttpState.HEAD
        self._incoming = bytearray()
        self._reader = RequestReader()
        self._is_late = False  # some of what the client sent has still to be read, when there is budget for it
        self._ended = False  # the client's FIN came
        self._served = False  # a request was read
        self._answers = 0
        self._request: Request | None = None  # the one at hand; None in HEAD
        self._next: Request | RequestRefused | None = None  # read, and not acted on

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._state.name.lower()} {self._request}, {len(self._incoming)} bytes kept>"

    @property
    def in_handshake(self) -> bool:
        """Until a password was right, if one is needed; before the first request, while a head comes in, and while its
        password is checked."""
        if self._settings.needs_password and self.user is None:
            return self._state != HttpState.CLOSED
        if self._state == HttpState.HEAD:
            return not self._served or bool(self._incoming)
        return self._state == HttpState.CHECKING

    @property
    def wants_client_bytes(self) -> bool:
        """True also while a body passes; else until KEPT_SOFT bytes wait for their turn. Not while it is behind."""
        return not self.is_behind and (self._is_reading or len(self._incoming) < KEPT_SOFT)

    @property
    def is_behind(self) -> bool:
        """As `Gateway.is_behind`."""
        return self._is_late

    def catch_up(self) -> Events:
        """As `Gateway.catch_up`."""
        self._is_late = False
        if self._state >= HttpState.TRANSPARENT:
            return []
        events = self._advance([])
        if self._ended and not self._is_late and self._state < HttpState.TRANSPARENT and not self._may_have_ended():
            if events and isinstance(events[-1], _QUESTIONS):
                self._is_late = True  # nothing stands behind a question
            else:
                self._close(events, "client left")
        return events

    @property
    def _is_reading(self) -> bool:
        """Whether what comes is taken at once, and does not wait for something else."""
        return self._state in (HttpState.HEAD, HttpState.DRAINING)

    def receive(self, data: bytes) -> Events:
        """More than KEPT_HARD bytes ahead are answered with a reset. Raises RuntimeError once transparent."""
        if self._state >= HttpState.TRANSPARENT:
            return self._receive_late()
        if not self._is_reading and len(self._incoming) + len(data) > KEPT_HARD:
            return self._close([], "client ran too far ahead", reset=True)
        self._incoming += data
        return self._advance([])

    def receive_eof(self) -> Events:
        """A client that waits for its answer may have ended its side; one within a request has left."""
        if self._state >= HttpState.TRANSPARENT:
            return []
        self._ended = True
        return [] if self._is_late or self._may_have_ended() else self._close([], "client left")

    def timed_out(self) -> Events:
        """408 if a head was begun (RFC 9110 section 15.5.9); without a word if nothing came."""
        if not self.in_handshake:
            return []
        events: Events = []
        if self._state == HttpState.HEAD and self._incoming:
            text = "The request's head did not come in time."
            events.append(Send(page(HTTPStatus.REQUEST_TIMEOUT, text, ENDS)))
        return self._close(events, "handshake took too long")

    @property
    def is_idle(self) -> bool:
        """As `Gateway.is_idle`."""
        return self._state == HttpState.HEAD and self._served and not self._incoming and self._next is None

    def idle_too_long(self) -> Events:
        """As `Gateway.idle_too_long`: a clean end, after which the client may ask again on another (RFC 9112 section
        9.5)."""
        return self._close([], "idle") if self.is_idle else []

    @abc.abstractmethod
    def _admit(self, request: Request, events: Events) -> None:
        """Act on a request whose head was just read."""

    @abc.abstractmethod
    def _upload(self, events: Events) -> bool:
        """Take the body of the request at hand; whether that brought the connection to its next request."""

    @abc.abstractmethod
    def _let_streams_go(self, events: Events) -> None:
        """The connection ends: end the streams that have served, and forget the others, which end with it."""

    def _may_have_ended(self) -> bool:
        if self._state not in (HttpState.OPENING, HttpState.EXCHANGE) or self._request is None:
            return False
        return bool(self._incoming) if self._request.is_connect else self._request.body.is_done

    def _go(self, state: HttpState) -> None:
        if state not in MOVES[self._state]:
            raise RuntimeError(f"{self!r} cannot go to {state.name}")
        self._state = state

    def _advance(self, events: Events) -> Events:
        """Do all that the bytes at hand allow, up to a question."""
        while not (events and isinstance(events[-1], _QUESTIONS)) and self._step(events):
            pass
        if self._ended and self._state == HttpState.HEAD and not self._is_late:
            self._close(events, "client left")
        return events

    def _step(self, events: Events) -> bool:
        if self._state == HttpState.HEAD:
            return self._read_request(events)
        if self._state == HttpState.EXCHANGE:
            return self._upload(events)
        return self._state == HttpState.DRAINING and self._drain()

    def _read_request(self, events: Events) -> bool:
        found, self._next = self._peek(), None
        if found is None:
            return False
        if isinstance(found, RequestRefused):
            self._refuse(found, events)
            return False
        self._request = found
        self._admit(found, events)
        return True

    def _peek(self) -> Request | RequestRefused | None:
        """The next request, or why it is none; None if its head has not come yet, or has to wait."""
        if self._next is None and not self._must_stop():
            try:
                head = self._reader.take(self._incoming)
                if head is None:
                    return None
                self._served = True
                self._budget.charge_head(REQUEST, head)
                self._next = Request(head, self._settings.proxy_url)
            except RequestRefused as refusal:
                self._next = refusal
        return self._next

    def _must_stop(self) -> bool:
        """Whether nothing more is read in this turn. Then what is left makes this late."""
        must = self._budget.left <= 0 and bool(self._incoming)
        self._is_late |= must
        return must

    def _drain(self) -> bool:
        """Only bodies of a known length come here (`_can_keep`), so nothing in them can be wrong."""
        assert self._request is not None
        self._request.body.take(self._incoming, self._budget)
        if self._request.body.is_done:
            self._next_request()
        return self._state == HttpState.HEAD

    def _next_request(self) -> None:
        self._request = None
        self._go(HttpState.HEAD)

    def _refuse(self, refusal: RequestRefused, events: Events) -> Events:
        """Answer what cannot be carried out. Where its end is, is not certain, so the connection ends."""
        manner = ENDS if self._request is None else Manner(version=self._request.version)
        if refusal.cause is not None:
            events.append(Send(cause_page(refusal.cause, self._settings, manner, refusal.rule)))
        else:
            events.append(Send(page(refusal.status, refusal.text, manner)))
        return self._close(events, f"request refused with {refusal.status.value}")

    def _answer(self, request: Request, answer: OwnAnswer, events: Events) -> Events:
        """Answer the request at hand ourselves."""
        self._answers += 1
        close = not self._can_keep(request)
        events.append(Send(answer(Manner(request.is_head, close, request.version))))
        if close:
            return self._close(events, "answered by the proxy")
        if request.body.is_done:
            self._next_request()
        else:
            self._go(HttpState.DRAINING)
        return events

    def _can_keep(self, request: Request) -> bool:
        """A client that waits for 100 may or may not send its body after this, so nobody knows what comes next."""
        if not request.keeps_connection or self._answers >= MOST_ANSWERS:
            return False
        left = request.body.remaining
        return request.body.is_done or (left is not None and left <= MOST_DRAINED and not request.expects_continue)

    def _become_transparent(self, events: Events, lane: int) -> Events:
        self._go(HttpState.TRANSPARENT)
        events.append(Transparent(bytes(self._incoming), lane))
        self._incoming.clear()
        return events

    def _close(self, events: Events, reason: str, *, reset: bool = False) -> Events:
        self._let_streams_go(events)
        self._go(HttpState.CLOSED)
        self._incoming.clear()
        events.append(Close(reset, reason))
        return events

    def _receive_late(self) -> Events:
        if self._state == HttpState.TRANSPARENT:
            raise RuntimeError("bytes given to a transparent door would be lost")
        return []
