"""The project's own measuring and choosing in a world, driven as the fleet drives it, without a socket."""

import heapq
import random
from collections import Counter
from itertools import count

from bench.choice.clients import Clients
from bench.choice.own_load import Loads
from bench.choice.score import Score
from bench.choice.weather import STEP
from bench.choice.wires import Wire
from bench.choice.worlds import World
from ingress.choice.chooser import Chooser
from ingress.choice.demand import Demand
from ingress.choice.moves import Move
from ingress.measure.faults import FaultKind, SetupFault
from ingress.measure.monitor import Due
from ingress.measure.network_monitor import NetworkMonitor
from ingress.measure.traffic import Traffic
from ingress.paths.backoff import BACKOFF_FIRST, longer
from ingress.paths.fleet import ROUND

STREAMS = 20
"""Streams that are open all the time: one ends in every STAY seconds / STREAMS, and another begins."""
STAY = 300.0
SITES = 300
SETUP_TRIPS = 4
"""Round trips until a carrier over two lines is up."""


class Ours:
    """One ingress, for as long as the world lasts."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.score = Score(world)
        self.now = 0.0
        self.network_monitor = NetworkMonitor(world.paths, world.prefixes, 0.0)
        self.chooser = Chooser(world.exits)
        self.riding: Counter[str] = Counter()
        """Streams by path."""
        self._chance = random.Random(f"ours {seed}")
        self._loads = Loads(world.own_load, self._chance)
        self.clients = Clients(world, self.chooser, random.Random(f"clients {seed}"))
        walks = (*world.paths, *world.prefixes)
        self._wires = {
            walk.name: Wire(walk, world.lines, world.offsets.get(walk.name, 0.0), self._chance, self._loads)
            for walk in walks
        }
        self._backoff = {walk.name: 0.0 for walk in walks}
        self._exits = {path.name: path.end for path in world.paths}
        self._events: list[tuple[float, int, str, str, int]] = []
        self._armed: dict[str, float] = {}
        self._carrier = dict.fromkeys(self._wires, 0)
        self._order = count()
        self._leader: str | None = None

    def run(self) -> Score:
        """Play it to the end."""
        end = self.world.steps * STEP
        for name in self._wires:
            self._at(0.01, "dial", name)
        self._at(ROUND, "round")
        self._at(3.0, "stream")
        self._at(3.0, "client")
        if self._loads.kind is not None:
            self._at(3.0, "load")
        while self._events:
            self.now, _, kind, name, number = heapq.heappop(self._events)
            if self.now >= end:
                break
            getattr(self, f"_on_{kind}")(name, number)
        self.score.stream_seconds = STREAMS * self.score.hours * 3600
        self.score.exit_changes = self.clients.needless / self.score.hours
        return self.score

    def _at(self, when: float, kind: str, name: str = "", number: int = 0) -> None:
        heapq.heappush(self._events, (when, next(self._order), kind, name, number))

    # ---- carriers

    def _on_dial(self, name: str, _: int) -> None:
        wire, monitor = self._wires[name], self.network_monitor.monitors[name]
        if wire.is_dead(self.now):
            monitor.failed(SetupFault(FaultKind.SILENT, 0, "no answer"), self.now)
            self._backoff[name] = longer(self._backoff[name])
            self._at(self.now + 3.0 + self._backoff[name], "dial", name)
            return
        wire.forget()
        self._at(self.now + SETUP_TRIPS * 0.13, "up", name)

    def _on_up(self, name: str, _: int) -> None:
        self._backoff[name] = BACKOFF_FIRST / 2
        self._carrier[name] += 1
        self.network_monitor.monitors[name].connected(self.now)
        self._rearm(name)

    def _on_pong(self, name: str, number: int) -> None:
        carrier, number = divmod(number, 1 << 32)
        monitor = self.network_monitor.monitors[name]
        if carrier != self._carrier[name] or not monitor.is_connected:
            return
        monitor.carried(self._loads.came(name, self.now), 0, self.now)
        monitor.answered(number, self.now)
        self._rearm(name)

    def _rearm(self, name: str) -> None:
        when = self.network_monitor.monitors[name].deadline()
        if when is not None and (name not in self._armed or when < self._armed[name]):
            self._armed[name] = max(when, self.now)
            self._at(self._armed[name], "tick", name)

    def _on_tick(self, name: str, _: int) -> None:
        if self._armed.get(name) != self.now:
            return  # another came before it
        del self._armed[name]
        monitor = self.network_monitor.monitors[name]
        monitor.carried(self._loads.came(name, self.now), 0, self.now)
        for due in monitor.tick(self.now):
            if due is Due.PING:
                self._ping(name)
            elif due is Due.LATE:
                self.network_monitor.doubt(self.now)
                for other in self._wires:
                    self._rearm(other)
                self._round()
            else:
                if due is Due.DEAD:
                    self._at(self.now + self._chance.uniform(0.1, 0.5), "dial", name)
                self._round()
        self._rearm(name)

    def _ping(self, name: str) -> None:
        monitor = self.network_monitor.monitors[name]
        number = monitor.ping(self.now, self._chance.random())
        at = self._wires[name].answer(self.now, monitor.interval)
        if at is not None:
            self._at(at, "pong", name, (self._carrier[name] << 32) + number)

    # ---- rounds and streams

    def _on_round(self, *_: object) -> None:
        self._at(self.now + ROUND, "round")
        self._round()
        order = [entry.figures.path for entry in self.chooser.ranking.order]
        self.network_monitor.schedule(order, self._traffic(), self.now)
        for name in self._wires:
            self._rearm(name)

    def _round(self) -> None:
        self.chooser.rank(self.network_monitor.figures(self._traffic(), self.now), self.now)
        group = self.chooser.ranking.group
        if group is not None and group.leader.name != self._leader:
            if self._leader is not None:
                self.score.switched(self._leader, self.now)
            self._leader = group.leader.name
        for move in self.chooser.moves(self.now):
            self._move(move)

    def _traffic(self) -> dict[str, Traffic]:
        return {
            name: Traffic(streams, int(self._loads.is_bulk(name, self.now)), spoke_at=self.now)
            for name, streams in self.riding.items()
            if streams
        }

    def _move(self, move: Move) -> None:
        streams = self.riding.pop(move.old, 0)
        if streams:
            self.riding[move.new] += streams
            self.score.moved(move.old, move.new, streams, self.now)

    def _on_client(self, *_: object) -> None:
        self._at(self.now + self._chance.expovariate(2.0), "client")
        self.clients.use(self.now, self.score.step(self.now))

    def _on_load(self, *_: object) -> None:
        """We load something ourselves, over the path that leads."""
        kind, group = self._loads.kind, self.chooser.ranking.group
        assert kind is not None
        self._at(self.now + kind.every, "load")
        if group is not None:
            self._loads.begin(group.leader.figures.path, self.now)

    def _on_stream(self, *_: object) -> None:
        """A stream begins, and another ends if there are enough."""
        self._at(self.now + self._chance.expovariate(2.0), "stream")
        demand = Demand(f"t{self._chance.randrange(SITES)}.example", 443)
        choice = self.chooser.decide(demand, self.now)
        if choice is None:
            return
        self.score.chose(choice.paths[0], self.now)
        self.chooser.opened(choice, self.now)
        if sum(self.riding.values()) < STREAMS:
            self.riding[choice.paths[0]] += 1
        elif self._chance.random() < STREAMS / STAY / 2.0:
            old = self._chance.choices(list(self.riding), list(self.riding.values()))[0]
            self.riding[old] -= 1
            self.riding[choice.paths[0]] += 1
