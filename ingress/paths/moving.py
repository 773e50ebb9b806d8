"""Puts streams on paths: when they are opened, when the choice says that they should leave one, when they lose their
carrier. Nothing else in the ingress attaches a stream to a carrier.

A rescue takes the streams of carriers that are silent, and no others: what still gets bytes is not stuck. Streams
without any carrier wait here until one is there.
"""

from collections.abc import Iterable, Mapping

from ingress.choice.choice import Choice
from ingress.choice.chooser import Chooser
from ingress.choice.moves import Move, MoveKind
from ingress.measure.pings import stall_after
from ingress.paths.live import LivePath
from ingress.paths.pairs import Pairs
from ingress.paths.pauses import Pauses
from relay import log
from relay.carrier.link import Link
from relay.engine import Loop
from relay.session.carrier import CarrierEnd
from relay.session.initiator import InitiatorStream
from relay.session.sink import Sink
from relay.session.stream import Stream

PATIENCE = 0.5
"""Seconds for which a stream without a carrier waits for proof that a path is sound. A line that is reset takes all its
paths within a moment: whoever jumps to the next of them at once, jumps again."""


class Moving:
    """Carries out what the choice decides. *live* are the paths at work, kept by whoever plans them."""

    def __init__(self, loop: Loop, live: Mapping[str, LivePath], chooser: Chooser) -> None:
        self._loop = loop
        self._live = live
        self._chooser = chooser
        self._detached: dict[Stream, LivePath] = {}
        self.pauses = Pauses(loop)
        self.pairs = Pairs(live, chooser, self._rejoin)

    # ---- new streams

    def open(self, choice: Choice, sink: Sink, now: float) -> InitiatorStream | None:
        """Open a stream as *choice* says; None if its path has no carrier now."""
        first: LivePath | None = None
        carriers: tuple[CarrierEnd, ...] = ()
        for name in choice.paths:
            live = self._live.get(name)
            if live is not None and live.thin is not None:
                first, carriers = first or live, (*carriers, live.thin.end)
        if first is None:
            return None
        demand = choice.demand
        stream = first.peer.session.open(demand.host, demand.port, sink, carriers, now)
        first.counters.opened += 1
        if demand.legs > 1:
            self.pairs.add(stream)
        log.event("stream-opened", level="debug", stream=stream.id, path=choice.paths[0], carrier=carriers[0].number)
        return stream

    def hedge(self, stream: InitiatorStream, choice: Choice) -> bool:
        """Say OPEN again over the path of *choice*, which ends at the same exit; False if it cannot carry it now."""
        live = self._live.get(choice.paths[0])
        if live is None or live.thin is None or not live.is_usable:
            return False
        self._rejoin(live, stream, (live.thin.end,))
        return True

    def open_patience(self, stream: Stream) -> float:
        """Seconds that the acknowledgement of an OPEN may take: a round trip, and what pings may be late by."""
        live = self.live_of(stream)
        if live is None:
            return 0.0
        pings = live.monitor.pings
        return stall_after(pings.srtt, pings.live_deviation, 0.0)

    def live_of(self, stream: Stream) -> LivePath | None:
        """The path that *stream* rides on (its first leg); None if it is detached, or the path was removed."""
        return self._live.get(stream.legs[0].carrier.name) if stream.legs else None

    def count_lost(self, choice: Choice, cause: str) -> None:
        """A stream that was opened as *choice* says was lost."""
        live = self._live.get(choice.paths[0])
        if live is not None:
            live.counters.count_lost(cause)

    # ---- moves

    def execute(self, move: Move) -> None:
        """Do what the choice decided."""
        old, new = self._live.get(move.old), self._live.get(move.new)
        if old is None or new is None or new.thin is None:
            return
        streams = self._concerned(old, move)
        if streams:
            self._note(old, streams, move)
        for stream in streams:
            if stream not in self.pairs or not self._leave_leg(stream, old):
                self._put(stream, new, planned=move.is_planned)

    def _concerned(self, old: LivePath, move: Move) -> list[Stream]:
        if move.kind is MoveKind.THIN:
            return [stream for stream in _riders(() if old.thin is None else (old.thin,)) if stream not in self.pairs]
        return _riders(old.links if move.is_planned else old.silent(self._loop.now))

    def _note(self, old: LivePath, streams: list[Stream], move: Move) -> None:
        kind = "streams-moved" if move.is_planned else "streams-rescued"
        log.event(kind, count=len(streams), path=move.old, to=move.new, why=move.reason)
        if move.is_planned:
            old.counters.moves += len(streams)
            return
        for stream in streams:
            self.pauses.begin(stream, old, max(leg.carrier.heard_at for leg in stream.legs))

    def _leave_leg(self, stream: Stream, old: LivePath) -> bool:
        """Take a redundant stream off *old*; False if it has no other leg. Another joins by `complete_pairs`."""
        kept = tuple(leg.carrier for leg in stream.legs if leg.carrier.name != old.name)
        if kept:
            self._rejoin(old, stream, kept)
        return bool(kept)

    def evacuate(self, live: LivePath, why: str) -> None:
        """*live* is about to be removed: everything leaves it, by plan, for the best other path to its exit."""
        streams, to = _riders(live.links), self._best_to_its_exit(live)
        if not streams or to is None:
            return
        for stream in streams:
            self._put(stream, to, planned=True)
        live.counters.moves += len(streams)
        log.event("streams-moved", count=len(streams), path=live.name, to=to.name, why=why)

    # ---- bulk

    def to_bulk(self, stream: Stream, link: Link, live: LivePath, why: str) -> None:
        """Give *stream* the bulk carrier *link* of *live*, which leads to its exit."""
        old = self.live_of(stream)
        if old is not None and old is not live:
            old.counters.moves += 1
            log.event("streams-moved", count=1, path=old.name, to=live.name, why=f"bulk: {why}")
        self._attach(live, [stream], (link.end,), planned=True)

    def to_thin(self, link: Link, live: LivePath) -> None:
        """Put what rides on the bulk carrier *link* back among the others of *live*."""
        streams = _riders([link])
        if live.thin is not None and streams and live.is_usable:
            self._attach(live, streams, (live.thin.end,), planned=True)

    # ---- streams without a carrier

    @property
    def detached(self) -> int:
        """How many streams have no carrier now."""
        return len(self._detached)

    def detach(self, live: LivePath, streams: list[Stream], heard: float) -> None:
        """The carrier of *streams*, on *live* and last heard at *heard*, is gone and they have no other."""
        for stream in streams:
            self._detached[stream] = live
            self.pauses.begin(stream, live, heard)

    def place_detached(self) -> None:
        """Once a round: put streams that have no carrier on the best path to their exit, if there is one."""
        self.pauses.forget_ended()
        waiting, self._detached = self._detached, {}
        refuges = {live: self._refuge(live) for live in set(waiting.values())}
        placed: dict[str, int] = {}
        for stream, live in waiting.items():
            if stream.is_over or stream.legs:
                continue
            to = refuges[live] or self._last_refuge(stream, live)
            if to is None:
                self._detached[stream] = live
                continue
            placed[to.name] = placed.get(to.name, 0) + 1
            self._put(stream, to, planned=False)
        for name, count in placed.items():
            log.event("streams-rescued", count=count, to=name, why="their carrier was lost")

    def _refuge(self, live: LivePath) -> LivePath | None:
        """Where the streams go that lost their carrier on *live*: where it is sound."""
        name = self._chooser.rescue(live.name)
        found = self._live.get(name) if name is not None else None
        return found if found is not None and found.is_usable else None

    def _last_refuge(self, stream: Stream, live: LivePath) -> LivePath | None:
        """Where *stream* goes if there is no such place: after a while, wherever anything answers."""
        return None if self.pauses.age(stream) < PATIENCE else self._best_to_its_exit(live)

    def _best_to_its_exit(self, live: LivePath) -> LivePath | None:
        """The best usable path to the exit of *live*, itself included if it is still in the file."""
        group = self._chooser.ranking.exits.get(live.peer.name)
        others = [self._live.get(entry.name) for entry in (group.order if group is not None else ())]
        for other in others:
            if other is not None and other is not live and other.is_usable:
                return other
        itself = self._live.get(live.name)
        return itself if itself is not None and itself.is_usable else None

    # ---- redundant streams

    def complete_pairs(self) -> None:
        """Once a round: redundant streams that have one leg get another."""
        for stream, joined in self.pairs.complete():
            first = stream.legs[0].carrier.name
            log.event("second-leg-joined", level="debug", stream=stream.id, path=first, to=joined.name)

    # ---- attaching

    def _put(self, stream: Stream, new: LivePath, *, planned: bool) -> None:
        """Put *stream* on *new*; what is bulk gets a bulk carrier if one is free, else shares until noticed."""
        assert new.thin is not None
        spare = new.spare() if any(leg.carrier.is_bulk for leg in stream.legs) else None
        self._attach(new, [stream], ((spare or new.thin).end,), planned=planned)

    def _rejoin(self, live: LivePath, stream: Stream, carriers: tuple[CarrierEnd, ...]) -> None:
        self._attach(live, [stream], carriers, planned=False)

    def _attach(
        self, live: LivePath, streams: Iterable[Stream], carriers: tuple[CarrierEnd, ...], *, planned: bool
    ) -> None:
        """Everything ends here. *live* is any path to the exit that *streams* have and *carriers* lead to."""
        live.peer.session.attach(streams, carriers, self._loop.now, planned=planned)


def _riders(links: Iterable[Link]) -> list[Stream]:
    return [stream for link in links for stream in link.riders]
