"""The other end of sessions: one node at which carriers end, its session, and what it told about itself.

The session is replaced when the node does not know it any more (it was restarted, or the session expired): then the
streams of the old one end, at once and honestly, because nobody is left to go on with them.
"""

import secrets
import time
from collections import deque
from collections.abc import Callable, Container

import attrs

from ingress.measure.evidence import Planned
from relay import __version__, log
from relay.carrier.link import SessionClock
from relay.dial.lines import LineDial
from relay.engine import Loop
from relay.model.cause import Cause
from relay.model.families import ALL_FAMILIES, Families
from relay.model.network import Network, who_is_behind
from relay.model.vitals import Vitals
from relay.session.carrier import CarrierEnd
from relay.session.initiator import Initiator
from relay.session.window import Memory
from relay.wire.bodies import parse_timed
from relay.wire.codes import Feature, Purpose
from relay.wire.errors import ProtocolError
from relay.wire.frames import Kind
from relay.wire.setup import TOKEN_SIZE, Hello, Welcome
from relay.wire.status import Status, parse_status

OnTimed = Callable[[float, int], None]
OnPeer = Callable[["Peer"], None]

AWAY = 300.0
"""Seconds that a planned stop explains why a node is not there: to restart takes some, to update a machine minutes."""
BACK = 30.0
"""Seconds after a planned stop in which what is not up yet is no news: paths that waited for the next attempt."""
MOST_NEWS = 16
NEWS_APART = 1.0
"""STATUS that a node may send at once, and seconds after which it may send one more: each takes up to 15 ms to read. It
sends one every 10 s, and when it has read its file again."""
MOST_LEADS = 6
"""STATUS by which its clock is known: a minute of them. One of them may have waited behind a lost segment."""
MOST_ASKED = 256
"""TIME questions that wait for an answer at most: some are lost with their carrier."""


