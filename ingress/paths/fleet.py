"""All ways and peers of an ingress, and the round: four times a second, and at once when a path stalls, dies or comes
back, the figures are gathered, the ranking is made, and what it says is done.

Rooms beside it: `steer` moves streams, `heavy` gives bulk its own carriers. The fleet alone knows which way a carrier
belongs to.
"""

import ssl
from collections.abc import Callable, Iterable
from pathlib import Path as FilePath

import trio

from ingress.choice.chooser import Chooser
from ingress.choice.rules import Rule
from ingress.choice.targets import Probe
from ingress.measure.network_monitor import LAG, Survey
from ingress.measure.traffic import Tally
from ingress.paths.bulk import Heavy
from ingress.paths.live import BULK_PING, Way
from ingress.paths.moving import Steer
from ingress.paths.peer import Peer
from relay import log
from relay.dial.lines import keep_dialling
from relay.engine import Loop
from relay.model.cause import Cause
from relay.model.network import Network
from relay.model.walk import Path, Paths, find_prefixes, hops_from
from relay.session.carrier import CarrierEnd
from relay.session.stream import Stream
from relay.session.window import Memory
from relay.wire.bodies import LineReport, time_target

ROUND = 0.25
"""Seconds between rounds."""
SPARES = 2
"""Best paths that keep a carrier for bulk warm."""
DRAIN_REMOVED = 3.0
"""Seconds for which the carriers of a removed path still deliver what they were given."""


