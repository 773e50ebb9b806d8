"""A client from its first byte until its bytes pass untouched, or for all its life if it speaks plain HTTP.

Carries out what the door asks, in order. A stream that asks for a tunnel is handed to a Tunnel and this object is
forgotten; a gateway's streams come and go behind it.
"""

import socket
from collections.abc import Callable
from typing import Protocol

from ingress.client.association import ClientAssociation
from ingress.client.closing import Closing
from ingress.client.door_turns import DoorTurns
from ingress.client.flows import AssociationClient
from ingress.client.lane import LaneHolder
from ingress.client.opener import NotOpened, Opener
from ingress.client.passwords import Question
from ingress.client.tunnel import Tunnel
from ingress.doors.door import BEST_PIECE, Door, DoorSettings, Gateway
from ingress.doors.events import (
    Associate,
    Authenticate,
    Close,
    Event,
    FinishUpstream,
    Open,
    Released,
    ResetUpstream,
    Send,
    Transparent,
    Upstream,
)
from ingress.doors.sniff import door_for
from relay import log
from relay.engine import Deadline, Deadlines, Loop, Tcp
from relay.model.cause import Cause
from relay.model.network import Address
from relay.strangers import Stranger, Strangers


class ClientContext(Protocol):
    """What clients are given by whoever lets them in. It changes with a reload; clients read it when they need it."""

    loop: Loop
    opener: Opener
    closing: Closing
    door_turns: DoorTurns
    handshakes: "Deadlines[Client]"
    idles: "Deadlines[Client]"
    strangers: Strangers
    """Those of which a password is needed, until one was right."""
    newcomers: Strangers
    """The others, until they have asked for something."""

    def settings(self, needs_password: bool) -> DoorSettings:
        """For the doors of clients that need a password, or do not."""

    def authenticate(
        self, address: str, user: bytes, password: bytes, answer: Callable[[bool], None]
    ) -> bool | Question:
        """Whether the password is right, if that needs no hashing; else *answer* is called later, from the loop."""

    def associate(
        self, local: str, who: AssociationClient, asked: Associate, on_evicted: Callable[[], None]
    ) -> tuple[ClientAssociation, tuple[str, int]] | Cause | None:
        """An association for the client *who*, and where it is to send to; why there is none for
        this one; None if there is none for anybody."""

    def gone(self) -> None:
        """A client's connection has ended; called once for each."""

    def count_idle(self) -> None:
        """A kept connection is closed because nothing came on it."""


