"""One path or prefix at work: its warm carrier, its carriers for bulk, its gauge, and the task that keeps it alive.

Thin streams and pings ride on `thin`; every bulk stream gets a carrier of its own. The task dials until it is
cancelled, with a jittered backoff; it never gives a carrier up while bytes come.
"""

import random
from collections.abc import Iterable
from typing import TYPE_CHECKING

import trio

from ingress.measure.monitor import Due, Gauge
from ingress.measure.traffic import Tally
from ingress.paths.dial import Opened, SetupFailed, open_carrier
from ingress.paths.peer import Peer
from relay import __version__, log
from relay.carrier.link import Link
from relay.engine import Timer, Tls
from relay.model.walk import Path
from relay.session.carrier import CarrierEnd
from relay.wire.setup import Purpose, Refusal

if TYPE_CHECKING:
    from ingress.paths.fleet import Fleet

BACKOFF_FIRST = 0.1
BACKOFF_MOST = 15.0
"""Seconds between attempts to bring a carrier back: doubling, jittered by half. A relay that restarts is back in about
a second; a line that is dead for hours should not be dialled ten times a second."""
SETUP_FLOOR = 3.0
SETUP_TRIPS = 12
"""A set-up may last SETUP_FLOOR seconds and this many of the path's round trips, at most the 10 s of the protocol: a
dial into a black hole must not keep a healed line from being dialled again."""
SILENT = 0.4
"""Seconds without a byte after which a bulk carrier of a stalled path is taken for silent, too."""
BULK_PING = 1.0
"""Seconds between pings on a bulk carrier: for its life and for last words, never for the round trip."""
BULK_SILENCE = 3.0
"""Seconds without a byte, and twice the round trip, after which a bulk carrier is dead."""
MOST_BULK = 16
"""Bulk carriers of one path at once; further bulk streams stay where they are and share."""


