"""When something is told: after it has lasted, once, and once more when it is over. Pure.

What must stay true: whoever was told that something began is told that it ended, whatever happens in between, and is
told neither twice. What flaps is one event, until it was well for long enough; each event of the same thing within an
hour doubles what is long enough.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from ingress.alerts.notice import Effect, Fact, Key, Notice
from ingress.lru import Lru

GATHER: Final = 3.0
"""Seconds that the first to be told waits for others: a line that breaks takes paths and nodes with it."""
SETTLE: Final = 20.0
MOST_SETTLE: Final = 640.0
"""Seconds for which something must be well before it is told to be: at first, and at most."""
LATELY: Final = 3600.0
"""Seconds for which an event is remembered, to damp the next."""
MOST_REMEMBERED: Final = 256


@attrs.frozen
class _Event:
    since: float
    before: Effect
    why: str
    is_told: bool = False
    gone: float | None = None
    times: int = 1


class AlertWatch:
    """One alert's. *when* says of kinds for how many seconds they must be so; other kinds are no news."""

    def __init__(self, when: Mapping[str, float]) -> None:
        self._when = when
        self._events: dict[Key, _Event] = {}
        self._ends: Lru[Key, tuple[float, ...]] = Lru(MOST_REMEMBERED)
        """When events of it were over, of late."""
        self._gathering: float | None = None

    def look(self, facts: Iterable[Fact], effect: Effect, now: float) -> list[Notice]:
        """What is to be told at *now*, when *facts* are all that is wrong, and *effect* counts what became of streams
        so far."""
        present = {fact.key: fact for fact in facts if fact.kind in self._when}
        for key, fact in present.items():
            self._events[key] = self._seen(key, fact, effect, now)
        for key in [key for key in self._events if key not in present]:
            self._missed(key, now)
        return [*self._begun(effect, now), *self._ended(effect, now)]

    def told(self) -> list[tuple[Fact, float]]:
        """What was told to be wrong and not yet to be over, and since when it is."""
        return [(Fact(*key, event.why), event.since) for key, event in self._events.items() if event.is_told]

    def recall(self, fact: Fact, effect: Effect, since: float) -> None:
        """As `told` gave it before a restart: if it is not so any more, that will be told. Unless it is known already,
        or no news here."""
        if fact.kind in self._when:
            self._events.setdefault(fact.key, _Event(since, effect, fact.why, is_told=True))

    def _seen(self, key: Key, fact: Fact, effect: Effect, now: float) -> _Event:
        event = self._events.get(key)
        if event is None:
            return _Event(now, effect, fact.why)
        times = event.times + (event.gone is not None)
        return attrs.evolve(event, why=fact.why or event.why, gone=None, times=times)

    def _missed(self, key: Key, now: float) -> None:
        event = self._events[key]
        if not event.is_told:
            del self._events[key]
        elif event.gone is None:
            self._events[key] = attrs.evolve(event, gone=now)

    def _begun(self, effect: Effect, now: float) -> list[Notice]:
        due = [
            key for key, event in self._events.items() if not event.is_told and now - event.since >= self._when[key[0]]
        ]
        if not due:
            self._gathering = None
            return []
        self._gathering = now if self._gathering is None else self._gathering
        if now - self._gathering < GATHER:
            return []
        self._gathering = None
        return [self._tell(key, effect, now) for key in due]

    def _tell(self, key: Key, effect: Effect, now: float) -> Notice:
        event = self._events[key] = attrs.evolve(self._events[key], is_told=True)
        return Notice(*key, False, event.why, now - event.since, effect.since(event.before))

    def _ended(self, effect: Effect, now: float) -> list[Notice]:
        found = []
        for key, event in list(self._events.items()):
            if event.gone is not None and now - event.gone >= self._settle(key, now):
                del self._events[key]
                self._ends.put(key, (*self._recent(key, now), now))
                seconds = event.gone - event.since
                found.append(Notice(*key, True, event.why, seconds, effect.since(event.before), event.times))
        return found

    def _settle(self, key: Key, now: float) -> float:
        return min(SETTLE * 2.0 ** len(self._recent(key, now)), MOST_SETTLE)

    def _recent(self, key: Key, now: float) -> tuple[float, ...]:
        return tuple(at for at in self._ends.get(key) or () if now - at < LATELY)[-6:]

    def __repr__(self) -> str:
        return f"<AlertWatch: {sum(event.is_told for event in self._events.values())} told of {len(self._events)}>"
