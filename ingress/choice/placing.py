"""Which path a bulk stream takes, and when it leaves it for another.

Bulk goes where it will be fastest, by what lines were seen to deliver and what rides on them now. What nobody knows is
tried, by one stream at a time. Who turned out to be badly placed moves, once, when another path is known to have at
least twice what it gets. A path that disappoints is remembered for a while, so that nobody is sent back and forth.
"""

from collections.abc import Callable, Iterable, Sequence

import attrs

from ingress.choice.entry import Entry, Tier
from ingress.choice.offers import Bulk, Offer, Offers, StreamKey
from ingress.choice.ranking import Ranking
from ingress.measure.capacity import APART, PathWay, Way
from ingress.messages.message import Message

ALIKE = 0.9
"""Share of the best known offer from which on a path counts as as good: money and the ranking decide then."""
FASTER = 2.0
"""Times what a stream gets that another path must be known to offer before it moves."""
HELD_FOR = 2.0
"""Seconds on end for which that must be so."""
REST = 10.0
"""Seconds after a move in which a stream stays."""
TRIED = 600.0
"""Seconds after a trial in which a path is not tried again, whatever it found."""
LOSSY = 0.02
"""Share of late pings above which a path is not tried: what loses that much is slow, whatever its lines carry."""
DISAPPOINTED = 300.0
"""Seconds for which a path that was left for a faster one, because it gave less than it is known to, is believed to
carry no more than it did then."""

CanTake = Callable[[str], bool]
"""Whether a bulk stream may be put on the path of that name."""


@attrs.frozen
class Place:
    """Where a bulk stream goes."""

    path: str
    expected: float
    """Bytes per second that it is known to have there at least; 0 if nothing is known."""
    is_trial: bool
    """Nobody knows what the path carries: this stream finds out."""
    why: str


@attrs.frozen
class BulkMove:
    """A bulk stream goes from path `old` to path `new`, by plan."""

    stream: StreamKey
    old: str
    new: str
    expected: float
    reason: str