class Client:
    """A `TcpOwner`, and the `LaneOwner` of its door's streams, open or waiting."""

    __slots__ = (
        "_association",
        "_context",
        "_deadline",
        "_has_eof",
        "_idle",
        "_is_reading",
        "_lanes",
        "_listen",
        "_question",
        "_stranger",
        "_strangers",
        "address",
        "door",
        "is_behind",
        "needs_password",
        "tcp",
    )

    def __init__(
        self,
        context: ClientContext,
        sock: socket.socket,
        address: str,
        *,
        needs_password: bool,
        listen: Address | None = None,
    ) -> None:
        """*listen* is the address that it came in by, as the file has it."""
        self.address = address
        self._listen = listen
        self.needs_password = needs_password
        self.is_behind = False
        """Its door has bytes left to read, and waits for its turn (see `DoorTurns`)."""
        self.door: Door | None = None
        self._lanes: list[LaneHolder] = []  # a list, since there is one, and seldom up to six
        self._association: ClientAssociation | None = None
        self._context = context
        self._deadline: Deadline[Client] | None = context.handshakes.add(self)
        self._strangers = context.strangers if needs_password else context.newcomers
        self._stranger: Stranger | None = self._strangers.admit(address, self._make_room)
        self._question: Question | None = None
        self._idle: Deadline[Client] | None = None
        self._is_reading = True
        self._has_eof = False
        self.tcp = Tcp(context.loop, sock, self, is_armed=True)
        self.tcp.read_at_most(BEST_PIECE)

    def start(self, door: Door, events: list[Event]) -> None:
        """This client speaks no protocol that would tell its door: it is *door*, which begins with *events*."""
        self.door = door
        self.run(events)

    # ---- from the socket

    def on_bytes(self, data: memoryview) -> None:
        """The client has said something: the first byte tells its door, which is given all of it in pieces. Once the
        door has let go of the socket, the rest goes to whoever has it."""
        door = self.door
        if door is None:
            door = self.door = door_for(
                data[0], self._context.settings(self.needs_password), self._context.door_turns.budget
            )
        for start in range(0, len(data), BEST_PIECE):
            if self.tcp.owner is not self:  # it became a tunnel, or is leaving
                self.tcp.owner.on_bytes(data[start:])
                return
            self.run(door.receive(bytes(data[start : start + BEST_PIECE])))

    def on_eof(self) -> None:
        """The client will say no more. It may still wait for its answer: its door knows."""
        self._has_eof = True
        if self.door is None:
            self._close(False, "left without a word")
        else:
            self.run(self.door.receive_eof())

    def on_writable(self) -> None:
        """The client has taken all it was owed: the target may send as much again."""
        for lane in self._lanes:
            if lane.upstream is not None:
                lane.upstream.consume_all()

    def on_closed(self, error: OSError | None) -> None:
        """The connection is over, however: its stream is given up, and the context told once."""
        self._reset_streams()
        self._leave_handshake()
        self._end_association()
        self._gone()

    # ---- what the door asks

    def drive(self, ask: Callable[..., list[Event]], *arguments: object) -> None:
        """Carry out what the door answers to *ask*. If it raises, this client is lost, and nobody who called."""
        try:
            self.run(ask(*arguments))
        except Exception as error:  # noqa: BLE001 - the caller serves others as well; it is logged
            self._context.loop.fail(self.tcp, error)

    def run(self, events: list[Event]) -> None:
        """Carry out *events*, in order, and what the door answers to the questions among them. Raises what the door
        raises."""
        while events:
            events = self._carry_out(events)
        self.settle()

    def _carry_out(self, events: list[Event]) -> list[Event]:
        """What is to be done next: a question stands last, so that nothing is left behind it."""
        for event in events:
            if self.tcp.closed:
                return []
            kind = type(event)
            if kind is Send:
                self.tcp.write(event.data)  # type: ignore[union-attr]
            elif kind is Open:
                return self._open(event)  # type: ignore[arg-type]
            elif kind is Transparent:
                self._become_tunnel(event)  # type: ignore[arg-type]
            elif kind is Authenticate:
                return self._authenticate(event)  # type: ignore[arg-type]
            elif kind is Associate:
                return self._associate(event)  # type: ignore[arg-type]
            else:
                self._carry_out_seldom(event)
        return []

    def _carry_out_seldom(self, event: Event) -> None:
        match event:
            case Upstream(data, number):
                if (lane := self._lane(number)) is not None and lane.upstream is not None:
                    lane.upstream.write(data)
            case FinishUpstream(number):
                if (lane := self._lane(number)) is not None:
                    lane.finish()
            case ResetUpstream(number):
                if (lane := self._lane(number)) is not None:
                    lane.reset()
            case Released(number):
                if (lane := self._lane(number)) is not None and lane.upstream is not None:
                    lane.upstream.consume_all()
            case Close(reset, reason):
                self._close(reset, reason)

    def _open(self, asked: Open) -> list[Event]:
        """Ask for a stream; what the door says to that, if it can be told now."""
        door = self.door
        assert door is not None
        lane = LaneHolder(self, door, asked.lane)
        found = self._context.opener.open(lane, asked.host, asked.port, self.address, door.user or "", self._listen)
        if isinstance(found, NotOpened):
            if found.cause is Cause.DROPPED:
                self.drop()
                return []
            return door.refused(found.cause, asked.lane, found.rule)
        lane.upstream = found
        self._lanes.append(lane)
        return door.opened(asked.lane) if found.is_answered else door.opening(asked.lane)

    def drop(self) -> None:
        """As `LaneOwner.drop`."""
        self._close(False, Cause.DROPPED.word)

    def _associate(self, asked: Associate) -> list[Event]:
        """Ask for a relay of datagrams; what the door says to that."""
        assert self.door is not None
        local = self.tcp.sock.getsockname()[0]
        who = AssociationClient(self.address, self.door.user or "", self._listen)
        found = self._context.associate(local, who, asked, self._association_evicted)
        if found is None or isinstance(found, Cause):
            return self.door.associated(None) if found is None else self.door.refused(found)
        self._association, bound = found
        return self.door.associated(bound)

    def _association_evicted(self) -> None:
        """It made room for another: the client learns it as the end of its connection."""
        self._association = None
        if not self.tcp.closed:
            self._close(False, "its association made room for others")

    def _authenticate(self, asked: Authenticate) -> list[Event]:
        """Ask about a password; what the door says to the answer, if it is known now."""
        found = self._context.authenticate(self.address, asked.user, asked.password, self._authenticated)
        if isinstance(found, bool):
            return self._take_verdict(found)
        self._question = found
        return []

    def _authenticated(self, accepted: bool) -> None:
        """The answer has come. Harmless behind the end: it was on its way."""
        self._question = None
        if not self.tcp.closed:
            self.drive(self._take_verdict, accepted)

    def _take_verdict(self, accepted: bool) -> list[Event]:
        assert self.door is not None
        if accepted:
            self._leave_strangers()
        return self.door.authenticated(accepted)

    def _become_tunnel(self, asked: Transparent) -> None:
        lane = self._lane(asked.lane)
        upstream = None if lane is None else lane.upstream
        assert upstream is not None and upstream.stream is not None
        self._leave_handshake()
        self._leave_strangers()
        self._forget_idle()
        stream = upstream.stream
        tunnel = Tunnel(upstream, stream, self._tunnel_over)
        upstream.taken_by(tunnel)
        stream.bind(tunnel)
        self.tcp.owner = tunnel
        if asked.early:
            stream.write(asked.early)
        tunnel.attach(self.tcp)
        if stream.has_had_fin:  # while the door was behind
            tunnel.on_fin()
        if self._has_eof:
            tunnel.on_eof()
        elif not self._is_reading and stream.room:
            self.tcp.resume()

    def _tunnel_over(self) -> None:
        for lane in self._lanes[:]:
            lane.let_go()
        self._context.gone()

    # ---- as the owner of its lanes

    @property
    def has_unsent(self) -> bool:
        """Whether bytes for the client wait at its socket."""
        return bool(self.tcp.unsent)

    @property
    def is_tunnel(self) -> bool:
        """Whether bytes pass without the door."""
        return self.tcp.owner is not self

    @property
    def backlog(self) -> int:
        """Bytes for the client that wait in the kernel, or in this process."""
        return self.tcp.backlog

    def forget(self, lane: LaneHolder) -> None:
        """It is over for *lane*; harmless if it was never begun."""
        if lane in self._lanes:
            self._lanes.remove(lane)

    def _lane(self, number: int) -> LaneHolder | None:
        for lane in self._lanes:
            if lane.number == number:
                return lane
        return None

    def _must_wait(self) -> bool:
        """Whether a stream takes no more for now."""
        return any(lane.upstream is not None and lane.upstream.must_wait() for lane in self._lanes)

    # ---- after every step

    def settle(self) -> None:
        """Something has changed: read on, or not; the handshake's clock runs, or not."""
        door = self.door
        if door is None or self.tcp.closed or self.tcp.owner is not self:
            return
        reads = door.wants_client_bytes and not (self._lanes and self._must_wait())
        if reads != self._is_reading:
            self._is_reading = reads
            if reads:
                self.tcp.resume()
            else:
                self.tcp.pause()
        if not door.in_handshake:
            self._leave_handshake()
            self._leave_strangers()
        elif self._deadline is None:
            self._deadline = self._context.handshakes.add(self)
        gateway = door.gateway
        if gateway is not None and gateway.is_behind:
            self._context.door_turns.add(self)
        self._watch_idle(gateway)

    def catch_up(self) -> None:
        """Its door goes on with what it has not read yet."""
        gateway = None if self.door is None else self.door.gateway
        if gateway is not None and not self.tcp.closed and self.tcp.owner is self:
            self.drive(gateway.catch_up)

    def _watch_idle(self, gateway: Gateway | None) -> None:
        """A kept connection has its own clock, which runs from answer to request."""
        if gateway is not None and gateway.is_idle:
            if self._idle is None:
                self._idle = self._context.idles.add(self)
        elif self._idle is not None:
            self._forget_idle()

    def _forget_idle(self) -> None:
        if self._idle is not None:
            self._idle.done()
            self._idle = None

    def idled(self) -> None:
        """It was kept for too long without a request."""
        self._idle = None
        gateway = None if self.door is None else self.door.gateway
        if gateway is not None and not self.tcp.closed and self.tcp.owner is self:
            self._context.count_idle()
            self.drive(gateway.idle_too_long)

    def expired(self) -> None:
        """The handshake took too long."""
        self._deadline = None
        if self.tcp.closed:
            return
        if self.door is None:
            self._close(False, "said nothing")
        elif self.door.in_handshake:
            self.drive(self.door.timed_out)

    def _leave_handshake(self) -> None:
        """No clock of its first words runs any more."""
        if self._deadline is not None:
            self._deadline.done()
            self._deadline = None
        if self._question is not None:
            self._question.cancel()
            self._question = None

    def _leave_strangers(self) -> None:
        """It has shown its password, or asked for something if none is needed: it makes room for nobody any more."""
        if self._stranger is not None:
            self._strangers.leave(self._stranger)
            self._stranger = None

    # ---- ends

    def _close(self, reset: bool, reason: str) -> None:
        self._leave(reason)
        if reset:
            self.tcp.cut()
        else:
            closing = self._context.closing.add(self.tcp, self._gone)
            if self._stranger is not None:
                self._stranger.evict_by(closing.expire)

    def _make_room(self) -> None:
        """Too many have not shown who they are, or what they want, and of those this one is to go."""
        self._leave("made room for others")
        self.tcp.reset()
        self._gone()

    def _leave(self, reason: str) -> None:
        log.event("client-closed", level="debug", client=self.address, why=reason)
        self._reset_streams()
        self._leave_handshake()
        self._end_association()

    def _end_association(self) -> None:
        association, self._association = self._association, None
        if association is not None:
            association.close()

    def _gone(self) -> None:
        self._forget_idle()
        self._leave_strangers()
        self._context.gone()

    def _reset_streams(self) -> None:
        for lane in self._lanes[:]:
            lane.reset()
