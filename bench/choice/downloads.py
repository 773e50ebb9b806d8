"""Downloads of 40 MB over lines of 20 to 500 Mbit/s, one after another and beside each other: what the project's own
placing gets, what staying on the leading path gets, and what an oracle gets that knows what every line carries.

Streams share lines as TCP does about: nobody has more than his share of the narrowest line on his path. Each starts
with ten segments and doubles in every round trip; who is moved starts again on his new carrier. The oracle can do no
more than a proxy can: a stream's exit stays what it is, and it is known as bulk only once it has filled a window.
"""

from __future__ import annotations

import heapq
import math
import random
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.choice.worlds import network_of
from ingress.choice.chooser import Chooser
from ingress.choice.offers import Bulk, Offers
from ingress.choice.placing import Place
from ingress.measure.capacity import Capacities, Way, routes_of
from ingress.measure.deliveries import Deliveries
from ingress.measure.figures import PathFigures
from ingress.measure.health import PathState
from ingress.paths.ride import CALM_BYTES, MEASURED
from relay.model.walk import Path
from relay.wire.bodies import INITIAL_WINDOW

STEP = 0.05
SIZE = 40e6
FIRST = 14_600
"""Bytes of the first round trip."""
NOTICED = INITIAL_WINDOW // 4
"""Bytes of one round trip from which a stream is bulk: half a window within two."""
ROUND, SECOND = 5, 20
"""Steps."""
MBIT = 1e6 / 8
SLOWEST, FASTEST = 20 * MBIT, 500 * MBIT


@dataclass(eq=False)
class Download:
    """One that is under way."""

    number: int
    path: Path
    begun: float
    since: float
    """When it came to this path."""
    moved: float = 0.0
    rate: float = 0.0
    is_bulk: bool = False
    place: Place | None = None
    speed: float = 0.0
    """Of its last seconds on this path."""
    seconds: int = 0
    mark: float = 0.0


@dataclass
class Lines:
    """What the lines carry, and how far the exits are."""

    paths: Sequence[Path]
    trips: Mapping[str, float]
    """Round trips, by path."""
    rates: Mapping[str, float]
    """Bytes per second, by line."""

    def share(self, downloads: Sequence[Download], now: float) -> None:
        """Give each its rate: lines fill up evenly, and nobody gets more than his window."""
        free = dict(self.rates)
        open_ = {download: self.window(download, now) for download in downloads}
        counts = Counter(line for download in downloads for line in download.path.lines)
        while open_:
            fair = {line: free[line] / count for line, count in counts.items() if count}
            least = min(open_, key=lambda one: min(open_[one], *(fair[line] for line in one.path.lines)))
            least.rate = min(open_.pop(least), *(fair[line] for line in least.path.lines))
            for line in least.path.lines:
                free[line] = max(0.0, free[line] - least.rate)
                counts[line] -= 1

    def window(self, download: Download, now: float) -> float:
        """The rate that its window allows by now."""
        trip = self.trips[download.path.name]
        return FIRST / trip * math.exp2(min(40.0, (now - download.since) / trip))


def random_lines(paths: int, seed: int) -> Lines:
    """A network of so many *paths*, its lines of all speeds alike on a scale of doublings."""
    chance = random.Random(f"downloads {paths} {seed}")
    found = network_of(paths).used
    rates = {
        name: SLOWEST * (FASTEST / SLOWEST) ** chance.random()
        for name in sorted({hop.line.name for path in found for hop in path.hops})
    }
    return Lines(found, {path.name: chance.uniform(0.125, 0.155) for path in found}, rates)


