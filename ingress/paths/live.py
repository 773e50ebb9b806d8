"""One path or prefix at work: its warm carrier, its carriers for bulk, its monitor, and the task that keeps it alive.

Thin streams and pings ride on `thin`; every bulk stream gets a carrier of its own. The task dials until it is
cancelled, with a jittered backoff; it never gives a carrier up while bytes come.
"""

import random
import ssl
from collections.abc import Iterable
from pathlib import Path as FilePath
from typing import Protocol

import attrs
import trio

from ingress.measure.faults import FaultKind, SetupFault
from ingress.measure.monitor import Due, PathMonitor
from ingress.measure.traffic import Counters
from ingress.messages.message import Message
from ingress.paths.backoff import Backoff
from ingress.paths.dial import Opened, SetupFailed, open_carrier
from ingress.paths.labeling import Labeling
from ingress.paths.path_carried import PathCarried
from ingress.paths.peer import Peer
from ingress.paths.spares import Spares
from relay import log
from relay.carrier.link import Link
from relay.dial.lines import LineDial
from relay.engine import Loop, Timer
from relay.model.network import Network
from relay.model.walk import Path
from relay.session.carrier import CarrierEnd
from relay.session.stream import Stream
from relay.wire.codes import Purpose
from relay.wire.frames import Kind

SETUP_FLOOR = 3.0
SETUP_TRIPS = 12
"""A set-up may last SETUP_FLOOR seconds and this many of the path's round trips, at most the 10 s of the protocol: a
dial into a black hole must not keep a healed line from being dialled again."""
SILENT = 0.4
"""Seconds without a byte after which a bulk carrier of a stalled path is taken for silent, too."""
BULK_PING = 1.0
"""Seconds between pings on a bulk carrier: for its life and for last words, never for the round trip."""
SPARE_PING = 4.0
"""The same on one that nobody rides on: for its life alone, which the node ends after 10 s of silence."""
BULK_SILENCE = 3.0
"""Seconds without a byte, and twice the round trip, after which a bulk carrier is dead."""
MOST_BULK_PINGS = 8
"""Of those asked on bulk carriers, that may still be answered to be told when."""
DATAGRAM_NOTICES = frozenset({Kind.LABELED, Kind.ASSOC_GONE})
MOST_BULK = 16
"""Bulk carriers of one path at once; further bulk streams stay where they are and share."""


@attrs.define
class SetupOptions:
    """How carriers are set up. One for all paths; a reload exchanges what is in it, for the next carrier on."""

    network: Network
    context: ssl.SSLContext
    base: FilePath
    """The folder from which the files of secrets are seen."""
    datagrams: bytes | None = None
    """The tag of the network, with which labels of datagrams begin; None: no datagrams are carried."""


class PathListener(Protocol):
    """Whoever is told what happens to live paths. None of the calls may raise."""

    def changed(self) -> None:
        """Something happened that cannot wait for the next round."""

    def doubted(self) -> None:
        """A ping is late: the other paths should be asked at once."""

    def check_lag(self, due: float) -> bool:
        """Whether this process was late for something *due*; then its pings are excused."""

    @property
    def stood_still(self) -> bool:
        """Whether this process was held up a moment ago, for longer than carriers live in silence."""

    def answered(self, live: "LivePath") -> None:
        """A ping on the warm carrier was answered."""

    def carrier_up(self, live: "LivePath", asked: float) -> None:
        """A set-up that began at *asked* succeeded: the nodes on the way are well."""

    def carrier_lost(self, live: "LivePath", end: CarrierEnd, detached: list[Stream]) -> None:
        """*end* is gone; *detached* are the streams that ride on nothing now."""

    def spare_ready(self, live: "LivePath") -> None:
        """There is a free carrier for bulk."""

    def found_nobody(self, live: "LivePath") -> None:
        """A dial of the path's last line was refused, says who dialled it."""

    def labeling(self, live: "LivePath") -> Labeling | None:
        """What a set-up of the warm carrier is to say of the path's datagrams; None if there are none."""

    def thin_up(self, live: "LivePath", opened: Opened) -> None:
        """The warm carrier came up, as *opened* says."""

    def datagram_notice(self, live: "LivePath", kind: int, body: bytes) -> None:
        """The node at the end says something of labels or associations. May raise ProtocolError."""

    def session_unknown(self, live: "LivePath") -> None:
        """The node at the end is there, and said itself that it does not know the session."""