class Fleet:
    """Everything between the doors and the network. Made inside the nursery that its tasks live in."""

    def __init__(
        self,
        loop: Loop,
        nursery: trio.Nursery,
        name: str,
        network: Network,
        paths: Paths,
        rules: Iterable[Rule],
        context: ssl.SSLContext,
        base: FilePath,
        memory: Memory,
    ) -> None:
        self.loop = loop
        self.nursery = nursery
        self.network = network
        self.paths = paths
        self.context = context
        self.base = base
        self.memory = memory
        self.peers: dict[str, Peer] = {}
        self.ways: dict[str, Way] = {}
        self.past = Tally(loop.now)
        """What was counted on paths that are no longer in the file."""
        self.chooser = Chooser(self._exits(), rules)
        self.steer = Steer(self)
        self.heavy = Heavy(self)
        self.on_round: Callable[[], None] = _nobody
        """Called after every round: who waited for a path may try again."""
        self._own_reports: list[LineReport] = []
        self._is_round_due = False
        self._rounds = 0
        self._expected = loop.now + ROUND
        self.survey = Survey((), (), loop.now)
        self._replan(paths)
        loop.call_at(self._expected, self._regular)
        nursery.start_soon(keep_dialling, lambda: hops_from(self.network, name), base, self._note_dials)

    def _exits(self) -> list[str]:
        return [node.name for node in self.network.nodes.values() if node.exit]

    # ---- what stands

    def ways_to(self, peer: Peer) -> list[Way]:
        """The paths that end at *peer*."""
        return [way for way in self.ways.values() if way.peer is peer and not way.is_prefix]

    def way_of(self, carrier: CarrierEnd) -> Way | None:
        """The way that *carrier* belongs to; None when its path was removed."""
        return self.ways.get(carrier.name)

    @property
    def streams(self) -> int:
        """Streams that are open, over whichever way."""
        return sum(len(peer.session.streams) for peer in self.peers.values())

    def dial_times(self) -> dict[str, float]:
        """How long the last dial of each line took, where it is known; the node at its start told, or we dialled."""
        found: dict[str, float] = {}
        for way in self.ways.values():
            found |= way.dials
        reports = [one for peer in self.peers.values() for one in peer.reports.values()]
        return found | {one.line: one.dial for one in (*reports, *self._own_reports) if one.dial is not None}

    def _note_dials(self, reports: list[LineReport]) -> None:
        self._own_reports = reports

    # ---- the plan

    def _replan(self, paths: Paths) -> None:
        prefixes = find_prefixes(paths)
        new, gone = self.survey.replan(paths.used, prefixes, self.loop.now)
        removed = [self.ways.pop(name) for name in gone if name in self.ways]
        starts = {prefix.name for prefix in prefixes}
        for name in new:
            self._add(name, is_prefix=name in starts)
        for name, way in self.ways.items():
            way.is_prefix = name in starts
        for way in removed:
            self._retire(way)

    def _add(self, name: str, *, is_prefix: bool) -> None:
        gauge = self.survey.gauges[name]
        peer = self.peers.get(gauge.path.end) or self._peer(gauge.path.end)
        way = self.ways[name] = Way(self, gauge, peer, is_prefix=is_prefix)
        self.nursery.start_soon(way.keep)

    def _peer(self, name: str) -> Peer:
        peer = self.peers[name] = Peer(name, self.loop, self.memory, self._ponged, self._goaway)
        peer.on_new_session = self._watch
        self._watch(peer)
        return peer

    def _watch(self, peer: Peer) -> None:
        peer.session.on_heavy = self.heavy.noticed
        peer.session.on_resumed = self.steer.resumed
        for way in self.ways.values():
            if way.peer is peer:
                way.drop_strangers()

    def _retire(self, way: Way) -> None:
        """*way* is no longer in the file: its streams leave by plan, its carriers deliver what they have, and close."""
        way.leave()
        way.tally.leaving = "removed from the file"
        self.steer.evacuate(way)
        self.past.absorb(way.tally)
        self.loop.call_at(self.loop.now + DRAIN_REMOVED, lambda: self._remove(way))

    def _remove(self, way: Way) -> None:
        way.remove()
        peer = way.peer
        if peer.name not in self.network.nodes and self.peers.get(peer.name) is peer:
            del self.peers[peer.name]
            peer.end()

    def replan(self, network: Network, paths: Paths, rules: Iterable[Rule], context: ssl.SSLContext) -> None:
        """Go by another file. What is unchanged is not touched."""
        self.network, self.paths, self.context = network, paths, context
        self.chooser.reload(self._exits(), rules)
        self._replan(paths)
        self.changed()

    # ---- the round

    def changed(self) -> None:
        """Something happened that cannot wait for the next round."""
        if not self._is_round_due:
            self._is_round_due = True
            self.loop.call_soon(self._round)

    def doubt(self) -> None:
        """A ping is late somewhere: ask everywhere, so that there is proof when it must be left."""
        self.survey.doubt(self.loop.now)
        self._rearm_all()

    def _rearm_all(self) -> None:
        for way in self.ways.values():
            way.rearm()

    def check_lag(self, due: float) -> bool:
        """Whether we ourselves were late for something *due*: then nothing that is overdue is a path's fault."""
        now = self.loop.now
        if now - due <= LAG:
            return False
        log.event("loop-lagged", level="warning", seconds=round(now - due, 3))
        self.survey.lagged(now)
        self._expected = now + ROUND
        return True

    def _regular(self) -> None:
        lagged = self.check_lag(self._expected)
        self._expected = self.loop.now + ROUND
        self.loop.call_at(self._expected, self._regular)
        self._rounds += 1
        self._round(lagged=lagged)
        order = [entry.figures.path for entry in self.chooser.ranking.order]
        self.survey.schedule(order, self._tallies(), self.loop.now)
        self._rearm_all()
        self._keep_spares()
        if self._rounds % 4 == 0:
            self._each_second()

    def _round(self, *, lagged: bool = False) -> None:
        self._is_round_due = False
        now = self.loop.now
        for way in self.ways.values():
            self._count(way, now)
        figures = self.survey.figures(self._tallies(), now)
        self.chooser.rank(figures, now, lagged=lagged)
        for move in self.chooser.moves(self.heavy.figures(), now):
            self.steer.execute(move)
        self.steer.place_adrift()
        self.steer.complete_pairs()
        self.on_round()

    def _count(self, way: Way, now: float) -> None:
        tally = way.tally
        tally.streams = way.streams
        tally.bulk = sum(len(link.end.legs) for link in way.bulk)
        pairs = self.steer.redundant
        tally.redundant = (
            sum(leg.stream in pairs for link in way.links for leg in link.end.legs.values()) if pairs else 0
        )
        tally.bytes_up = way.past_up + sum(link.end.bytes_out for link in way.links)
        tally.bytes_down = way.past_down + sum(link.end.bytes_in for link in way.links)
        tally.spoke_at = max((link.end.spoke_at for link in way.links), default=tally.spoke_at)
        tally.leaving = self._why_leave(way.path)
        tally.round(now)

    def _why_leave(self, path: Path) -> str:
        draining = next((node for node in path.nodes if node in self.peers and self.peers[node].is_draining), None)
        return "" if draining is None else f"node {draining} drains"

    def _tallies(self) -> dict[str, Tally]:
        return {name: way.tally for name, way in self.ways.items()}

    def _keep_spares(self) -> None:
        for entry in self.chooser.ranking.order[:SPARES]:
            way = self.ways.get(entry.name)
            if way is not None:
                way.want_spare()

    def _each_second(self) -> None:
        now = self.loop.now
        self.heavy.each_second()
        self.steer.improve_pairs()
        if self._rounds % round(4 * BULK_PING) == 0:
            for way in self.ways.values():
                way.ping_bulk(self._rounds)
        for peer in self.peers.values():
            peer.expire(now)
        for way in list(self.ways.values()):
            if way.tally.leaving and way.thin is not None and way.is_deserted:
                way.retire(way.tally.leaving)
        for probe in self.chooser.probes_wanted(now):
            self._ask(probe)

    def _ask(self, probe: Probe) -> None:
        """Have an exit time a connect to a site that is used often."""
        peer = self.peers.get(probe.exit)
        way = next((way for way in self.ways_to(peer) if way.is_usable), None) if peer is not None else None
        if peer is not None and way is not None and way.thin is not None:
            peer.ask_time(
                way.thin.end,
                lambda number: time_target(number, probe.host, probe.port),
                lambda took, cause: self._timed(probe, took, cause),
            )

    def _timed(self, probe: Probe, took: float, cause: int) -> None:
        if cause != Cause.LIMIT:  # then the exit was too busy to try, which says nothing of the target
            self.chooser.probed(probe, None if cause else took, self.loop.now)

    # ---- news

    def nobody_at(self, way: Way) -> None:
        """The end of *way* was dialled, and nothing listened: if no carrier to it is left, its process is gone.

        The word of the node's own address counts by itself. A line's own address may be a forward that refuses by
        itself, so such lines must all say the same. Streams of a process that is gone must not wait for it.
        """
        peer, hop = way.peer, way.path.hops[-1]
        if peer.session.carriers or not peer.session.streams:
            return
        is_own = hop.address == self.network.nodes[peer.name].address
        if is_own or all(one.nobody_there for one in self.ways_to(peer)):
            log.event("exit-lost", level="warning", node=peer.name, streams=len(peer.session.streams))
            peer.renew(Cause.EXIT_LOST)

    def let_in(self, path: Path, asked: float) -> None:
        """A carrier along *path*, asked for at *asked*, is up: its nodes are well; whoever waits for them may try."""
        for node in path.nodes:
            if node in self.peers:
                self.peers[node].let_in(asked)
        for way in self.ways.values():
            if way.thin is None and set(way.path.nodes) & set(path.nodes):
                way.poke()

    def lost(self, way: Way, adrift: list[Stream], heard: float) -> None:
        """A carrier of *way*, last heard at *heard*, is gone."""
        self.steer.adrift(way, adrift, heard)
        self.changed()

    def spare_ready(self, way: Way) -> None:
        """*way* has a free carrier for bulk."""
        self.heavy.spare_ready(way)

    def _ponged(self, carrier: CarrierEnd, number: int) -> None:
        way = self.way_of(carrier)
        if way is not None:
            way.ponged(carrier, number)

    def _goaway(self, peer: Peer) -> None:
        log.event("node-draining", node=peer.name)
        self.changed()


def _nobody() -> None:
    """Nobody waits."""