class Way:
    """A path (or prefix, then `is_prefix`) that is kept warm."""

    def __init__(self, fleet: "Fleet", gauge: Gauge, peer: Peer, *, is_prefix: bool) -> None:
        self.fleet = fleet
        self.gauge = gauge
        self.peer = peer
        self.is_prefix = is_prefix
        self.tally = Tally(fleet.loop.now)
        self.thin: Link | None = None
        self.bulk: list[Link] = []
        self.dials: dict[str, float] = {}
        self.past_up = self.past_down = 0
        """Bytes of carriers that are gone."""
        self.is_leaving = False
        self.nobody_there = False
        """The last attempt got as far as the end of the path, and nothing listened there."""
        self._timer: Timer | None = None
        self._lost = trio.Event()
        self._poked = trio.Event()
        self._is_dialling_bulk = False
        self._bulk_backoff = 0.0
        self._bulk_not_before = 0.0
        self._scope = trio.CancelScope()
        self._nursery: trio.Nursery

    @property
    def path(self) -> Path:
        """What it walks; a reload may give its lines another price or rate."""
        return self.gauge.path

    def __repr__(self) -> str:
        return f"<Way {self.path.name} {self.gauge.health.word}, {self.streams} streams, {len(self.bulk)} for bulk>"

    @property
    def links(self) -> Iterable[Link]:
        """All carriers that are up."""
        return self.bulk if self.thin is None else (self.thin, *self.bulk)

    @property
    def streams(self) -> int:
        return sum(len(link.end.legs) for link in self.links)

    @property
    def is_deserted(self) -> bool:
        """Whether nothing rides on it and nothing of a stream that left is still on its way."""
        session = self.peer.session
        return not self.streams and not any(session.is_awaited(link.end) for link in self.links)

    @property
    def is_usable(self) -> bool:
        """Whether streams may be put on it now."""
        return self.thin is not None and self.gauge.health.is_answering

    def silent(self, now: float) -> list[Link]:
        """When the path stalls: its carriers that are stuck. A bulk carrier that still gets bytes is not."""
        return [link for link in self.links if link is self.thin or now - link.end.heard_at > SILENT]

    # ---- the task

    async def keep(self) -> None:
        """Hold one carrier open, and dial others that are wanted; runs until `leave` is called."""
        with self._scope:
            async with trio.open_nursery() as self._nursery:
                await self._keep_thin()

    async def _keep_thin(self) -> None:
        backoff = 0.0
        while True:
            backoff = BACKOFF_FIRST / 2 if await self._live() else _longer(backoff)
            self._poked = trio.Event()
            with trio.move_on_after(backoff * random.uniform(0.5, 1.0)):
                await self._poked.wait()

    async def _live(self) -> bool:
        """Dial once, and return when the carrier is gone: whether it lived for long, or the node has just shown that it
        is there, so that there is no reason to wait."""
        try:
            self._take(await self._open(Purpose.PREFIX if self.is_prefix else Purpose.THIN))
        except SetupFailed as failure:
            self._failed(failure)
            return failure.refusal is Refusal.UNKNOWN_SESSION
        since = trio.current_time()
        await self._lost.wait()
        return trio.current_time() - since > BACKOFF_MOST

    def poke(self) -> None:
        """Something on the way has come back: do not wait for the next attempt."""
        self._poked.set()

    async def _open(self, purpose: Purpose) -> Opened:
        fleet, asked = self.fleet, self.fleet.loop.now
        hello = self.peer.hello(purpose, fleet.network.digest, __version__)
        trips = SETUP_TRIPS * (self.gauge.meter.srtt or 0.5)
        try:
            opened = await open_carrier(self.path, hello, fleet.context, fleet.base, min(SETUP_FLOOR + trips, 10.0))
        except SetupFailed as failure:
            if failure.refusal is Refusal.UNKNOWN_SESSION:
                self.peer.forgot(hello.token)
                for way in fleet.ways_to(self.peer):
                    way.poke()  # the node is back
            raise
        if self.peer.session.token != hello.token:
            opened.tls.close()
            raise SetupFailed(f"{self.peer.name} was restarted meanwhile")
        self.dials = opened.dials
        fleet.let_in(self.path, asked)
        self.peer.welcomed(opened.welcome)
        return opened

    def _failed(self, failure: SetupFailed) -> None:
        now = self.fleet.loop.now
        health = self.gauge.health
        self.nobody_there = failure.nobody_there
        level = "debug" if health.was_tried and health.reason == str(failure) else "warning"
        log.event("carrier-failed", level=level, path=self.path.name, why=str(failure))
        if failure.shown is not None:
            self.gauge.refused(failure.shown, str(failure), now)
        else:
            self.gauge.failed(str(failure), now)
        if failure.nobody_there:
            self.fleet.nobody_at(self)

    def _take(self, opened: Opened) -> None:
        """A carrier is up: the warm one."""
        self.nobody_there = False
        self._lost = trio.Event()
        self.thin = self._link(opened, is_bulk=False)
        self.tally.dial_time = sum(opened.dials.values())
        self.gauge.connected(self.fleet.loop.now)
        log.event("carrier-up", path=self.path.name, carrier=self.thin.end.number, node=self.peer.name)
        self.rearm()

    def _link(self, opened: Opened, *, is_bulk: bool) -> Link:
        loop = self.fleet.loop
        link = Link(loop, self._on_lost)
        link.tls = Tls(loop, opened.tls, link, is_bulk=is_bulk)
        link.end = self.peer.session.add_carrier(self.path.name, is_bulk, link.tls.flush_soon, loop.now)
        return link

    def _on_lost(self, link: Link, why: str) -> None:
        now = self.fleet.loop.now
        adrift = link.end.session.lose(link.end, now)
        log.event("carrier-lost", path=self.path.name, carrier=link.end.number, streams=len(adrift), why=why)
        self.past_up += link.end.bytes_out
        self.past_down += link.end.bytes_in
        if link in self.bulk:
            self.bulk.remove(link)
        if link is self.thin:
            self.thin = None
            if self.gauge.is_connected:
                self.gauge.lost(why, now)
            self._lost.set()
        self.fleet.lost(self, adrift, link.end.heard_at)

    # ---- pings

    def rearm(self) -> None:
        """The gauge's deadline may have changed."""
        when = self.gauge.deadline()
        if when is None or self.is_leaving:
            return
        if self._timer is not None:
            if self._timer.call is not None and self._timer.when <= when:
                return
            self._timer.cancel()
        # A deadline may move into the past (an answer is late, a shorter interval): that is no lag of ours.
        self._timer = self.fleet.loop.call_at(max(when, self.fleet.loop.now), self._tick)

    def ponged(self, carrier: CarrierEnd, number: int) -> None:
        """An answer came on one of our carriers."""
        if self.thin is not None and carrier is self.thin.end:
            self.gauge.answered(number, self.fleet.loop.now)
            for link in self.links:
                link.end.base_rtt = self.gauge.meter.least(self.fleet.loop.now)
            if not self.is_prefix:
                self.peer.session.srtt = min(
                    (way.gauge.meter.srtt for way in self.fleet.ways_to(self.peer) if way.gauge.meter.srtt), default=0.1
                )
            self.rearm()

    def _tick(self) -> None:
        now = self.fleet.loop.now
        if self._timer is not None:
            self.fleet.check_lag(self._timer.when)
            self._timer = None
        if self.thin is not None:
            self.gauge.heard(self.thin.end.heard_at)
        for link in self.bulk:
            self.gauge.heard_bulk(link.end.heard_at)
        for due in self.gauge.tick(now):
            self._act(due, now)
        self.rearm()

    def _act(self, due: Due, now: float) -> None:
        if due is Due.PING:
            if self.thin is not None:
                self.thin.end.ping(self.gauge.ping(now, random.random()))
            return
        if due is Due.LATE:
            self.fleet.doubt()
            return
        log.event(due.value, level="info", path=self.path.name, streams=self.streams)
        if due is Due.STALLED:
            for link in self.silent(now):
                self.peer.session.give_up_on(link.end, now)
        if due is Due.DEAD:
            for link in self.silent(now):
                link.close("silent")
        self.fleet.changed()

    # ---- bulk

    def spare(self) -> Link | None:
        """A bulk carrier that nobody rides on."""
        return next((link for link in self.bulk if not link.end.legs), None)

    def want_spare(self) -> None:
        """Dial a bulk carrier, if none is free, none is being dialled, and the last attempt did not just fail."""
        if self._is_dialling_bulk or not self.is_usable or len(self.bulk) >= MOST_BULK or self.spare() is not None:
            return
        if self.fleet.loop.now >= self._bulk_not_before:
            self._is_dialling_bulk = True
            self._nursery.start_soon(self._dial_bulk)

    async def _dial_bulk(self) -> None:
        try:
            link = self._link(await self._open(Purpose.BULK), is_bulk=True)
        except SetupFailed as failure:
            log.event("carrier-failed", level="debug", path=self.path.name, why=str(failure))
            self._bulk_backoff = _longer(self._bulk_backoff)
            self._bulk_not_before = self.fleet.loop.now + self._bulk_backoff
        else:
            self._bulk_backoff = 0.0
            self.bulk.append(link)
            self.fleet.spare_ready(self)
        finally:
            self._is_dialling_bulk = False

    def ping_bulk(self, number: int) -> None:
        """Keep the bulk carriers alive, and their last words confirmed; close those that are dead."""
        silence = BULK_SILENCE + 2 * (self.gauge.meter.srtt or 0.0)
        for link in list(self.bulk):
            if self.fleet.loop.now - link.end.heard_at > silence:
                link.close("silent")
            else:
                link.end.ping(number)

    # ---- the end

    def drop_strangers(self) -> None:
        """Close the carriers of a session that is over: what rides on them is lost already."""
        for link in list(self.links):
            if link.end.session is not self.peer.session:
                link.close("its session is over")

    def leave(self) -> None:
        """Dial no more, ask no more: the fleet no longer knows whose the answers are. What is up stays up."""
        self.is_leaving = True
        if self._timer is not None:
            self._timer.cancel()
        self._scope.cancel()

    def retire(self, why: str) -> None:
        """Close the carriers although they work; a new one, if any, need not prove itself."""
        now = self.fleet.loop.now
        if self.gauge.is_connected:
            self.gauge.retired(why, now)
        for link in list(self.links):
            link.close(why)

    def remove(self) -> None:
        """The path is no longer in the file."""
        self.retire("removed from the file")


def _longer(backoff: float) -> float:
    """The wait after one more failure."""
    return min(max(2 * backoff, BACKOFF_FIRST), BACKOFF_MOST)
