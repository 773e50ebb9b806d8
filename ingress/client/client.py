"""A client from its first byte until its bytes pass untouched, or for all its life if it speaks plain HTTP.

Carries out what the door asks, in order. A stream that asks for a tunnel is handed to a Tunnel and this object is
forgotten; a gateway's streams come and go behind it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ingress.client.tunnel import Tunnel
from ingress.doors.door import BEST_PIECE, Door
from ingress.doors.events import (
    Authenticate,
    Close,
    Event,
    FinishUpstream,
    Open,
    ResetUpstream,
    Send,
    Transparent,
    Upstream,
)
from ingress.doors.sniff import door_for
from relay import log
from relay.engine import Deadline, Tcp
from relay.model.cause import Cause

if TYPE_CHECKING:
    from ingress.client.client_stream import Opening
    from ingress.client.entrance import Front


class Client:
    """A `TcpOwner`. `upstream` is the door's current stream, open or opening."""

    __slots__ = (
        "_deadline",
        "_has_eof",
        "_is_reading",
        "address",
        "door",
        "front",
        "needs_password",
        "tcp",
        "upstream",
    )

    def __init__(self, front: "Front", address: str, needs_password: bool) -> None:
        self.front = front
        self.address = address
        self.needs_password = needs_password
        self.tcp: Tcp
        self.door: Door | None = None
        self.upstream: Opening | None = None
        self._deadline: Deadline[Client] | None = front.handshakes.add(self)
        self._is_reading = True
        self._has_eof = False

    # ---- from the socket

    def on_bytes(self, data: memoryview) -> None:
        door = self.door
        if door is None:
            door = self.door = door_for(data[0], self.front.settings(self.needs_password))
        for start in range(0, len(data), BEST_PIECE):
            if self.tcp.owner is not self:  # it became a tunnel, or is leaving
                self.tcp.owner.on_bytes(data[start:])
                return
            self.run(door.receive(bytes(data[start : start + BEST_PIECE])))

    def on_eof(self) -> None:
        self._has_eof = True
        if self.door is None:
            self.leave("left without a word")
        else:
            self.run(self.door.receive_eof())

    def on_writable(self) -> None:
        if self.upstream is not None:
            self.upstream.consume_all()

    def on_closed(self, error: OSError | None) -> None:
        self._end_upstream()
        self._forget_deadline()
        self.front.gone(self)

    # ---- what the door asks

    def drive(self, ask: Callable[..., list[Event]], *arguments: object) -> None:
        """Carry out what the door answers to *ask*. If it raises, this client is lost, and nobody who called."""
        try:
            self.run(ask(*arguments))
        except Exception as error:  # noqa: BLE001 - the caller serves others as well; it is logged
            self.front.loop.fail(self.tcp, error)

    def run(self, events: list[Event]) -> None:
        """Carry out *events*, in order."""
        for event in events:
            if self.tcp.closed:
                return
            kind = type(event)
            if kind is Send:
                self.tcp.write(event.data)  # type: ignore[union-attr]
            elif kind is Open:
                self.front.open(self, event.host, event.port)  # type: ignore[union-attr]
            elif kind is Transparent:
                self._become_tunnel(event.early)  # type: ignore[union-attr]
                return
            else:
                self._run_seldom(event)
        self.settle()

    def _run_seldom(self, event: Event) -> None:
        match event:
            case Upstream(data):
                if self.upstream is not None and self.upstream.stream is not None:
                    self.upstream.stream.write(data)
            case FinishUpstream():
                upstream, self.upstream = self.upstream, None
                if upstream is not None and upstream.stream is not None:
                    upstream.stream.finish()
            case ResetUpstream():
                self._end_upstream()
            case Authenticate(user, password):
                self.front.authenticate(self, user, password)
            case Close(reset, reason):
                self._close(reset, reason)

    def authenticated(self, accepted: bool) -> None:
        """The answer to the door's question about a user."""
        if self.door is not None and not self.tcp.closed:
            self.drive(self.door.authenticated, accepted)

    def opened(self) -> None:
        """There is a stream, or it was decided to say so."""
        if self.door is not None:
            self.drive(self.door.opened)

    def refused(self, cause: Cause) -> None:
        """There is none."""
        self.upstream = None
        if self.door is not None:
            self.drive(self.door.refused, cause)

    def _become_tunnel(self, early: bytes) -> None:
        opening = self.upstream
        assert opening is not None and opening.stream is not None
        self._forget_deadline()
        tunnel = Tunnel(opening, self)
        opening.stream.sink = tunnel
        self.tcp.owner = tunnel
        if early:
            opening.stream.write(early)
        tunnel.attach(self.tcp)
        if self._has_eof:
            tunnel.on_eof()
        elif not self._is_reading and opening.stream.may_write:
            self.tcp.resume()

    # ---- after every step

    def settle(self) -> None:
        """Something has changed: read on, or not; the handshake's clock runs, or not."""
        door = self.door
        if door is None or self.tcp.closed or self.tcp.owner is not self:
            return
        upstream = self.upstream
        reads = door.wants_client_bytes and not (upstream is not None and upstream.is_full)
        if reads != self._is_reading:
            self._is_reading = reads
            if reads:
                self.tcp.resume()
            else:
                self.tcp.pause()
        if not door.in_handshake:
            self._forget_deadline()
        elif self._deadline is None:
            self._deadline = self.front.handshakes.add(self)

    def expired(self) -> None:
        """The handshake took too long."""
        self._deadline = None
        if self.tcp.closed:
            return
        if self.door is None:
            self.leave("said nothing")
        elif self.door.in_handshake:
            self.drive(self.door.timed_out)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.done()
            self._deadline = None

    # ---- ends

    def leave(self, reason: str) -> None:
        """Close without a byte."""
        self._close(False, reason)

    def _close(self, reset: bool, reason: str) -> None:
        log.event("client-closed", level="debug", client=self.address, why=reason)
        self._end_upstream()
        self._forget_deadline()
        if reset:
            self.tcp.reset()
            self.front.gone(self)
        else:
            self.front.linger(self)

    def _end_upstream(self) -> None:
        upstream, self.upstream = self.upstream, None
        if upstream is not None:
            upstream.abandon()
