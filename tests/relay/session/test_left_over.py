"""Nothing is left over: whatever was under way when one carrier died, both ends forget every stream that has ended.

Unlike in test_machine, the carriers that live are never touched again: what one end has forgotten and the other has not
must be settled by what is said of its own accord. Such cases are rare, so many short histories are played.
"""

import random

import pytest

from relay.session.stream import Stream
from tests.relay.session.pair import EXIT, INGRESS, PLENTY, SessionPair

CARRIERS = (0, 1, 2)
HISTORIES = 400


class History:
    """One session, played at random from *seed*."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.pair = SessionPair(carriers=len(CARRIERS))
        self.streams: list[Stream] = []
        self.finished: set[Stream] = set()

    def some_carriers(self) -> list[int]:
        return self.chance.sample(CARRIERS, self.chance.choice((1, 2, 2)))

    def act(self) -> None:
        """One step of many: pulls and deliveries in part, streams that begin, speak, end and move, time."""
        chance, pair = self.chance, self.pair
        match chance.choice("oieppdddtam"):
            case "o" if len(self.streams) < 4:
                self.streams.append(pair.open(*self.some_carriers()))
            case "i" if self.streams:
                self.speak(chance.choice(self.streams))
            case "e" if pair.sinks[EXIT]:
                self.speak(chance.choice(list(pair.sinks[EXIT].values())).stream)
            case "p":
                pair.pull(chance.choice(CARRIERS), chance.choice((EXIT, INGRESS)))
            case "d":
                most = chance.choice((5, 30, 100, PLENTY))
                pair.deliver(chance.choice(CARRIERS), most, towards=chance.choice((EXIT, INGRESS)))
            case "t":
                pair.advance(chance.choice((0.001, 0.01, 0.03, 0.06)))
            case "a":
                pair.ping(chance.choice(CARRIERS))
            case "m" if self.streams and chance.random() < 0.4:
                moved = [chance.choice(self.streams)]
                pair.attach(moved, *self.some_carriers(), planned=chance.random() < 0.4)

    def speak(self, stream: Stream) -> None:
        if stream not in self.finished:
            stream.write(b"x" * self.chance.choice((1, 100, 20_000)))
            if self.chance.random() < 0.9:
                self.finish(stream)

    def finish(self, stream: Stream) -> None:
        self.finished.add(stream)
        stream.finish()

    def end(self) -> None:
        """One carrier dies, or none; what rode on it alone goes elsewhere, and everybody ends what is open."""
        dead = self.chance.choice((*CARRIERS, None))
        if dead is not None:
            self.pair.kill(dead)
            detached = [one for one in self.pair.ingress.streams.values() if not one.legs]
            self.pair.attach(detached, next(one for one in CARRIERS if one != dead))
        self.pair.run()
        for stream in [*self.streams, *(sink.stream for sink in self.pair.sinks[EXIT].values())]:
            if stream not in self.finished:
                self.finish(stream)
        self.pair.run()
        self.pair.run()


@pytest.mark.parametrize("block", range(5))
def test_every_stream_that_has_ended_is_forgotten(block: int) -> None:
    for seed in range(block * HISTORIES, (block + 1) * HISTORIES):
        history = History(seed)
        for _ in range(history.chance.randint(20, 90)):
            history.act()
        history.end()
        history.pair.assert_forgotten()
