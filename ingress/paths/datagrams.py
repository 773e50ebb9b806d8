"""All datagrams of an ingress between itself and its exits: sockets, labels, flows, and the clock of heartbeats.

What comes is known by its label; what is not known is dropped and never answered. What goes leaves by the primary of
its exit (`way`), in one batch for each address and turn of the loop.
"""

import itertools
from collections.abc import Iterable

import attrs

from ingress.paths.datagram_carriers import DatagramCarriers
from ingress.paths.datagram_flow import DatagramFlow, FlowOwner
from ingress.paths.datagram_path import DatagramPath, best_cipher
from ingress.paths.datagram_sockets import DatagramSockets
from ingress.paths.detours import Detours
from ingress.paths.dial import Opened
from ingress.paths.labeling import Labeling
from ingress.paths.live import LivePath
from ingress.paths.way import GIVEN_UP, ExitWay
from relay import log
from relay.datagram.pieces import Joiner
from relay.engine import Loop, Timer
from relay.engine.udp import DatagramAddress
from relay.model.cause import Cause
from relay.wire import bodies, datagrams
from relay.wire.codes import Feature
from relay.wire.datagrams import LABEL_SIZE, Heartbeat, turned
from relay.wire.frames import Kind

LOOK = 0.25
"""Seconds between two looks at what may take its time, keys and lines that are deaf, while heartbeats are many."""
UNDER_WAY = 2.0
"""Seconds for which an exit that stops may still bring replies that were under way."""
HELD_UP = 0.02
"""Seconds by which a heartbeat's timer may be late before silence is this process's own fault."""


@attrs.frozen
class DatagramsStatistics:
    """Since the start."""

    strange: int
    """Datagrams with a label that is not known here."""
    forged: int
    """That could not be opened, or had been there before."""
    unsent: int
    """That the kernel did not take, or that would have been late by a carrier."""
    pieces_given_up: int
    """Payloads of which not all pieces came in time."""
    unrouted: int
    """Of clients, while nothing led to their exit, and those that were too large."""


