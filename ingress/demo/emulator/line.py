"""A line's conditions, the commands that change them, and what a dial meets. Pure: sockets are elsewhere.

What must stay true: `heal` brings back exactly the conditions that the line began with.
"""

import enum
from collections.abc import Callable
from random import Random

import attrs

from ingress.demo.emulator.flight import OneWay
from ingress.demo.emulator.units import parse_duration, parse_rate, parse_share


class Dial(enum.Enum):
    """What becomes of a dial."""

    ANSWERED = enum.auto()
    REFUSED = enum.auto()
    SILENT = enum.auto()


class BadCommand(ValueError):
    """A command that cannot be obeyed; the text says why."""


@attrs.frozen
class Conditions:
    """What a line is like. Seconds; shares from 0 to 1; bytes per second."""

    round_trip: float = 0.0
    jitter: float = 0.0
    """The most that chance adds to a round trip."""
    loss: float = 0.0
    rate: float | None = None


class EmulatedLine:
    """One line as it is now."""

    def __init__(self, name: str, conditions: Conditions) -> None:
        self.name = name
        random = Random(name)
        self.towards = OneWay(random)
        self.back = OneWay(random)
        self.dial = Dial.ANSWERED
        self.is_deaf = False
        """It carries no datagrams, as what many sell as a line."""
        self._healthy = conditions
        self.conditions = conditions
        self._apply(conditions)

    def _apply(self, conditions: Conditions) -> None:
        self.conditions = conditions
        for way in (self.towards, self.back):
            way.set_conditions(conditions.round_trip, conditions.jitter, conditions.loss, conditions.rate)

    def _block(self, *, towards: bool, back: bool) -> None:
        self.towards.block(towards)
        self.back.block(back)

    def heal(self) -> None:
        """Everything as it was at the beginning."""
        self._apply(self._healthy)
        self.dial = Dial.ANSWERED
        self.is_deaf = False
        self._block(towards=False, back=False)
        for way in (self.towards, self.back):
            way.police(None)

    def blackhole(self, way: str = "both") -> None:
        """Nothing passes on *way* (towards the node, back, both) and nothing is closed; no dial is answered."""
        if way not in ("towards", "back", "both"):
            raise BadCommand(f"{way}: not one of towards, back, both")
        self.dial = Dial.SILENT
        self._block(towards=way != "back", back=way != "towards")

    def freeze(self) -> None:
        """Dials are answered and nothing passes: a program that hangs behind a kernel that lives."""
        self.dial = Dial.ANSWERED
        self._block(towards=True, back=True)

    def refuse(self) -> None:
        """Dials are refused; the caller resets what is open."""
        self.dial = Dial.REFUSED

    def deafen(self) -> None:
        """No datagram passes; connections go on as ever."""
        self.is_deaf = True

    def police(self, rate: str) -> None:
        """No more than *rate*, as in 250KB/s, of datagrams passes each way, but for a burst; connections go on as
        ever."""
        for way in (self.towards, self.back):
            way.police(quantity(parse_rate, rate))

    def slow(self, added: str) -> None:
        """*added* comes on top of the round trip that the line began with."""
        round_trip = self._healthy.round_trip + quantity(parse_duration, added)
        self._apply(attrs.evolve(self.conditions, round_trip=round_trip))

    def jitter(self, most: str) -> None:
        """Up to *most* is added to each round trip, by chance."""
        self._apply(attrs.evolve(self.conditions, jitter=quantity(parse_duration, most)))

    def lose(self, share: str) -> None:
        """*share*, as in 1%, of the segments and datagrams is lost each way."""
        self._apply(attrs.evolve(self.conditions, loss=quantity(parse_share, share)))

    def limit(self, rate: str) -> None:
        """No more than *rate*, as in 50KB/s, passes each way."""
        self._apply(attrs.evolve(self.conditions, rate=quantity(parse_rate, rate)))


def quantity(parse: Callable[[str], float], text: str) -> float:
    """What *parse* makes of *text*."""
    try:
        return parse(text)
    except ValueError as error:
        raise BadCommand(str(error)) from error
