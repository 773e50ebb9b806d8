"""All paths and peers of an ingress, and the round: four times a second, and at once when a path stalls, dies or comes
back, the figures are gathered, the ranking is made, and what it says is done.

Rooms beside it: `live` keeps one path, `moving` puts streams on paths, `bulk` gives bulk its own carriers.
"""

import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import trio

from ingress.choice.chooser import Chooser
from ingress.choice.connect_times import Probe
from ingress.choice.demand import Demand
from ingress.choice.exit_health import Change
from ingress.measure.network_monitor import LAG, NetworkMonitor
from ingress.measure.standings import Standings
from ingress.measure.traffic import Counters, Traffic
from ingress.paths.bounds import Judge
from ingress.paths.bulk import BulkCarriers
from ingress.paths.datagram_carriers import DatagramCarriers
from ingress.paths.datagrams import Datagrams
from ingress.paths.dial import Opened
from ingress.paths.labeling import Labeling
from ingress.paths.line_loads import LineLoads
from ingress.paths.line_meter import LineMeter
from ingress.paths.live import BULK_PING, SPARE_PING, LivePath, SetupOptions
from ingress.paths.moving import Moving
from ingress.paths.path_traffic import PathTraffic
from ingress.paths.peer import Peer
from ingress.paths.tcp_readings import EVERY, TcpReadings
from ingress.usage.usage import Usage
from relay import log
from relay.callbacks import ignore
from relay.dial.lines import LineDial, keep_dialling
from relay.engine import Loop
from relay.model.cause import Cause
from relay.model.network import Network
from relay.model.walk import Paths, find_prefixes, hops_from
from relay.session.carrier import CarrierEnd
from relay.session.initiator import InitiatorStream
from relay.session.ledger import holds_all
from relay.session.stream import Stream
from relay.session.window import Memory
from relay.wire.bodies import time_target

ROUND = 0.25
"""Seconds between rounds."""
SPARES = 2
"""Best paths that keep a carrier for bulk warm."""
STOOD_STILL = 3.0
AFTERMATH = 5.0
"""Seconds for which this process must have been held up for nodes to have ended its carriers for that, and in which the
ends of these are heard."""
DRAIN_REMOVED = 3.0
"""Seconds for which the carriers of a removed path still deliver what they were given."""
REMOVED = "removed from the file"