class Placing:
    """What placing has to remember. One per ingress."""

    def __init__(self) -> None:
        self._tried: dict[PathWay, float] = {}
        self._disappointed: dict[PathWay, tuple[float, float]] = {}
        """What it carried, and when it was left."""
        self._held_since: dict[StreamKey, float] = {}
        self._moved: dict[StreamKey, float] = {}

    # ---- a stream that turns bulk

    def place(self, order: Sequence[Entry], way: Way, offers: Offers, can_take: CanTake, now: float) -> Place | None:
        """Where it goes among the paths of its exit, in the *order* of the ranking; None while none can take it.
        Nothing is remembered."""
        found = self._offered(order, way, offers, can_take, now)
        if not found:
            return None
        home, offer = best(found)
        trial = self._trial(found, way, offers, offer.known, now)
        if trial is None:
            return Place(home.name, offer.known, False, Message("bulk.fastest"))
        return Place(trial.name, offers.offer(trial.name, way).known, True, Message("bulk.trial"))

    def placed(self, place: Place, way: Way, now: float) -> None:
        """A stream was put there."""
        if place.is_trial:
            self._tried[place.path, way] = now

    def _trial(
        self, found: Sequence[tuple[Entry, Offer]], way: Way, offers: Offers, known: float, now: float
    ) -> Entry | None:
        """The path that is worth a trial where *known* can be had without one: it may offer clearly more, it does not
        lose much, it was not tried a moment ago, and nobody else tries one of its lines now."""
        tried = {line for one in offers.riders if one.is_trial for line in offers.lines(one.path, one.way)}
        fit = [
            (-offer.most, entry.rank, entry)
            for entry, offer in found
            if offer.most > APART * known
            and entry.figures.late <= LOSSY
            and now - self._tried.get((entry.name, way), float("-inf")) >= TRIED
            and not tried.intersection(offers.lines(entry.name, way))
        ]
        return min(fit, key=lambda one: one[:2])[2] if fit else None

    def _offered(
        self, order: Sequence[Entry], way: Way, offers: Offers, can_take: CanTake, now: float, own: Bulk | None = None
    ) -> list[tuple[Entry, Offer]]:
        """The paths that can take it, of the best tier that has any."""
        fit = [entry for entry in order if entry.tier < Tier.STALLED and not entry.figures.is_late]
        fit = [entry for entry in fit if can_take(entry.name)]
        tier = min((entry.tier for entry in fit), default=Tier.DOWN)
        return [(entry, self._offer(entry, way, offers, own, now)) for entry in fit if entry.tier is tier]

    def _offer(self, entry: Entry, way: Way, offers: Offers, own: Bulk | None, now: float) -> Offer:
        offer = offers.offer(entry.name, way, own)
        speed, at = self._disappointed.get((entry.name, way), (0.0, float("-inf")))
        if now - at >= DISAPPOINTED:
            return offer
        return Offer(min(offer.known, speed), min(offer.most, speed))

    # ---- those that ride

    def moves(self, ranking: Ranking, offers: Offers, can_take: CanTake, now: float) -> list[BulkMove]:
        """Who leaves for a faster path; to be asked once a second, and to be done."""
        self._forget(offers.riders, now)
        found = []
        for bulk in list(offers.riders):
            move = self._move(ranking, bulk, offers, can_take, now) if bulk.stream not in self._moved else None
            if move is not None:
                found.append(move)
                offers.add(attrs.evolve(bulk, path=move.new, speed=move.expected, is_held=False))
                for other in offers.riders:  # it makes room for them, or is in their way
                    if other.path in (move.old, move.new):
                        self._held_since[other.stream] = now
        return found

    def _move(self, ranking: Ranking, bulk: Bulk, offers: Offers, can_take: CanTake, now: float) -> BulkMove | None:
        to = self._faster(ranking, bulk, offers, can_take, now) if bulk.is_held else None
        if to is None:
            self._held_since.pop(bulk.stream, None)
            return None
        if now - self._held_since.setdefault(bulk.stream, now) < HELD_FOR:
            return None
        del self._held_since[bulk.stream]
        self._moved[bulk.stream] = now
        here_known = offers.offer(bulk.path, bulk.way, bulk).known
        entry, offer = to
        if here_known > APART * bulk.speed:
            self._disappointed[bulk.path, bulk.way] = bulk.speed, now
        reason = Message("bulk.faster", times=offer.known / bulk.speed)
        return BulkMove(bulk.stream, bulk.path, entry.name, offer.known, reason)

    def _faster(
        self, ranking: Ranking, bulk: Bulk, offers: Offers, can_take: CanTake, now: float
    ) -> tuple[Entry, Offer] | None:
        here = ranking.by_name.get(bulk.path)
        group = None if here is None else ranking.exits.get(here.exit)
        if here is None or group is None or not bulk.speed:
            return None
        order = [entry for entry in group.order if bulk.within is None or entry.name in bulk.within]
        found = self._offered(order, bulk.way, offers, can_take, now, bulk)
        others = [(entry, offer) for entry, offer in found if entry is not here and entry.tier <= here.tier]
        to = best(others) if others else None
        return to if to is not None and to[1].known >= FASTER * bulk.speed else None

    def _forget(self, riders: Iterable[Bulk], now: float) -> None:
        known = {bulk.stream for bulk in riders}
        self._moved = {stream: at for stream, at in self._moved.items() if now - at < REST}
        self._held_since = {stream: at for stream, at in self._held_since.items() if stream in known}
        self._tried = {path: at for path, at in self._tried.items() if now - at < TRIED}
        self._disappointed = {path: one for path, one in self._disappointed.items() if now - one[1] < DISAPPOINTED}

    def __repr__(self) -> str:
        return f"<Placing {len(self._tried)} tried, {len(self._moved)} moved>"


def best(found: Sequence[tuple[Entry, Offer]]) -> tuple[Entry, Offer]:
    """The best known offer; of those that are alike the one that costs the least money, and then the best ranked."""
    most = max(offer.known for _, offer in found)
    alike = [(entry, offer) for entry, offer in found if offer.known >= ALIKE * most]
    return min(alike, key=lambda one: (one[0].figures.path.cost, one[0].rank))