class Player:
    """Who stays on the leading path."""

    name = "the leading path"

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.moves = 0
        self.chooser = Chooser(sorted({path.end for path in lines.paths}))
        figures = [PathFigures(path, PathState.UP, round_trip=lines.trips[path.name]) for path in lines.paths]
        self.chooser.rank(figures, 0.0)
        group = self.chooser.ranking.group
        assert group is not None
        self.leader = group.leader.figures.path
        self.to_its_exit = [path for path in lines.paths if path.end == self.leader.end]

    def turned_bulk(self, download: Download, beside: Sequence[Download], now: float) -> None:
        """*download* fills its window."""

    def each_round(self, beside: Sequence[Download], now: float) -> None:
        """Four times a second."""

    def each_second(self, beside: Sequence[Download], now: float) -> None:
        """Once a second."""

    def put(self, download: Download, path: Path, now: float) -> None:
        """It goes on over *path*, whose carrier is warm and has carried nothing."""
        self.moves += path is not download.path
        download.path, download.since = path, now
        download.speed, download.seconds, download.mark = 0.0, 0, download.moved


class Oracle(Player):
    """Who knows what every line carries, and who rides there."""

    name = "oracle"

    def turned_bulk(self, download: Download, beside: Sequence[Download], now: float) -> None:
        """Where it will be fastest."""
        self.put(download, self._best(download, beside)[0], now)

    def each_second(self, beside: Sequence[Download], now: float) -> None:
        """Who would be much faster elsewhere for what is left of it, moves."""
        for download in beside:
            if download.is_bulk:
                path, speed = self._best(download, beside)
                if speed > 1.5 * self._speed(download, download.path, beside) and SIZE - download.moved > 1.5 * speed:
                    self.put(download, path, now)

    def _best(self, download: Download, beside: Sequence[Download]) -> tuple[Path, float]:
        speeds = {path: self._speed(download, path, beside) for path in self.to_its_exit}
        best = max(speeds, key=lambda path: (speeds[path], path is download.path))
        return best, speeds[best]

    def _speed(self, download: Download, path: Path, beside: Sequence[Download]) -> float:
        """What it would have there in the long run."""
        was, download.path = download.path, path
        rates = [(one, one.rate, one.since) for one in (download, *beside)]
        for one, _, _ in rates:
            one.since = -math.inf
        self.lines.share(list(dict.fromkeys((download, *beside))), 0.0)
        speed, download.path = download.rate, was
        for one, rate, since in rates:
            one.rate, one.since = rate, since
        return speed


class Ours(Player):
    """The project's own placing."""

    name = "ingress"

    def __init__(self, lines: Lines) -> None:
        super().__init__(lines)
        self.capacities = Capacities()
        self.deliveries = Deliveries()
        self.routes = routes_of(lines.paths)
        self._paths = {path.name: path for path in lines.paths}
        self._carried = dict.fromkeys(self._paths, 0.0)

    def turned_bulk(self, download: Download, beside: Sequence[Download], now: float) -> None:
        """As `BulkCarriers.noticed` has it placed."""
        offers = self._offers(beside, now)
        place = self.chooser.place_bulk(self.leader.end, Way.DOWN, offers, self._can_take, now)
        assert place is not None
        self.chooser.placed_bulk(place, Way.DOWN, now)
        self.put(download, self._paths[place.path], now)
        download.place = place

    def each_round(self, beside: Sequence[Download], now: float) -> None:
        """What came over the paths."""
        for download in beside:
            self._carried[download.path.name] += download.rate * STEP * ROUND
        moved = {(name, Way.DOWN): round(count) for name, count in self._carried.items()}
        for line, speed in self.deliveries.note(self.routes, moved, now).items():
            self.capacities.saw(line, speed, now)

    def each_second(self, beside: Sequence[Download], now: float) -> None:
        """As `BulkCarriers.each_second`."""
        for download in beside:
            if download.is_bulk:
                download.seconds += 1
                moved, download.mark = download.moved - download.mark, download.moved
                download.speed += (0.5 if download.seconds > 1 else 1.0) * (moved - download.speed)
        offers = self._offers(beside, now)
        for bulk in offers.riders:
            speed = offers.held_to(bulk) if bulk.is_held else None
            if speed is not None:
                self.capacities.held_to((bulk.path, bulk.way), speed, now)
        by_number = {download.number: download for download in beside}
        for move in self.chooser.bulk_moves(self._offers(beside, now), self._can_take, now):
            self.put(by_number[move.stream[1]], self._paths[move.new], now)
            by_number[move.stream[1]].place = Place(move.new, move.expected, False, move.reason)

    def _offers(self, beside: Iterable[Download], now: float) -> Offers:
        riders = [self._bulk(download, now) for download in beside if download.is_bulk and download.place is not None]
        return Offers(self.routes, self.capacities, self.deliveries.speeds, riders, now)

    def _bulk(self, download: Download, now: float) -> Bulk:
        key, place = (b"", download.number), download.place
        if place is not None and download.seconds < MEASURED:
            speed = max(place.expected, download.speed)
            return Bulk(key, download.path.name, Way.DOWN, speed, is_trial=place.is_trial)
        is_held = download.speed >= CALM_BYTES and download.rate < self.lines.window(download, now)
        return Bulk(key, download.path.name, Way.DOWN, download.speed, is_held=is_held)

    def _can_take(self, path: str) -> bool:
        return path in self._paths


