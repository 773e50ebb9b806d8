"""Moves streams from way to way, as the choice says; it decides nothing but which carriers stand for a path.

A rescue takes the streams of carriers that are silent, and no others: what still gets bytes is not stuck. Streams
without any carrier wait here until one is there.
"""

from typing import TYPE_CHECKING

import attrs

from ingress.choice.moves import Kind, Move, is_worse
from ingress.measure.health import State
from relay import log
from relay.session.initiator import InitiatorStream
from relay.session.stream import Stream

if TYPE_CHECKING:
    from ingress.paths.fleet import Fleet
    from ingress.paths.live import Way


PATIENCE = 0.5
"""Seconds for which a stream without a carrier waits for proof that a path is sound. A line that is reset takes all its
paths within a moment: whoever jumps to the next of them at once, jumps again."""


@attrs.frozen
class Pause:
    """A stream that a rescue has moved and that nobody answered yet."""

    way: "Way"
    since: float
    """When what it rode on was last heard."""
    at: float
    """When it was moved, or was thrown off."""


class Steer:
    """Carries out moves, and remembers who waits."""

    def __init__(self, fleet: "Fleet") -> None:
        self._fleet = fleet
        self._adrift: dict[Stream, Way] = {}
        self._pauses: dict[Stream, Pause] = {}
        self.redundant: set[Stream] = set()
        """Streams that want two legs."""

    # ---- moves

    def execute(self, move: Move) -> None:
        """Do what the choice decided."""
        old, new = self._fleet.ways.get(move.old), self._fleet.ways.get(move.new)
        if old is None or new is None or new.thin is None:
            return
        streams = self._concerned(old, move)
        if not streams:
            return
        self._note(old, streams, move)
        for stream in streams:
            if stream not in self.redundant or not self._leave_leg(stream, old):
                self._attach(stream, new, planned=move.is_planned)

    def _concerned(self, old: "Way", move: Move) -> list[Stream]:
        now = self._fleet.loop.now
        if move.kind is Kind.BULK:
            return [leg.stream for link in old.bulk for leg in link.end.legs.values() if leg.stream.id == move.stream]
        links = list(old.links) if move.is_planned else old.silent(now)
        if move.kind is Kind.THIN:
            riders = [] if old.thin is None else [leg.stream for leg in old.thin.end.legs.values()]
            return [stream for stream in riders if stream not in self.redundant]
        return [leg.stream for link in links for leg in link.end.legs.values()]

    def _note(self, old: "Way", streams: list[Stream], move: Move) -> None:
        kind = "streams-moved" if move.is_planned else "streams-rescued"
        log.event(kind, count=len(streams), path=move.old, to=move.new, why=move.reason)
        if move.is_planned:
            old.tally.moves += len(streams)
            return
        for stream in streams:
            self._pause(stream, old, max(leg.carrier.heard_at for leg in stream.legs))

    def _pause(self, stream: Stream, old: "Way", heard: float) -> None:
        self._pauses.setdefault(stream, Pause(old, heard, self._fleet.loop.now))

    def _attach(self, stream: Stream, new: "Way", *, planned: bool) -> None:
        """Put *stream* on *new*; what is bulk gets a bulk carrier if one is free, else shares until noticed."""
        assert new.thin is not None
        spare = new.spare() if any(leg.carrier.is_bulk for leg in stream.legs) else None
        link = new.thin if spare is None else spare
        new.peer.session.attach([stream], (link.end,), self._fleet.loop.now, planned=planned)

    def _leave_leg(self, stream: Stream, old: "Way") -> bool:
        """Take a redundant stream off *old*; False if it has no other leg. Another joins by `complete_pairs`."""
        kept = tuple(leg.carrier for leg in stream.legs if leg.carrier.name != old.path.name)
        if kept:
            old.peer.session.attach([stream], kept, self._fleet.loop.now, planned=False)
        return bool(kept)

    def evacuate(self, way: "Way") -> None:
        """*way* is about to be removed: everything leaves it, by plan, for the best other way to its exit."""
        to = self.best_way(way)
        if to is not None:
            streams = [leg.stream for link in way.links for leg in link.end.legs.values()]
            for stream in streams:
                self._attach(stream, to, planned=True)
            way.tally.moves += len(streams)
            log.event("streams-moved", count=len(streams), path=way.path.name, to=to.path.name, why=way.tally.leaving)

    # ---- streams without a carrier

    def adrift(self, way: "Way", streams: list[Stream], heard: float) -> None:
        """The carrier of *streams*, on *way* and last heard at *heard*, is gone and they have no other."""
        for stream in streams:
            self._adrift[stream] = way
            self._pause(stream, way, heard)

    def place_adrift(self) -> None:
        """Put whoever has no carrier on the best way there is; and whoever waits on a silent one, once there is one."""
        self._pauses = {stream: pause for stream, pause in self._pauses.items() if not stream.is_over}
        waiting, self._adrift = self._adrift, {}
        refuges = {way: self._refuge(way) for way in set(waiting.values())}
        placed: dict[str, int] = {}
        for stream, way in waiting.items():
            if stream.is_over or stream.legs:
                continue
            to = refuges[way] or self._last_refuge(stream, way)
            if to is None:
                self._adrift[stream] = way
                continue
            placed[to.path.name] = placed.get(to.path.name, 0) + 1
            self._attach(stream, to, planned=False)
        for name, count in placed.items():
            log.event("streams-rescued", count=count, to=name, why="their carrier was lost")

    def _refuge(self, way: "Way") -> "Way | None":
        """Where the streams go that were thrown off *way*: where it is sound."""
        name = self._fleet.chooser.rescue(way.path.name)
        found = self._fleet.ways.get(name) if name is not None else None
        return found if found is not None and found.is_usable else None

    def _last_refuge(self, stream: Stream, way: "Way") -> "Way | None":
        """Where *stream* goes if there is no such place: after a while, wherever anything answers."""
        pause = self._pauses.get(stream)
        if pause is not None and self._fleet.loop.now - pause.at < PATIENCE:
            return None
        return self.best_way(way)

    def best_way(self, way: "Way") -> "Way | None":
        """The best usable way to the exit of *way*, itself included if it is still in the file."""
        group = self._fleet.chooser.ranking.exits.get(way.peer.name)
        ways = [self._fleet.ways.get(entry.name) for entry in (group.order if group is not None else ())]
        usable = [one for one in ways if one is not None and one is not way and one.is_usable]
        sound = [one for one in usable if one.gauge.health.state is State.UP or one.gauge.health.state is State.HELD]
        if sound:
            return sound[0]
        itself = self._fleet.ways.get(way.path.name)
        return itself if itself is not None and itself.is_usable else None

    # ---- redundant streams

    def complete_pairs(self) -> None:
        """Give every redundant stream that has one leg a second one, over a path that shares no line with it."""
        for stream in list(self.redundant):
            if stream.is_over:
                self.redundant.discard(stream)
            elif len(stream.legs) == 1:
                self._add_partner(stream)

    def improve_pairs(self) -> None:
        """Once a second: redundant streams of which a leg is much worse than in the best pair change to that."""
        entries = self._fleet.chooser.ranking.by_name
        for stream in self.redundant:
            costs = sorted(entries[leg.carrier.name].cost for leg in stream.legs if leg.carrier.name in entries)
            pair = self._pair(stream) if len(costs) > 1 else ()
            wanted = [entries[way.path.name].cost for way in pair]
            if pair and any(is_worse(has, better) for has, better in zip(costs, sorted(wanted), strict=True)):
                carriers = tuple(way.thin.end for way in pair if way.thin is not None)
                pair[0].peer.session.attach([stream], carriers, self._fleet.loop.now, planned=False)

    def _pair(self, stream: Stream) -> "tuple[Way, ...]":
        """The best two usable ways for *stream*, or nothing."""
        way = self._fleet.ways.get(stream.legs[0].carrier.name)
        names = None if way is None else self._fleet.chooser.pair(way.peer.name)
        ways = tuple(self._fleet.ways[name] for name in names or () if name in self._fleet.ways)
        return ways if len(ways) == 2 and all(one.is_usable for one in ways) else ()

    def _add_partner(self, stream: Stream) -> None:
        carrier = stream.legs[0].carrier
        name = self._fleet.chooser.partner(carrier.name)
        partner = self._fleet.ways.get(name) if name is not None else None
        if partner is not None and partner.thin is not None and partner.is_usable:
            carriers = (carrier, partner.thin.end)
            stream.session.attach([stream], carriers, self._fleet.loop.now, planned=False)  # type: ignore[attr-defined]
            log.event("second-leg-joined", level="debug", stream=stream.id, path=carrier.name, to=partner.path.name)

    # ---- what came of it

    def resumed(self, stream: InitiatorStream) -> None:
        """The exit has answered the newest attachment of *stream*."""
        pause = self._pauses.pop(stream, None)
        if pause is None:
            return
        seconds = self._fleet.loop.now - pause.since
        pause.way.tally.resumes += 1
        pause.way.tally.paused(seconds)