class Fleet:
    """Everything between the choice and the network. Made inside the nursery that its tasks live in.

    It is the `PathListener` of its live paths.
    """

    def __init__(
        self,
        loop: Loop,
        nursery: trio.Nursery,
        name: str,
        paths: Paths,
        options: SetupOptions,
        memory: Memory,
        usage: Usage,
    ) -> None:
        self.loop = loop
        self.options = options
        self.memory = memory
        self.found = paths
        """The paths that the file makes, spare ones included."""
        self.peers: dict[str, Peer] = {}
        self.live: dict[str, LivePath] = {}
        self.traffic: dict[str, Traffic] = {}
        """What rode on each path in the last round."""
        self.past = Counters()
        """What was counted on paths that are no longer in the file."""
        self.chooser = Chooser(self._exits())
        self.moving = Moving(loop, self.live, self.chooser)
        self.line_meter = LineMeter(usage)
        self.line_loads = LineLoads(time.time() - loop.now)
        self.standings = Standings(self.changed)
        self._path_traffic = PathTraffic(self.peers, self.moving.pairs, self.standings)
        self.bulk = BulkCarriers(loop, self.live, self.moving, self.chooser, self.line_loads)
        self.datagrams = Datagrams(loop, options.datagrams, DatagramCarriers(loop, nursery, options))
        self.network_monitor = NetworkMonitor((), (), loop.now)
        self._readings = TcpReadings(name, self.network_monitor.directions)
        self.on_round: Callable[[], None] = ignore
        """Called after every round: who waited for a path may try again."""
        self._nursery = nursery
        self._own_dials: list[LineDial] = []
        self._is_round_due = False
        self._rounds = 0
        self._expected = loop.now + ROUND
        self._stood_still = float("-inf")
        self._lagged_at = float("-inf")
        """When a stall of our own was told last."""
        self._plan(paths)
        loop.call_at(self._expected, self._regular)
        nursery.start_soon(keep_dialling, lambda: hops_from(self.network, name), options.base, self._note_dials)

    @property
    def network(self) -> Network:
        """What the file describes."""
        return self.options.network

    def _exits(self) -> list[str]:
        return [node.name for node in self.network.nodes.values() if node.exit]

    # ---- what stands

    def live_to(self, peer: Peer) -> list[LivePath]:
        """The paths that end at *peer*, without prefixes."""
        return [live for live in self.live.values() if live.peer is peer and not live.is_prefix]

    def streams(self) -> list[Stream]:
        """Those that are open, over whichever path."""
        return [stream for peer in self.peers.values() for stream in peer.session.streams.values()]

    @property
    def stream_count(self) -> int:
        """How many streams are open."""
        count = 0  # by hand: it is asked for every stream
        for peer in self.peers.values():
            count += len(peer.session.streams)
        return count

    @property
    def broken(self) -> int:
        """Carriers on which a node broke the protocol, since the start."""
        return self.past.broken + sum(live.counters.broken for live in self.live.values())

    def has_room(self, most: int) -> bool:
        """Whether one more stream may be opened, where *most* are allowed."""
        if self.stream_count >= most:
            return False
        is_short = self.memory.is_full and self._has_greedy_peer()
        return not (is_short and holds_all(self.memory, self.streams()))

    def _has_greedy_peer(self) -> bool:
        """Whether a node is of a time when every stream started with as much as there was."""
        return any(peer.session.carriers and not peer.session.may_start_small for peer in self.peers.values())

    def dials(self) -> dict[str, LineDial]:
        """The last dial of each line, where one is known; the node at its start told, or we dialled."""
        found = [dial for live in self.live.values() for dial in live.dials] + self._own_dials
        for peer in self.peers.values():
            found += peer.dials({hop.line.name for hop in hops_from(self.network, peer.name)})
        return {dial.line: dial for dial in sorted(found, key=lambda dial: dial.at)}

    def counters(self) -> Mapping[str, Counters]:
        """What happened on each path so far."""
        return {name: live.counters for name, live in self.live.items()}

    def _note_dials(self, dials: list[LineDial]) -> None:
        self._own_dials = dials

    # ---- the plan

    def replan(self, network: Network, paths: Paths, context: ssl.SSLContext, datagrams: bytes | None = None) -> None:
        """Go by another file, as in SetupOptions. What is unchanged is not touched."""
        self.options.network, self.options.context, self.options.datagrams = network, context, datagrams
        self.datagrams.use(datagrams)
        self.found = paths
        self.chooser.reload(self._exits())
        self._plan(paths)
        self.changed()

    def rule_anew(self, judge: Judge) -> None:
        """Other rules are in force: running streams leave, by plan, the paths that these forbid them. *judge* says what
        is asked for each."""
        for peer in self.peers.values():
            here = frozenset(live.name for live in self.live_to(peer))
            self.moving.bounds.rule_anew(list(peer.session.streams.values()), here, judge)
        self.changed()

    def _plan(self, paths: Paths) -> None:
        prefixes = find_prefixes(paths)
        self.line_loads.replan(paths.used)
        new, gone = self.network_monitor.replan(paths.used, prefixes, self.loop.now)
        removed = [self.live.pop(name) for name in gone if name in self.live]
        starts = {prefix.name for prefix in prefixes}
        for name in new:
            self._add(name, is_prefix=name in starts)
        for name, live in self.live.items():
            live.serve_as(is_prefix=name in starts)
        for live in removed:
            self._remove(live)

    def _add(self, name: str, *, is_prefix: bool) -> None:
        monitor = self.network_monitor.monitors[name]
        peer = self.peers.get(monitor.path.end) or self._add_peer(monitor.path.end)
        live = self.live[name] = LivePath(self.loop, monitor, peer, self.options, self, is_prefix=is_prefix)
        self.line_meter.watch(live)
        self._nursery.start_soon(live.keep)

    def _add_peer(self, name: str) -> Peer:
        peer = self.peers[name] = Peer(name, self.loop, self.memory, self._goaway, self._watch)
        self._watch(peer)
        return peer

    def _watch(self, peer: Peer) -> None:
        """*peer* has a new session."""
        self.datagrams.session_over(peer.name)
        peer.session.on_heavy = self.bulk.noticed
        peer.session.on_resumed = self.moving.pauses.end
        peer.session.on_first_byte = partial(self._first_byte, peer.name)
        for live in self.live.values():
            if live.peer is peer:
                live.close_strangers()

    def _first_byte(self, exit_: str, stream: InitiatorStream, took: float) -> None:
        """The connect was a round trip to the target; what took longer is its own."""
        if stream.is_connected:
            demand = Demand(stream.host, stream.port)
            self.chooser.first_bytes.told(demand, exit_, took - stream.took, self.loop.now)

    def _remove(self, live: LivePath) -> None:
        """It is not in the file any more: its streams leave by plan, its carriers deliver what they have, and close."""
        live.stop()
        self.datagrams.removed(live)
        self.moving.evacuate(live, REMOVED)
        self.past.absorb(live.counters)
        self.past.count_bytes(live.bytes_up - live.counters.bytes_up, live.bytes_down - live.counters.bytes_down)
        self.loop.call_at(self.loop.now + DRAIN_REMOVED, lambda: self._close(live))

    def _close(self, live: LivePath) -> None:
        live.close_carriers(REMOVED)
        self.line_meter.forget(live)
        peer = live.peer
        if peer.name not in self.network.nodes and self.peers.get(peer.name) is peer:
            del self.peers[peer.name]
            peer.close()

    # ---- the round

    def _regular(self) -> None:
        lagged = self.check_lag(self._expected)
        self._expected = self.loop.now + ROUND
        self.loop.call_at(self._expected, self._regular)
        self._rounds += 1
        self._round(lagged=lagged)
        self.line_loads.each_round(self.traffic, self.bulk.acked(), self.loop.now)
        order = [entry.figures.path for entry in self.chooser.ranking.order]
        self.network_monitor.schedule(order, self.traffic, self.loop.now)
        self._rearm_all()
        if self._rounds % 4 == 0:
            self._each_second()

    def _round(self, *, lagged: bool = False) -> None:
        self._is_round_due = False
        now = self.loop.now
        self.traffic = {name: self._path_traffic.look(live) for name, live in self.live.items()}
        self.datagrams.note_leaving(frozenset(name for name, one in self.traffic.items() if one.leaving or one.closed))
        self.chooser.families.tell({name: peer.families for name, peer in self.peers.items()})
        self._tell_of_exits(self.chooser.look_at_exits(now))
        self.datagrams.note_sick(frozenset(self.chooser.health.sick))
        figures = self.network_monitor.figures(self.traffic, now, self.line_loads.full)
        self.chooser.rank(figures, now, lagged=lagged)
        for move in self.chooser.moves(now, self.moving.bounds.in_use()):
            self.moving.execute(move)
        self.moving.bring_home()
        self.moving.place_detached()
        self.moving.complete_pairs()
        self.on_round()

    def _tell_of_exits(self, changes: Iterable[Change]) -> None:
        for change in changes:
            if change.sickness is None:
                log.event("exit-well", about=change.exit, node=change.exit)
            else:
                log.event(
                    "exit-sick", level="warning", about=change.exit, node=change.exit, why=change.sickness.sentence
                )

    def _rearm_all(self) -> None:
        for live in self.live.values():
            live.rearm()

    def _keep_spares(self) -> None:
        """Warm carriers for bulk: of the best paths, of where bulk to the same exits would go, and of where bulk goes
        when its path dies. Never over a backup: there bulk waits for its carrier."""
        best = [entry for entry in self.chooser.ranking.order[:SPARES] if not entry.figures.is_backup]
        wanted: list[str | None] = [entry.name for entry in best]
        wanted += [self.bulk.wanted(exit_) for exit_ in {entry.exit for entry in best}]
        wanted += self.bulk.refuges()
        for name in dict.fromkeys(wanted):
            live = self.live.get(name) if name is not None else None
            if live is not None:
                live.want_spare()

    def _each_second(self) -> None:
        now = self.loop.now
        log.tell_left_out()
        self.line_loads.each_second(now)
        self.bulk.each_second()
        self._keep_spares()
        self.moving.pairs.improve(now)
        if self._rounds % round(4 * BULK_PING) == 0:
            for live in self.live.values():
                live.ping_bulk(self._rounds, spares=self._rounds % round(4 * SPARE_PING) == 0)
        for peer in self.peers.values():
            peer.expire(now)
        for live in list(self.live.values()):
            why = self._path_traffic.why_leave(live)
            if why and live.thin is not None and live.is_deserted and not self._is_for_datagrams(live):
                live.close_carriers(why)
        if self._rounds % (4 * EVERY) == 0:
            self._readings.look(self.live.values(), self.peers, now)
        for probe in self.chooser.probes_wanted(now):
            self._ask(probe)

    def _is_for_datagrams(self, live: LivePath) -> bool:
        """Whether the exit of *live*, which drains itself, is to say over it when its associations end."""
        return live.peer.is_draining and self.datagrams.are_at(live.peer.name)

    def _ask(self, probe: Probe) -> None:
        """Have an exit time a connect to a site that is used often."""
        peer = self.peers.get(probe.exit)
        live = next((live for live in self.live_to(peer) if live.is_usable), None) if peer is not None else None
        if peer is not None and live is not None and live.thin is not None:
            peer.ask_time(
                live.thin.end,
                lambda number: time_target(number, probe.host, probe.port),
                lambda took, cause: self._timed(probe, took, cause),
            )

    def _timed(self, probe: Probe, took: float, cause: int) -> None:
        self.chooser.probed(probe, Cause.of_code(cause) if cause else took, self.loop.now)

    # ---- as the listener of live paths

    def changed(self) -> None:
        """Something happened that cannot wait for the next round."""
        if not self._is_round_due:
            self._is_round_due = True
            self.loop.call_soon(self._round)

    def doubted(self) -> None:
        """A ping is late somewhere: ask everywhere, so that there is proof when it must be left."""
        self.network_monitor.doubt(self.loop.now)
        self._rearm_all()
        self.changed()  # what is in doubt takes no new streams

    def check_lag(self, due: float) -> bool:
        """Whether we ourselves were late for something *due*: then nothing that is overdue is a path's fault."""
        now = self.loop.now
        if now - due <= LAG:
            return False
        if due > self._lagged_at:  # else it fell into the stall that was told
            log.event("loop-lagged", level="warning", seconds=round(now - due, 3))
            self._lagged_at = now
        self.network_monitor.lagged(now)
        self._expected = now + ROUND
        if now - due >= STOOD_STILL:
            self._stood_still = now
        return True

    @property
    def stood_still(self) -> bool:
        """Whether this process was held up a moment ago for so long that nodes have closed their carriers."""
        now = self.loop.now  # its ends may be heard before the round that was due
        return now - self._expected >= STOOD_STILL or now - self._stood_still < AFTERMATH

    def answered(self, live: LivePath) -> None:
        """A ping was answered; the session to an exit goes by the nearest of its paths."""
        if not live.is_prefix:
            trips = [trip for one in self.live_to(live.peer) if (trip := one.monitor.pings.srtt)]
            live.peer.session.srtt = min(trips, default=0.1)

    def carrier_up(self, live: LivePath, asked: float) -> None:
        """A carrier that was asked for at *asked* is up: its nodes are well; whoever waits for them may try."""
        nodes = live.path.nodes
        for node in nodes:
            if node in self.peers:
                self.peers[node].let_in(asked)
        for other in self.live.values():
            if other.thin is None and other is not live and set(other.path.nodes) & set(nodes):
                other.poke()

    def carrier_lost(self, live: LivePath, end: CarrierEnd, detached: list[Stream]) -> None:
        """A carrier of *live* is gone; if none to its node is left, others need not wait."""
        self.moving.detach(live, end, detached)
        if not live.peer.session.carriers:
            for other in self.live_to(live.peer):
                if other is not live:
                    other.poke()
        self.changed()

    def labeling(self, live: LivePath) -> Labeling | None:
        """What set-ups along *live* say of its datagrams."""
        return self.datagrams.labeling(live)

    def thin_up(self, live: LivePath, opened: Opened) -> None:
        """The warm carrier of *live* is up: datagrams may be."""
        self.datagrams.thin_up(live, opened)

    def datagram_notice(self, live: LivePath, kind: int, body: bytes) -> None:
        """The exit of *live* speaks of labels or associations."""
        self.datagrams.notice(live, kind, body)

    def spare_ready(self, live: LivePath) -> None:
        """*live* has a free carrier for bulk."""
        self.bulk.spare_ready(live)

    def session_unknown(self, live: LivePath) -> None:
        """The node at the end of *live* is back: none of its paths need wait."""
        for other in self.live.values():
            if other.peer is live.peer:
                other.redial()

    def found_nobody(self, live: LivePath) -> None:
        """The last line of *live* was dialled, and refused, says whoever dialled it: a relay may lie, and a firewall
        refuses for everybody. Only if no carrier is left, and every path was dialled since and found the same, its
        process is gone, and its streams must not wait for it."""
        peer, bare_since, paths = live.peer, live.peer.session.bare_since, self.live_to(live.peer)
        if bare_since is None or not peer.session.streams:
            return
        if paths and all(one.found_nobody_since(bare_since) for one in paths):
            log.event("exit-lost", level="warning", node=peer.name, streams=len(peer.session.streams))
            peer.renew(Cause.EXIT_LOST)

    # ---- news of peers

    def _goaway(self, peer: Peer) -> None:
        log.event("node-draining", about=peer.name, node=peer.name)
        self.changed()