class LivePath:
    """A path (or prefix, then `is_prefix`) that is kept warm."""

    def __init__(
        self,
        loop: Loop,
        monitor: PathMonitor,
        peer: Peer,
        options: SetupOptions,
        listener: PathListener,
        *,
        is_prefix: bool,
    ) -> None:
        self.monitor = monitor
        self.peer = peer
        self.is_prefix = is_prefix
        self.counters = Counters()
        self.thin: Link | None = None
        self.bulk: list[Link] = []
        self.queues: dict[Link, float] = {}
        """By bulk carrier, the seconds that its last pong stood behind bytes."""
        self.is_closed, self.is_barred, self.is_backup = False, False, monitor.path.backup
        """It carries nothing new; nor what it did before; it is for when nothing else is up: so says who plans it."""
        self.dials: list[LineDial] = []
        """Seconds that the dial of each line took at the last set-up."""
        self.carried = PathCarried()
        self._loop = loop
        self._options = options
        self._listener = listener
        self._asked_at = float("-inf")
        self._backoff = Backoff()
        self._is_leaving = False
        self._timer: Timer | None = None
        self._lost = trio.Event()
        self._poked = trio.Event()
        self.spares = Spares(loop, monitor.path.name, self._dial_bulk)
        self._scope = trio.CancelScope()
        self._bulk_pings: dict[int, float] = {}
        """When the last of each number were asked."""

    @property
    def path(self) -> Path:
        """What it walks; a reload may give its lines another price or rate."""
        return self.monitor.path

    @property
    def name(self) -> str:
        """Of the path."""
        return self.monitor.path.name

    def __repr__(self) -> str:
        return f"<LivePath {self.name} {self.monitor.health.word}, {self.streams} streams, {len(self.bulk)} for bulk>"

    @property
    def links(self) -> Iterable[Link]:
        """All carriers that are up."""
        return self.bulk if self.thin is None else (self.thin, *self.bulk)

    @property
    def streams(self) -> int:
        """How many ride on it now."""
        return sum(len(link.end.legs) for link in self.links)

    @property
    def bytes_up(self) -> int:
        """Bytes sent over all the carriers it ever had."""
        return self.counters.bytes_up + sum(link.end.bytes_out for link in self.links)

    @property
    def bytes_down(self) -> int:
        """Bytes received over all the carriers it ever had."""
        return self.counters.bytes_down + sum(link.end.bytes_in for link in self.links)

    @property
    def is_deserted(self) -> bool:
        """Whether nothing rides on it and nothing of a stream that left is still on its way."""
        session = self.peer.session
        return not self.streams and not any(session.is_awaited(link.end) for link in self.links)

    @property
    def is_usable(self) -> bool:
        """Whether streams may be put on it now."""
        return self.thin is not None and self.monitor.health.is_answering and not self.is_closed

    def found_nobody_since(self, moment: float) -> bool:
        """Whether the latest attempt began after *moment*, and the last line was refused, says who dialled it."""
        fault, last = self.monitor.health.fault, len(self.path.hops) - 1
        is_vote = fault is not None and fault.kind is FaultKind.REFUSED and fault.hop == last
        return is_vote and self._asked_at >= moment

    def silent(self, now: float) -> list[Link]:
        """When the path stalls: its carriers that are stuck. A bulk carrier that still gets bytes is not."""
        return [link for link in self.links if link is self.thin or now - link.end.heard_at > SILENT]

    def serve_as(self, *, is_prefix: bool) -> None:
        """A reload may make a path of a prefix, and the other way round."""
        self.is_prefix = is_prefix

    # ---- the task

    async def keep(self) -> None:
        """Hold one carrier open, and dial others that are wanted; runs until `stop` is called."""
        with self._scope:
            async with trio.open_nursery() as nursery:
                self.spares.start(nursery)
                await self._keep_thin()

    async def _keep_thin(self) -> None:
        while True:
            self._poked = trio.Event()
            self._backoff.ended(await self._live())
            with trio.move_on_after(self._backoff.wait * random.uniform(0.5, 1.0)):
                await self._poked.wait()

    async def _live(self) -> float:
        """Dial once, and return when the carrier is gone, with the seconds that it lived: 0 if none came up."""
        asked = self._loop.now
        try:
            self._take(await self._open(Purpose.PREFIX if self.is_prefix else Purpose.THIN))
        except SetupFailed as failed:
            self._failed(failed.fault, asked)
            return 0.0
        since = trio.current_time()
        await self._lost.wait()
        return trio.current_time() - since

    def poke(self) -> None:
        """Something on the way has come back: do not wait for the next attempt, unless that was done a while ago."""
        if self.thin is None and self._backoff.may_hurry(self._loop.now):
            self._poked.set()

    def redial(self) -> None:
        """The node at its end is there, and has another session now: do not wait, but once for each."""
        if self.thin is None and self._backoff.may_hurry_for(self.peer.session.token):
            self._poked.set()

    async def _open(self, purpose: Purpose) -> Opened:
        asked, options = self._loop.now, self._options
        hello = self.peer.hello(purpose, options.network, self.path.hops[-1].line.name)
        trips = SETUP_TRIPS * (self.monitor.pings.srtt or 0.5)
        labeling = self._listener.labeling(self) if purpose is Purpose.THIN else None
        try:
            opened = await open_carrier(
                self.path, hello, options.context, options.base, min(SETUP_FLOOR + trips, 10.0), labeling
            )
        except SetupFailed as failed:
            if failed.fault.kind is FaultKind.FORGOTTEN:
                self.peer.forgot(hello.token)
                self._listener.session_unknown(self)
            raise
        if self.peer.session.token != hello.token:
            opened.tls.close()
            text, last = Message("setup.restarted", node=self.peer.name), len(self.path.hops) - 1
            raise SetupFailed(SetupFault(FaultKind.OTHER, last, text))
        self.dials = [LineDial(line, took, None, self._loop.now) for line, took in opened.dials.items()]
        self._listener.carrier_up(self, asked)
        self.peer.welcomed(opened.welcome)
        return opened

    def _failed(self, fault: SetupFault, asked: float) -> None:
        """An attempt that began at *asked* came to nothing."""
        health = self.monitor.health
        level = "debug" if health.was_tried and health.reason == fault.text else "warning"
        log.event("carrier-failed", level=level, about=self.name, path=self.name, why=fault.text)
        self.monitor.failed(fault, self._loop.now)
        self._asked_at = asked
        if self.found_nobody_since(asked):
            self._listener.found_nobody(self)

    def _take(self, opened: Opened) -> None:
        """A carrier is up: the warm one."""
        self._lost, self._poked = trio.Event(), trio.Event()
        self.thin = self._link(opened, is_bulk=False)
        self.monitor.connected(self._loop.now)
        log.event("carrier-up", about=self.name, path=self.name, carrier=self.thin.end.number, node=self.peer.name)
        self.rearm()
        self._listener.thin_up(self, opened)

    def _link(self, opened: Opened, *, is_bulk: bool) -> Link:
        return Link(self._loop, opened.tls, self.peer.session, self, self.name, is_bulk=is_bulk)

    # ---- as the owner of its links

    def on_lost(self, link: Link, detached: list[Stream], why: str) -> None:
        """A carrier is gone, and *detached* ride on nothing now: whoever listens places them."""
        now, end = self._loop.now, link.end
        log.event("carrier-lost", about=self.name, path=self.name, carrier=end.number, streams=len(detached), why=why)
        self.counters.count_bytes(end.bytes_out, end.bytes_in)
        self.carried.gone(link)
        if link.is_broken:
            self.counters.count_broken()
        if link in self.bulk:
            self.bulk.remove(link)
            self.queues.pop(link, None)
            self.spares.ended(now - link.made_at)
        if link is self.thin:
            self.thin = None
            if self.monitor.is_connected:
                (self.monitor.retired if self._listener.stood_still else self.monitor.lost)(why, now)
            self._lost.set()
        self._listener.carrier_lost(self, end, detached)

    # ---- pings

    def rearm(self) -> None:
        """The monitor's deadline may have changed: an answer puts it off, and nobody need be woken for what it was."""
        when = self.monitor.deadline()
        if when is None or self._is_leaving:
            return
        now = self._loop.now
        if self._timer is not None:
            is_kept = self._timer.when == when or self._timer.when <= now  # one that is due may tell of a lag of ours
            if is_kept and self._timer.call is not None:
                return
            self._timer.cancel()
        # A deadline may move into the past (an answer is late, a shorter interval): that is no lag of ours.
        self._timer = self._loop.call_at(max(when, now), self._tick)

    def on_notice(self, link: Link, kind: int, body: bytes) -> None:
        """The node at our end says something of itself, or of datagrams."""
        if kind in DATAGRAM_NOTICES:
            self._listener.datagram_notice(self, kind, body)
        else:
            self.peer.on_notice(kind, body)

    def on_pong(self, link: Link, number: int) -> None:
        """An answer came on one of our carriers. The round trip is that of the warm one; on others it says how long an
        answer stands behind the bytes of a stream."""
        if link is not self.thin and number in self._bulk_pings:
            now = self._loop.now
            self.queues[link] = now - self._bulk_pings[number] - (self.monitor.pings.least(now) or now)
        if link is self.thin and not self._is_leaving:
            now = self._loop.now
            self.monitor.carried(link.end.bytes_in, link.end.bytes_out, now)
            self.monitor.answered(number, now)
            for link in self.links:
                link.end.base_rtt = self.monitor.pings.least(now)
            self._listener.answered(self)
            self.rearm()

    def _tick(self) -> None:
        now = self._loop.now
        if self._timer is not None:
            self._listener.check_lag(self._timer.when)
            self._timer = None
        if self.thin is not None:
            self.monitor.heard(self.thin.end.heard_at)
            self.monitor.carried(self.thin.end.bytes_in, self.thin.end.bytes_out, now)
        for link in self.bulk:
            self.monitor.heard_bulk(link.end.heard_at)
        for due in self.monitor.tick(now):
            self._act(due, now)
        self.rearm()

    def _act(self, due: Due, now: float) -> None:
        if due is Due.PING:
            if self.thin is not None:
                self.thin.ping(self.monitor.ping(now, random.random()))
            return
        if due is Due.LATE:
            self._listener.doubted()
            return
        log.event(due.value, about=self.name, path=self.name, streams=self.streams)
        if due is Due.STALLED:
            for link in self.silent(now):
                self.peer.session.give_up_on(link.end, now)
        if due is Due.DEAD:
            for link in self.silent(now):
                link.close("silent")
        self._listener.changed()

    # ---- bulk

    def spare(self) -> Link | None:
        """A bulk carrier that nobody rides on."""
        return next((link for link in self.bulk if not link.end.legs), None)

    def bulk_refuge(self) -> Link | None:
        """Where bulk goes that has to leave its path at once: a free bulk carrier, or else the one that fewest ride on;
        bulk beside bulk harms nobody."""
        return min(self.bulk, key=lambda link: len(link.end.legs), default=None)

    @property
    def can_take_bulk(self) -> bool:
        """Whether there is a free bulk carrier, or may soon be."""
        return self.is_usable and (self.spare() is not None or (len(self.bulk) < MOST_BULK and self.spares.may_come))

    def want_spare(self) -> None:
        """Dial a bulk carrier, if none is free, none is being dialled, and the last attempt did not just fail."""
        if self.is_usable:
            self.spares.want(is_missing=len(self.bulk) < MOST_BULK and self.spare() is None)

    async def _dial_bulk(self) -> None:
        self.bulk.append(self._link(await self._open(Purpose.BULK), is_bulk=True))
        self._listener.spare_ready(self)

    def ping_bulk(self, number: int, *, spares: bool) -> None:
        """Keep the bulk carriers alive, and their last words confirmed; close those that are dead. With *spares*, those
        that nobody rides on are asked too."""
        self._bulk_pings = {**dict(list(self._bulk_pings.items())[-MOST_BULK_PINGS:]), number: self._loop.now}
        for link in list(self.bulk):
            if self._is_silent(link):
                link.close("silent")
            elif spares or link.end.legs or link.end.unconfirmed:
                link.ping(number)

    def _is_silent(self, link: Link) -> bool:
        """Whether nothing has come on a bulk carrier for too long, though it was asked."""
        asked = link.end.oldest_ping
        if asked is None:
            return False
        since = max(link.end.heard_at, self._bulk_pings.get(asked, float("-inf")))
        return self._loop.now - since > BULK_SILENCE + 2 * (self.monitor.pings.srtt or 0.0)

    # ---- the end

    def close_strangers(self) -> None:
        """Close the carriers of a session that is over: what rides on them is lost already."""
        for link in list(self.links):
            if link.session is not self.peer.session:
                link.close("its session is over")

    def stop(self) -> None:
        """Dial no more, ask no more; answers that still come count for nothing. What is up stays up."""
        self._is_leaving = True
        if self._timer is not None:
            self._timer.cancel()
        self._scope.cancel()

    def close_carriers(self, why: str) -> None:
        """Close the carriers although they work; a new one, if any, need not prove itself."""
        if self.monitor.is_connected:
            self.monitor.retired(why, self._loop.now)
        for link in list(self.links):
            link.close(why)
