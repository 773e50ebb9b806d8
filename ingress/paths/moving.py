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
from ingress.paths.bounds import BoundStreams, Paths, bounds_of
from ingress.paths.live import LivePath
from ingress.paths.pairs import Pairs
from ingress.paths.pauses import Pauses
from relay import log
from relay.carrier.link import Link
from relay.engine import Loop
from relay.model.cause import Cause
from relay.session.carrier import CarrierEnd
from relay.session.initiator import InitiatorStream
from relay.session.sink import Sink
from relay.session.stream import Stream

PATIENCE = 0.5
"""Seconds for which a stream without a carrier waits for proof that a path is sound. A line that is reset takes all its
paths within a moment: whoever jumps to the next of them at once, jumps again."""
KEPT = 60.0
"""Seconds for which a stream waits that may ride on some paths only, while none of them is there: as long as a session
lives without a carrier."""


class Moving:
    """Carries out what the choice decides. *live* are the paths at work, kept by whoever plans them."""

    def __init__(self, loop: Loop, live: Mapping[str, LivePath], chooser: Chooser) -> None:
        self._loop = loop
        self._live = live
        self._chooser = chooser
        self._detached: dict[Stream, LivePath] = {}
        self._bulky: set[Stream] = set()
        """Those of them that had a bulk carrier."""
        self.pauses = Pauses(loop)
        self.bounds = BoundStreams(loop)
        self.pairs = Pairs(live, chooser, self._rejoin, self._join)

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
        asks = self._chooser.asks_first_byte(demand, first.peer.name, now)
        stream = first.peer.session.open(demand.host, demand.port, sink, carriers, now, asks_first_byte=asks)
        first.counters.opened += 1
        stream.note = demand
        if demand.paths is not None:
            self.bounds.note(stream, demand)
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
            found = [stream for stream in _riders(() if old.thin is None else (old.thin,)) if stream not in self.pairs]
        else:
            found = _riders(old.links if move.is_planned else old.silent(self._loop.now))
        return [stream for stream in found if self._is_concerned(move, stream, old)] if self.bounds else found

    def _is_concerned(self, move: Move, stream: Stream, old: LivePath) -> bool:
        """Whether *move* is about *stream*: what fits its bounds alone, unless nothing there works and it may fall
        through."""
        bounds = bounds_of(stream)
        if bounds == move.within:
            return True
        has_none = move.within is None and not move.is_planned and not self._chooser.view(bounds).works(old.peer.name)
        return has_none and self.bounds.fall_through(stream) and bounds_of(stream) is None

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
        leaving: dict[Paths, list[Stream]] = {}
        for stream in _riders(live.links):
            leaving.setdefault(bounds_of(stream), []).append(stream)
        for bounds, streams in leaving.items():
            to = self._best_to_its_exit(live, bounds)
            if to is not None:
                self._leave(live, streams, to, why)

    def _leave(self, live: LivePath, streams: list[Stream], to: LivePath, why: str) -> None:
        """*streams* go from *live* to another path, by plan."""
        for stream in streams:
            self._put(stream, to, planned=True)
        live.counters.moves += len(streams)
        log.event("streams-moved", count=len(streams), path=live.name, to=to.name, why=why)

    def end_on(self, line: str, why: str) -> None:
        """*line* has long been closed, and nothing may ride on it any more: what has found no other path is reset, at
        both ends. What may fall through to paths that its rule does not name does so first; to be asked again."""
        for live in self._live.values():
            if line in live.path.lines and live.is_closed:
                self._bar(live, why)

    def _bar(self, live: LivePath, why: str) -> None:
        live.is_barred = True
        streams = [stream for stream in _riders(live.links) if not self._can_leave(stream, live)]
        for stream in streams:
            live.counters.count_lost(Cause.NO_PATH.word)
            stream.sink.on_reset(Cause.NO_PATH)
            stream.abort(Cause.NO_PATH)
        if streams:
            log.event("streams-ended", level="warning", count=len(streams), path=live.name, why=why)

    def _can_leave(self, stream: Stream, live: LivePath) -> bool:
        """Whether *stream* has left *live* by its other leg, or will by the next round."""
        return (stream in self.pairs and self._leave_leg(stream, live)) or self.bounds.fall_through(stream)

    def bring_home(self) -> None:
        """Once a round: what rides on a path that it may not any more goes, by plan, where it may."""
        self.bounds.forget_ended()
        for stream, bounds in self.bounds.astray():
            live = self.live_of(stream)
            to = None if live is None else self._best_to_its_exit(live, bounds)
            if live is not None and to is not None and to is not live:
                self._leave(live, [stream], to, "its rule")

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

    def detach(self, live: LivePath, end: CarrierEnd, streams: list[Stream]) -> None:
        """The carrier *end* of *live*, on which *streams* rode, is gone, and they have no other."""
        for stream in streams:
            self._detached[stream] = live
            self.pauses.begin(stream, live, end.heard_at)
        if end.is_bulk:
            self._bulky.update(streams)

    def place_detached(self) -> None:
        """Once a round: put streams that have no carrier on the best path to their exit, if there is one."""
        self.pauses.tell_over()
        self.pauses.forget_ended()
        waiting, self._detached = self._detached, {}
        refuges: dict[tuple[LivePath, Paths], LivePath | None] = {}
        placed: dict[str, int] = {}
        for stream, live in waiting.items():
            if stream.is_over or stream.legs:
                continue
            key = live, bounds_of(stream)
            if key not in refuges:
                refuges[key] = self._refuge(*key)
            to = refuges[key] or self._last_refuge(stream, live)
            if to is None:
                self._wait_on(stream, live)
                continue
            placed[to.name] = placed.get(to.name, 0) + 1
            self._put(stream, to, planned=False)
        self._bulky.intersection_update(self._detached)
        for name, count in placed.items():
            log.event("streams-rescued", count=count, to=name, why="their carrier was lost")

    def _wait_on(self, stream: Stream, live: LivePath) -> None:
        """There is no place for *stream* now. One that may not ride on every path does not wait for ever: its session
        may live by others."""
        if bounds_of(stream) is not None and self.pauses.age(stream) >= KEPT:
            stream.sink.on_reset(Cause.SESSION_EXPIRED)
            stream.abort(Cause.SESSION_EXPIRED)
        else:
            self._detached[stream] = live

    def _refuge(self, live: LivePath, bounds: Paths) -> LivePath | None:
        """Where the streams go that lost their carrier on *live*: where it is sound."""
        name = self._chooser.view(bounds).rescue(live.name)
        found = self._live.get(name) if name is not None else None
        return found if found is not None and found.is_usable else None

    def _last_refuge(self, stream: Stream, live: LivePath) -> LivePath | None:
        """Where *stream* goes if there is no such place: after a while, wherever anything answers."""
        if self.pauses.age(stream) < PATIENCE:
            return None
        to = self._best_to_its_exit(live, bounds_of(stream))
        if to is None and self.bounds.fall_through(stream):
            return self._last_refuge(stream, live)
        return to

    def _best_to_its_exit(self, live: LivePath, bounds: Paths) -> LivePath | None:
        """The best usable path to the exit of *live*, itself included if it is still in the file, within *bounds*."""
        others = [self._live.get(entry.name) for entry in self._chooser.view(bounds).order(live.peer.name)]
        for other in others:
            if other is not None and other is not live and other.is_usable:
                return other
        itself = self._live.get(live.name) if bounds is None or live.name in bounds else None
        return itself if itself is not None and itself.is_usable else None

    # ---- redundant streams

    def complete_pairs(self) -> None:
        """Once a round: redundant streams that have one leg get another."""
        for stream, joined in self.pairs.complete():
            first = stream.legs[0].carrier.name
            log.event("second-leg-joined", level="debug", stream=stream.id, path=first, to=joined.name)

    # ---- attaching

    def _put(self, stream: Stream, new: LivePath, *, planned: bool) -> None:
        """Put *stream* on *new*; what is bulk goes on a bulk carrier if there is any, else shares until noticed."""
        assert new.thin is not None
        is_bulk = stream in self._bulky or any(leg.carrier.is_bulk for leg in stream.legs)
        link = new.bulk_refuge() if is_bulk else None
        self._attach(new, [stream], ((link or new.thin).end,), planned=planned)

    def _rejoin(self, live: LivePath, stream: Stream, carriers: tuple[CarrierEnd, ...]) -> None:
        self._attach(live, [stream], carriers, planned=False)

    def _join(self, live: LivePath, stream: InitiatorStream) -> None:
        assert live.thin is not None
        live.peer.session.join(stream, live.thin.end, self._loop.now)

    def _attach(
        self, live: LivePath, streams: Iterable[Stream], carriers: tuple[CarrierEnd, ...], *, planned: bool
    ) -> None:
        """Everything ends here. *live* is any path to the exit that *streams* have and *carriers* lead to."""
        live.peer.session.attach(streams, carriers, self._loop.now, planned=planned)


def _riders(links: Iterable[Link]) -> list[Stream]:
    return [stream for link in links for stream in link.riders]