class Peer:
    """One node as this ingress knows it.

    *on_goaway(peer)* is told that it drains, *on_new_session(peer)* that it has another session than before.
    """

    def __init__(self, name: str, loop: Loop, memory: Memory, on_goaway: OnPeer, on_new_session: OnPeer) -> None:
        self.name = name
        self.welcome: Welcome | None = None
        """The last one; None until a carrier ended here."""
        self.told: Status | None = None
        """What it said last of its file, of itself and of its lines; None until it has."""
        self.told_at: float | None = None
        """When it last said more than what WELCOME has."""
        self.clock_leads: deque[float] = deque(maxlen=MOST_LEADS)
        """Seconds by which its clock was ahead of ours when what it last said of itself came; less by its way here."""
        self.draining_since: float | None = None
        self.back_since: float | None = None
        """When it last came back after it had said that it drains."""
        self._loop = loop
        self._memory = memory
        self._on_goaway = on_goaway
        self._on_new_session = on_new_session
        self._questions: dict[int, OnTimed] = {}
        self._asked = 0
        self._news, self._news_at = 0.0, loop.now
        self._is_established = False
        self._begin()

    def _begin(self) -> None:
        token = secrets.token_bytes(TOKEN_SIZE)
        self.session = Initiator(token, self._memory, self._loop.now)
        self._clock = SessionClock(self._loop, self.session)
        self._is_established = False

    def hello(self, purpose: Purpose, network: Network, via: str) -> Hello:
        """What a new carrier says here, which comes by the line *via*; *network* is as our file has it."""
        digest, serial = network.digest_for(self.name), network.serial
        return Hello(purpose, self.session.token, self._is_established, digest, serial, __version__, via)

    def knows(self, feature: Feature) -> bool:
        """Whether it has announced *feature*."""
        return self.welcome is not None and feature in self.welcome.features

    def welcomed(self, welcome: Welcome) -> None:
        """A carrier is up."""
        self.welcome = welcome
        self.session.go_by(welcome.features)
        told = Status(welcome.digest) if self.told is None else self.told
        self.told = attrs.evolve(told, digest=welcome.digest, serial=welcome.serial, families=welcome.families)
        self._is_established = True

    @property
    def families(self) -> Families:
        """Those that it reaches the world by, as it told last; all, until it has told and if it never does."""
        told = None if self.told is None else self.told.families
        return ALL_FAMILIES if told is None else told

    @property
    def is_draining(self) -> bool:
        """Whether it has said GOAWAY, and has let no carrier in since."""
        return self.draining_since is not None

    def let_in(self, asked: float) -> None:
        """A set-up that began at *asked* got through it, or to it: then it was not draining, which lets nobody in."""
        if self.draining_since is not None and asked > self.draining_since:
            self.draining_since = None
            self.back_since = self._loop.now

    def planned(self, now: float) -> Planned | None:
        """What is known of a stop that it told of; None if it told of none, or has been back for BACK seconds."""
        if self.draining_since is not None and now - self.draining_since < AWAY:
            return Planned(self.name, now - self.draining_since)
        if self.back_since is not None and now - self.back_since < BACK:
            return Planned(self.name, now - self.back_since, is_back=True)
        return None

    def dials(self, lines: Container[str]) -> list[LineDial]:
        """What it told of dials of *lines*, which are those that start at it: of others it may not speak."""
        if self.told is None or self.told_at is None:
            return []
        return [
            LineDial(one.line, one.dial, one.error, self.told_at - (one.age or 0.0))
            for one in self.told.lines
            if one.line in lines and (one.dial is not None or one.error is not None)
        ]

    def stale(self, network: Network, me: str) -> str | None:
        """How its file differs from ours, and which of the two is to be updated; None if they agree, or if it has not
        told. *me* is this ingress, *network* is as our file has it."""
        if self.told is None or self.told.digest == network.digest_for(self.name):
            return None
        return who_is_behind(self.name, self.told.serial, me, network.serial)

    def forgot(self, token: bytes) -> None:
        """The node does not know the session *token*: begin another, unless that was done already."""
        if self.session.token == token:
            log.event(
                "session-forgotten",
                level="warning",
                about=self.name,
                node=self.name,
                streams=len(self.session.streams),
            )
            self.renew(Cause.EXIT_LOST)

    def renew(self, cause: Cause) -> None:
        """Begin a new session; the streams of the old one end with *cause*."""
        old = self.session
        self._clock.stop()
        self._begin()
        self._questions.clear()
        self._on_new_session(self)
        old.close(cause)

    def close(self) -> None:
        """The node is no longer in the file, and no carrier leads to it."""
        self._clock.stop()
        self.session.close(Cause.EXIT_LOST)

    def expire(self, now: float) -> None:
        """To be called now and then: a session that had no carrier for too long is over for us as well."""
        if self._is_established and self.session.has_expired(now):
            self.renew(Cause.SESSION_EXPIRED)

    def ask_time(self, carrier: CarrierEnd, frame: Callable[[int], bytes], on_timed: OnTimed) -> None:
        """Send a TIME question on *carrier*; `on_timed(took, cause)` gets the answer, if one comes."""
        self._asked += 1
        self._questions[self._asked] = on_timed
        if len(self._questions) > MOST_ASKED:
            del self._questions[next(iter(self._questions))]
        carrier.send(frame(self._asked))

    def on_notice(self, kind: int, body: bytes) -> None:
        """What the node says of itself has come, on whichever carrier: GOAWAY, STATUS, or the answer to a TIME."""
        if kind == Kind.GOAWAY:
            self._drains()
        elif kind == Kind.STATUS:
            self._count_news()
            self.told = parse_status(body)
            self.told_at = self._loop.now
            self._note_clock(self.told.vitals)
        else:
            number, took, cause = parse_timed(body)
            told = self._questions.pop(number, None)
            if told is not None:
                told(took, cause)

    def _note_clock(self, vitals: Vitals | None) -> None:
        if vitals is not None and vitals.time is not None:
            self.clock_leads.append(vitals.time - time.time())

    def clock_offset(self, round_trip: float | None) -> float | None:
        """Seconds by which its clock is ahead of ours, *round_trip* being the least to it; None if it has not told, or
        that is not known. What came by the quickest way tells best: what is late only makes it look behind."""
        return None if round_trip is None or not self.clock_leads else max(self.clock_leads) + round_trip / 2

    def _count_news(self) -> None:
        """Another STATUS has come. Raises ProtocolError if there were too many of late."""
        now = self._loop.now
        self._news = max(self._news - (now - self._news_at) / NEWS_APART, 0) + 1
        self._news_at = now
        if self._news > MOST_NEWS:
            raise ProtocolError(f"more than {MOST_NEWS} STATUS, and one a second")

    def _drains(self) -> None:
        """GOAWAY comes on every carrier; once it was heard, another says nothing new."""
        if not self.is_draining:
            self.draining_since = self._loop.now
            self._on_goaway(self)

    def __repr__(self) -> str:
        return f"<Peer {self.name}, {self.session!r}>"