@dataclass
class Played:
    """What came of it."""

    speeds: list[float] = field(default_factory=list)
    """Bytes per second, by download in the order of their beginnings."""
    moves: float = 0.0
    """For each download."""

    @property
    def mean(self) -> float:
        """Mean speed of a download, bytes per second."""
        return statistics.fmean(self.speeds)


def play(player: Player, every: float, seconds: float, seed: int) -> Played:
    """Downloads begin *every* so many seconds, on average."""
    chance = random.Random(f"downloads begin {seed}")
    begins: list[float] = []
    at = 1.0
    while at < seconds:
        begins.append(at)
        at += chance.expovariate(1 / every)
    heapq.heapify(begins)
    under_way: list[Download] = []
    found: dict[int, float] = {}
    number = step = 0
    while begins or under_way:
        now = step * STEP
        while begins and begins[0] <= now:
            begun = heapq.heappop(begins)
            under_way.append(Download(number, player.leader, begun, now))
            number += 1
        _step(player, under_way, found, now, step)
        under_way = [download for download in under_way if download.moved < SIZE]
        step += 1
    return Played([found[at] for at in range(number)], player.moves / number)


def _step(player: Player, under_way: list[Download], found: dict[int, float], now: float, step: int) -> None:
    player.lines.share(under_way, now)
    for download in under_way:
        download.moved += download.rate * STEP
        trip = player.lines.trips[download.path.name]
        if not download.is_bulk and download.rate * trip >= NOTICED:
            others = [one for one in under_way if one is not download]
            download.is_bulk = True
            player.turned_bulk(download, others, now)
        if download.moved >= SIZE:
            found[download.number] = SIZE / (now + STEP + trip - download.begun)
    if step % ROUND == 0:
        player.each_round(under_way, now)
    if step % SECOND == 0:
        player.each_second(under_way, now)


PLAYERS: tuple[type[Player], ...] = (Player, Ours, Oracle)


def table(paths: Iterable[int], seeds: Iterable[int], every: float, seconds: float) -> Iterable[str]:
    """Rows of Markdown: mean speeds, as shares of the oracle's as well."""
    yield "| paths | player | Mbit/s | of the oracle's | moves a download |"
    yield "| --- | --- | --- | --- | --- |"
    kept = list(seeds)
    for count in paths:
        best = [play(Oracle(random_lines(count, seed)), every, seconds, seed) for seed in kept]
        for make in PLAYERS:
            played = [play(make(random_lines(count, seed)), every, seconds, seed) for seed in kept]
            speed = statistics.fmean(one.mean for one in played)
            ratio = speed / statistics.fmean(one.mean for one in best)
            moves = statistics.fmean(one.moves for one in played)
            yield f"| {count} | {make.name} | {speed / MBIT:.0f} | {ratio:.2f} | {moves:.2f} |"
