"""One of a client's streams while its door stays in between, under the number that the door calls it by."""

from collections.abc import Callable
from typing import Protocol

from ingress.client.client_stream import ClientStream
from ingress.doors.door import BEST_PIECE, Door
from ingress.doors.events import Event
from relay.model.cause import Cause


class LaneOwner(Protocol):
    """The client, as its lanes see it."""

    @property
    def has_unsent(self) -> bool:
        """Whether bytes for the client wait at its socket."""

    @property
    def backlog(self) -> int:
        """Bytes for the client that wait in the kernel, or in this process."""

    @property
    def is_tunnel(self) -> bool:
        """Whether its door has let go of it."""

    def drive(self, ask: Callable[..., list[Event]], *arguments: object) -> None:
        """Carry out what the door answers to *ask*."""

    def settle(self) -> None:
        """Something has changed."""

    def drop(self) -> None:
        """End the connection without a word."""

    def forget(self, lane: "LaneHolder") -> None:
        """It holds its stream no more."""


class LaneHolder:
    """A `StreamHolder`: tells the door what its stream says, until it lets go."""

    __slots__ = ("_door", "_owner", "number", "upstream")

    def __init__(self, owner: LaneOwner, door: Door, number: int) -> None:
        self._owner = owner
        self._door = door
        self.number = number
        self.upstream: ClientStream | None = None
        """Open or waiting; None before and after."""

    def let_go(self) -> ClientStream | None:
        """Hold the stream no more. Returns it, if there is one."""
        upstream, self.upstream = self.upstream, None
        if upstream is not None:
            upstream.let_go()
        self._owner.forget(self)
        return upstream

    def finish(self) -> None:
        """It has served. What still comes is dropped, and what came is dropped now."""
        upstream = self.let_go()
        if upstream is not None:
            upstream.consume_all()
            upstream.finish()

    def reset(self) -> None:
        """It is of no more use."""
        upstream = self.let_go()
        if upstream is not None:
            upstream.reset()

    # ---- as the holder of its stream

    @property
    def has_unsent(self) -> bool:
        """Whether bytes for the client wait in this process: at its socket, or in the door for others to go first."""
        gateway = self._door.gateway
        return self._owner.has_unsent or (gateway is not None and gateway.holds_back(self.number))

    @property
    def backlog(self) -> int:
        """As `LaneOwner.backlog`."""
        return self._owner.backlog

    def on_stream_data(self, data: memoryview) -> None:
        """Bytes of the target, for a door that stays in between."""
        gateway = self._door.gateway
        for start in range(0, len(data), BEST_PIECE):
            upstream = self.upstream
            if upstream is None or gateway is None:
                return
            if self._owner.is_tunnel:
                upstream.pass_on(data[start:])
                return
            self._owner.drive(gateway.receive_upstream, bytes(data[start : start + BEST_PIECE]), self.number)

    def on_stream_fin(self) -> None:
        """The target's bytes have ended."""
        gateway = self._door.gateway
        if gateway is not None:
            self._owner.drive(gateway.upstream_eof, self.number)

    def on_stream_room(self) -> None:
        """The stream may be written to again."""
        self._owner.settle()

    def on_stream_opened(self) -> None:
        """There is a stream, or it was decided to say so."""
        self._owner.drive(self._door.opened, self.number)

    def on_stream_refused(self, cause: Cause) -> None:
        """There is none."""
        upstream = self.let_go()
        if cause is Cause.DROPPED:
            self._owner.drop()
            return
        rule = "" if upstream is None else upstream.demand.ruled
        self._owner.drive(self._door.refused, cause, self.number, rule)

    def on_stream_reset(self, cause: Cause) -> None:
        """The stream was told as opened, and is gone."""
        gateway = self._door.gateway
        if gateway is not None:
            self.let_go()
            self._owner.drive(gateway.upstream_reset, cause, self.number)
