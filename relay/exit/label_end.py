"""The exit's end of one label, as it stands in the engine: opens what comes, answers heartbeats, knows where to send.

An end is *active* while flows use it or may at once: then it is silence that counts (see `is_silent`).
"""

import secrets
from collections.abc import Sequence
from typing import Protocol

from relay.datagram.end import DatagramEnd
from relay.datagram.latch import Latch
from relay.engine import DatagramOut, Where
from relay.wire import datagrams
from relay.wire.datagrams import ACTIVE, ANSWER, DEAF, HEAD_SIZE, Heartbeat

INTERVALS = 2.5
LEAST_SILENCE = 0.06
"""Seconds of silence, at least, that mean something; and of intervals that were told."""
DEAF_FOR = 5.0
"""Seconds for which an exit says that it hears nothing; then the label is not active any more."""


class DatagramReceiver(Protocol):
    """The session, as its labels see it."""

    def receive(self, end: "LabelEnd", inners: list[bytes], now: float) -> None:
        """Data or pieces have come by *end*."""

    def told(self, end: "LabelEnd", beat: Heartbeat, now: float) -> None:
        """A heartbeat has come by *end*, and was answered."""


class LabelEnd:
    """One label at the exit. What `on_…` gets is what its node's ports found under the label."""

    __slots__ = (
        "_moved_to",
        "_receiver",
        "_source",
        "deaf_told_at",
        "end",
        "interval",
        "is_active",
        "out",
        "unheard_until",
    )

    def __init__(self, end: DatagramEnd, receiver: DatagramReceiver) -> None:
        self.end = end
        self.out: DatagramOut | None = None
        """To where the ingress's side of it is; None before that has answered."""
        self.interval = 0.0
        """Seconds, as the ingress has said: it says something as often."""
        self.is_active = False
        self.unheard_until = 0.0
        """Until when the ingress is taken not to hear what goes by this label: it has said so by another."""
        self.deaf_told_at = 0.0
        self._receiver = receiver
        self._source: Latch[Where] = Latch()
        self._moved_to: Where | None = None

    @property
    def silent_at(self) -> float:
        """When nothing will have been heard for longer than there should be."""
        return self.end.heard_at + max(INTERVALS * self.interval, LEAST_SILENCE)

    def is_silent(self, now: float) -> bool:
        """Whether that is past."""
        return now >= self.silent_at

    # ---- in

    def on_run(self, data: bytes, size: int, where: Where, now: float) -> None:
        """Datagrams of one size have come, none of them a probe."""
        inners = self.end.receive_run(data, size, now)
        if inners:
            self._receiver.receive(self, inners, now)

    def on_probe(self, data: bytes, where: Where, now: float, *, is_sure: bool = False) -> None:
        """A probe has come. *is_sure*: by something that only its ingress has, so that it need not be asked."""
        beat = self.end.receive(data, now)
        if not isinstance(beat, Heartbeat):
            return
        self.interval, self.is_active = beat.interval, bool(beat.flags & ACTIVE)
        if is_sure:
            self._move(where)
        head = data[:HEAD_SIZE]
        asked = self._source.ask(where, head, secrets.token_bytes(8), now)
        if asked is not None:
            port, address, local = where
            port.send((asked,), len(asked), address, local)
        if not beat.flags & ANSWER:
            self.say(Heartbeat(ANSWER, size=len(data)), now)
        self._receiver.told(self, beat, now)

    def on_challenge(self, data: bytes, where: Where, now: float) -> None:
        """What was asked of an address has come back, perhaps: then it is where everything goes from now on."""
        if self._source.confirm(data, where, now):
            self._move(where)
            self.say(Heartbeat(ANSWER), now)

    def _move(self, where: Where) -> None:
        """Everything goes to *where* from now on."""
        port, address, local = where
        if self.out is None or where != self._moved_to:
            self._source.address = self._moved_to = where
            self.out = port.out(address, local)

    # ---- out

    def say(self, beat: Heartbeat, now: float) -> None:
        """Send a heartbeat, if it is known where to."""
        if self.out is not None and self.end.can_seal:
            flags = beat.flags | (ACTIVE if self.is_active else 0)
            full = Heartbeat(flags, self.interval, size=beat.size, deaf=beat.deaf)
            self.out.put(self.end.probe(now, full))

    def say_deaf(self, deaf: tuple[bytes, ...], now: float) -> None:
        """Say which labels of the session nothing is heard on, this one perhaps among them."""
        flags = DEAF if self.end.label in deaf else 0
        self.say(Heartbeat(flags, deaf=tuple(label for label in deaf if label != self.end.label)), now)

    def send(self, inners: Sequence[bytes]) -> None:
        """Send *inners*, if it is known where to."""
        if self.out is not None:
            self.out.put_all(self.end.seal_all(inners))

    @property
    def room(self) -> int:
        """Bytes of what is sealed that surely fit through the path."""
        return self.end.largest - HEAD_SIZE - datagrams.TAG_SIZE