class Datagrams:
    """Made with the fleet. *tag* is the network's, with which labels begin; None: no datagrams are carried."""

    def __init__(self, loop: Loop, tag: bytes | None, carriers: DatagramCarriers) -> None:
        self.joiner = Joiner()
        self.flows: dict[bytes, DatagramFlow] = {}
        """By their ids, as they stand on the wire."""
        self.ways: dict[str, ExitWay] = {}
        """By exit."""
        self._loop = loop
        self._tag = tag
        self._carriers = carriers
        self._detours = Detours(carriers, self._begin_detour, self._forget)
        self._cipher = best_cipher()
        self._by_label: dict[bytes, DatagramPath] = {}
        """As labels are towards the ingress."""
        self._sockets = DatagramSockets(loop, self)
        self._ids = itertools.count(1)
        self._leaving: frozenset[str] = frozenset()
        self._sick: frozenset[str] = frozenset()
        self._timer: Timer | None = None
        self._due = float("inf")
        self._look_at = loop.now
        self._strange = self._forged = self._unsent = self._unrouted = 0

    def use(self, tag: bytes | None) -> None:
        """Go by another file."""
        self._tag = tag
        if tag is None:
            for path in list(self._by_label.values()):
                self._forget(path)
            self._fail_flows(list(self.flows.values()), Cause.EXIT_LOST)

    # ---- for live paths

    def labeling(self, live: LivePath) -> Labeling | None:
        """What a set-up of the thin carrier of *live* is to say; the same as long as its session lives."""
        if self._tag is None:
            return None
        way = self.ways.setdefault(live.peer.name, ExitWay(live.peer.name))
        path = way.paths.get(live.name)
        if path is None or path.token != live.peer.session.token or path.live is not live:
            if path is not None:
                self._forget(path)
            made = Labeling.new(self._tag, len(live.path.hops) - 1)
            path = way.paths[live.name] = DatagramPath(live, made, self._cipher, self._loop.now, self)
            path.is_leaving = live.name in self._leaving
            self._by_label[turned(made.label)] = path
        return path.labeling

    def thin_up(self, live: LivePath, opened: Opened) -> None:
        """The thin carrier of *live* came up, as *opened* says."""
        path, welcome = self._path(live), live.peer.welcome
        if path is None or welcome is None:
            return
        knows = Feature.DATAGRAMS in welcome.features
        if path.set_up(self._sockets.out(opened.datagrams_to, self._tag), live.path.nodes, opened.takes, knows=knows):
            path.say_label(self._loop.now)
        detour = self.ways[live.peer.name].detours.get(live.name)
        if detour is not None:
            detour.say_label(self._loop.now)

    def notice(self, live: LivePath, kind: int, body: bytes) -> None:
        """The exit at the end of *live* says something of labels or associations. May raise ProtocolError."""
        if kind == Kind.LABELED:
            label, epoch, verdict = bodies.parse_labeled(body)
            path = self._by_label.get(turned(label))
            if path is not None and path.live is live and path.labeled(epoch, verdict, live.peer.name, self._loop.now):
                log.event("label-up", level="debug", about=live.name, path=live.name)
                self._look()
        else:
            number, code = bodies.parse_assoc_gone(body)
            flow = self.flows.get(number.to_bytes(4, "big"))
            if flow is None or flow.way.exit != live.peer.name:
                return
            if code == Cause.DRAINING:
                flow.replace()
                self._loop.call_at(self._loop.now + UNDER_WAY, flow.close)
            else:
                self._fail_flows([flow], Cause.said_by_exit(code))

    def removed(self, live: LivePath) -> None:
        """*live* is no longer in the file."""
        path = self._path(live)
        if path is not None:
            self._forget(path)
            self._look()

    def note_leaving(self, names: frozenset[str]) -> None:
        """These paths have a node that is about to stop: datagrams leave them while they work."""
        if names == self._leaving:
            return
        self._leaving = names
        for path in self._by_label.values():
            path.is_leaving = path.live.name in names
        self._look()

    def note_sick(self, exits: frozenset[str]) -> None:
        """These answer, and reach no targets: others are taken, and associations there that hear nothing leave."""
        self._sick = exits

    def session_over(self, exit_: str) -> None:
        """The exit has another session than before, which knows none of these flows."""
        way = self.ways.get(exit_)
        if way is not None:
            for path in list(way.paths.values()):
                self._forget(path)
            self._fail_flows([flow for flow in self.flows.values() if flow.exit == exit_], Cause.EXIT_LOST)

    def _path(self, live: LivePath) -> DatagramPath | None:
        way = self.ways.get(live.peer.name)
        path = None if way is None else way.paths.get(live.name)
        return path if path is not None and path.live is live else None

    def _forget(self, path: DatagramPath) -> None:
        if self._by_label.pop(turned(path.labeling.label), None) is not None:
            self._forged += path.end.forged + path.end.replayed
        way = self.ways[path.live.peer.name]
        if way.paths.get(path.live.name) is path:
            self._detours.forget(path)
            del way.paths[path.live.name]
            way.choose(self._loop.now)
        elif way.detours.get(path.live.name) is path:
            del way.detours[path.live.name]
            for flow in self.flows.values():
                if flow.detour is path:
                    flow.go_by(None)
        if path.carrier is not None:
            path.leave_carrier(self._loop.now)
        self._unsent += path.unsent

    def _begin_detour(self, base: DatagramPath) -> DatagramPath:
        """A path as *base*, with a label that no relay knows: it goes all the way by a carrier."""
        live, now = base.live, self._loop.now
        made = DatagramPath(live, Labeling.new(base.labeling.label[:4], 0), self._cipher, now, self)
        made.set_up(None, (), (), knows=True)
        self.ways[live.peer.name].detours[live.name] = self._by_label[turned(made.labeling.label)] = made
        made.say_label(now)
        return made

    # ---- flows

    def exits(self, within: frozenset[str] | None = None) -> frozenset[str]:
        """Those that can be reached by datagrams now, *within* some paths or all; without those that are about to stop,
        or reach no targets, if others are left."""
        found = self._exits(self._leaving, within)
        return found - self._sick or found or self._exits(frozenset(), within)

    def _exits(self, without: frozenset[str], within: frozenset[str] | None) -> frozenset[str]:
        now = self._loop.now
        found = []
        for exit_, whole in self.ways.items():
            way = whole if within is None else whole.bound(within, now)
            open_ = (name for name, path in way.paths.items() if path.carries and not path.live.is_closed)
            carrying = any(name not in without for name in open_)
            if carrying and not way.is_given_up(now):
                found.append(exit_)
            self._let_go(way)
        return frozenset(found)

    @property
    def may_carry(self) -> bool:
        """Whether any exit takes datagrams, or may, for all that is known."""
        paths = [path for way in self.ways.values() for path in way.paths.values()]
        return self._tag is not None and (not paths or any(path.carries or path.is_untold for path in paths))

    def are_at(self, exit_: str) -> bool:
        """Whether any association is at *exit_*."""
        return any(flow.way.exit == exit_ for flow in self.flows.values())

    def open(self, exit_: str, owner: FlowOwner, within: frozenset[str] | None = None) -> DatagramFlow:
        """An association at *exit_*, one of `exits`, that takes paths *within* some only, or all. The exit hears of it
        by its first datagram."""
        number, way = next(self._ids), self.ways[exit_]
        way = way if within is None else way.bound(within, self._loop.now)
        way.flows += 1
        flow = DatagramFlow(number, way, owner, self._loop, self)
        self.flows[number.to_bytes(4, "big")] = flow
        return flow

    def moved(self, flow: DatagramFlow, within: frozenset[str] | None) -> ExitWay | None:
        """As `FlowHome.moved`."""
        old, whole = flow.way, self.ways[flow.exit]
        if within is not None and whole.paths.keys().isdisjoint(within):
            return None
        way = whole if within is None else whole.bound(within, self._loop.now)
        way.flows += 1
        old.flows -= 1
        self._let_go(old)
        self.woken()
        return way

    def closed(self, flow: DatagramFlow) -> None:
        """Nobody uses *flow* any more: its exit is told, until it has heard it."""
        self._forget_flow(flow)
        self._tell_end(flow)

    def _tell_end(self, flow: DatagramFlow) -> None:
        for path in flow.way.paths.values():
            path.live.peer.session.say_last([bodies.assoc_end(flow.id)])
            return

    def _fail_flows(self, flows: Iterable[DatagramFlow], cause: Cause) -> None:
        for flow in flows:
            self._forget_flow(flow)
            flow.gone(cause)

    def _forget_flow(self, flow: DatagramFlow) -> None:
        del self.flows[flow.id.to_bytes(4, "big")]
        self._unrouted += flow.dropped
        flow.way.flows -= 1
        self._let_go(flow.way)

    def _let_go(self, way: ExitWay) -> None:
        """What is for some paths only is kept as long as a flow goes by it."""
        if way.within is not None and not way.flows:
            self.ways[way.exit].bounded.pop(way.within, None)

    # ---- heartbeats

    def woken(self) -> None:
        """Datagrams flow again somewhere, or some may: ask the paths at once."""
        now = self._loop.now
        for way in self.ways.values():
            way.due = now
        self._arm(now)

    def _arm(self, when: float) -> None:
        if self._timer is not None and self._timer.call is not None:
            if self._timer.when <= when:
                return
            self._timer.cancel()
        self._due = when
        self._timer = self._loop.call_at(when, self._tick)

    def _tick(self) -> None:
        """Look at all paths, move what must move, say what is due."""
        now = self._loop.now
        if now - self._due > HELD_UP:
            self._excuse(now)
        ways = [way for way in self.ways.values() if way.wants_look(now)]
        for way in ways:
            before = [one.primary for one in way.all]
            way.choose(now)
            if way.detours and before != [one.primary for one in way.all]:
                self._look_at = now
        carrying = sum(way.primary is not None for way in self.ways.values())
        for way in ways:
            way.due = way.beat(now, has_others=carrying > 1)
        self._leave_lost_exits(now)
        if now >= self._look_at or not any(one.is_awake for way in ways for one in way.all):
            self._look_at = now + LOOK
            self._renew_keys(now)
            self._carry(now)
            self._leave_sick_exits(now)
            for way in ways:
                self._detours.look(way, self.flows.values(), now)
        due = min((way.due for way in self.ways.values()), default=float("inf"))
        if self._by_label and due < float("inf"):  # else all are asleep, and whoever sends wakes them
            self._arm(due)

    def _look(self) -> None:
        """Something has changed: look at every exit, and at all that is looked at seldom."""
        now = self._look_at = self._loop.now
        for way in self.ways.values():
            way.due = now
        self._tick()

    def _excuse(self, now: float) -> None:
        for path in self._by_label.values():
            path.gauge = path.gauge.excused(now)

    def _leave_lost_exits(self, now: float) -> None:
        """Flows leave an exit to which nothing works, once another one answers."""
        every = [one for way in self.ways.values() for one in way.all]
        bad = [way for way in every if way.bad_since is not None and way.is_used(now)]
        if not bad:
            return
        others = [way for way in self.ways.values() if way.bad_since is None and way.primary is not None]
        for way in others:
            way.urge(now, now + 2 * GIVEN_UP)
        for way in bad:
            since = way.bad_since or now
            if way.is_given_up(now) and any(
                path.end.heard_at > since
                for other in others
                for name, path in other.paths.items()
                if other.exit != way.exit and way.allows(name)
            ):
                log.event("datagrams-leave-exit", level="warning", about=way.exit, node=way.exit)
                self._fail_flows([flow for flow in self.flows.values() if flow.way is way], Cause.EXIT_LOST)

    def _leave_sick_exits(self, now: float) -> None:
        """Flows that are not answered leave an exit that reaches no targets, if another one does."""
        if not self._sick or self.exits() <= self._sick:
            return
        for flow in list(self.flows.values()):
            if flow.exit in self._sick and flow.is_unanswered(now):
                log.event("association-leaves-exit", level="info", about=flow.exit, node=flow.exit)
                self._tell_end(flow)
                self._fail_flows([flow], Cause.EXIT_LOST)

    def _renew_keys(self, now: float) -> None:
        for path in self._by_label.values():
            if path.wants_renewal(now):
                path.say_label(now)

    def _carry(self, now: float) -> None:
        """Paths on which UDP does not get through get a carrier for their datagrams."""
        for way in self.ways.values():
            for path in list(way.paths.values()):
                way.let_sleep(path, now)
                if path.is_stuck:
                    path.ride_further(self._carriers, now)
                elif path.needs_carrier(now) and any(
                    one.would_use(path) for one in way.all if one.allows(path.live.name)
                ):
                    path.ride(self._carriers)

    def carried(self, path: DatagramPath, data: bytes) -> None:
        """As `PathHome.carried`."""
        if len(data) > LABEL_SIZE and data.startswith(turned(path.labeling.label)):
            self._receive(path, data, len(data), self._loop.now)
        else:
            self._strange += 1

    # ---- the sockets

    def on_datagrams(self, data: memoryview, size: int, source: DatagramAddress, local: bytes) -> None:
        """Some have come, one behind the other, each of *size* bytes but the last."""
        together, now = bytes(data), self._loop.now
        for start, stop in datagrams.runs(together, size):
            run = together[start:stop]
            path = self._by_label.get(run[:LABEL_SIZE])
            if path is None or stop - start <= LABEL_SIZE:
                self._strange += -(-(stop - start) // size)
            elif datagrams.is_challenge(run):
                self._answer(path, run, source)
            elif self._receive(path, run, min(size, stop - start), now) and path.carrier is not None:
                path.heard_natively(now)

    def _answer(self, path: DatagramPath, challenge: bytes, source: DatagramAddress) -> None:
        """A node asks whether this address is ours; only the one that we send to may."""
        native = path.native
        if native is not None and native.address is not None and native.address[:2] == source[:2]:
            native.put(datagrams.answer_challenge(challenge))

    def _receive(self, path: DatagramPath, run: bytes, size: int, now: float) -> bool:
        """What *run* holds is delivered; True if it is a heartbeat."""
        if not run[LABEL_SIZE] & datagrams.PROBE_BIT:
            self._deliver(path, path.end.receive_run(run, size, now), now)
            return False
        beat = path.end.receive(run, now)
        if not isinstance(beat, Heartbeat):
            return False
        path.heard(beat, now)
        for label in beat.deaf:
            other = self._by_label.get(turned(label))
            if other is not None and other.live.peer is path.live.peer:
                other.gauge = other.gauge.told_deaf(now)
        return True

    def _deliver(self, path: DatagramPath, inners: list[bytes], now: float) -> None:
        """Give each flow what is its own, in as few calls as may be."""
        at, count = 0, len(inners)
        while at < count:
            number, stop = inners[at][2:6], at + 1
            while stop < count and inners[stop].startswith(number, 2):
                stop += 1
            flow = self.flows.get(number)
            if flow is not None and flow.way.exit == path.live.peer.name:
                flow.deliver(inners[at:stop], now)
            at = stop

    def statistics(self) -> DatagramsStatistics:
        """What its bounds have counted."""
        forged = self._forged + sum(path.end.forged + path.end.replayed for path in self._by_label.values())
        unsent = self._unsent + self._sockets.unsent
        unsent += sum(path.all_unsent for path in self._by_label.values())
        unrouted = self._unrouted + sum(flow.dropped for flow in self.flows.values())
        return DatagramsStatistics(self._strange, forged, unsent, self.joiner.given_up, unrouted)
