"""A shell in memory that carries out a door's events, and origins behind it that speak HTTP through h11.

Given as session fixtures, because they hold no state of their own: each test makes its own shells and origins.
"""

from collections.abc import Callable, Iterable

import attrs
import h11
import pytest

from ingress.doors.budget import TURN, Budget
from ingress.doors.door import Door, DoorSettings
from ingress.doors.events import (
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
from ingress.doors.lanes import MOST_LANES
from ingress.doors.sniff import door_for
from relay.model.cause import Cause

USERS = {b"alice": b"secret", b"bob": b"hidden"}


@attrs.define
class Asked:
    """One request as an origin got it."""

    method: bytes
    target: bytes
    fields: list[tuple[bytes, bytes]]
    body: bytes = b""
    size: int = 0

    def field(self, name: bytes) -> list[bytes]:
        return [value for field, value in self.fields if field.lower() == name]


Script = Callable[[Asked], bytes]


class Origin:
    """A target that parses requests with h11 and answers each, when it is whole, with what *script* says."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.raw = b""
        self.keep_bodies = True
        self._h11 = h11.Connection(h11.SERVER)

    def receive(self, data: bytes) -> bytes:
        self.raw += data if self.keep_bodies else b""
        self._h11.receive_data(data)
        out = b""
        while True:
            event = self._h11.next_event()
            if isinstance(event, h11.Request):
                fields = [(bytes(name), bytes(value)) for name, value in event.headers.raw_items()]
                self.asked.append(Asked(bytes(event.method), bytes(event.target), fields))
            elif isinstance(event, h11.Data):
                self.asked[-1].body += bytes(event.data) if self.keep_bodies else b""
                self.asked[-1].size += len(event.data)
            elif isinstance(event, h11.EndOfMessage):
                out += self.script(self.asked[-1])
                self._h11 = h11.Connection(h11.SERVER)
            else:
                return out


class Shell:
    """Drives one door as the ingress would, with origins by `host:port`; `None` there refuses with `refuse`."""

    def __init__(self, settings: DoorSettings, first: int = ord("G")) -> None:
        self.budget = Budget()
        self.most = TURN
        """Steps in each turn, of which there are as many as it takes."""
        self.turns = 0
        self._depth = 0
        self.door: Door = door_for(first, settings, self.budget)
        self.origins: dict[str, Script] = {}
        self.refuse: Cause | None = None
        self.opened: list[str] = []
        self.streams: list[Origin] = []
        self.lanes: dict[int, Origin] = {}
        """Those that are there, by lane."""
        self.released: list[int] = []
        self.held = False
        """While set, what an origin answers waits in `waiting`."""
        self.waiting = b""
        self.sent = b""
        self.asked: list[tuple[bytes, bytes]] = []
        self.ends: list[str] = []
        self.early: bytes | None = None
        self.closed: Close | None = None
        self.keep_sent = True

    def send(self, data: bytes, cut: int = 1 << 30) -> "Shell":
        """The client sends *data*, in pieces of at most *cut*."""
        for at in range(0, len(data), cut):
            if self.early is not None:
                self.early += data[at : at + cut]
            else:
                self.carry_out(self.door.receive(data[at : at + cut]))
        return self

    @property
    def current(self) -> Origin | None:
        """Of the newest stream that is there."""
        return self.lanes[max(self.lanes)] if self.lanes else None

    def upstream(self, data: bytes, lane: int | None = None) -> None:
        """The newest stream's target sends *data*, or that of *lane*."""
        assert self.door.gateway is not None
        self.carry_out(self.door.gateway.receive_upstream(data, max(self.lanes) if lane is None else lane))

    def lose(self, cause: Cause | None = None, lane: int | None = None) -> None:
        """The newest stream ends, or that of *lane*: by FIN, or for a *cause*."""
        assert self.door.gateway is not None
        lane = max(self.lanes) if lane is None else lane
        if cause is None:
            self.carry_out(self.door.gateway.upstream_eof(lane))
        else:
            del self.lanes[lane]
            self.carry_out(self.door.gateway.upstream_reset(cause, lane))

    def carry_out(self, events: Iterable[Event]) -> None:
        self._depth += 1
        for event in events:
            assert self.closed is None, f"{event} behind Close"
            self._carry_out(event)
        if self._depth == 1:
            self._catch_up()
        self._depth -= 1

    def _catch_up(self) -> None:
        """Turns go by until all is read."""
        gateway = self.door.gateway
        while gateway is not None and gateway.is_behind and self.early is None:
            self.turns += 1
            self.budget.left = self.most
            self.carry_out(gateway.catch_up())

    def _carry_out(self, event: Event) -> None:
        match event:
            case Send(data):
                assert data
                self.sent = self.sent + data if self.keep_sent else data
            case Authenticate(user, password):
                self.asked.append((user, password))
                self.carry_out(self.door.authenticated(USERS.get(user) == password))
            case Open(host, port, lane):
                self._open(f"{host}:{port}", lane)
            case Upstream(data, lane):
                assert data
                answer = self.lanes[lane].receive(data)
                if self.held:
                    self.waiting += answer
                elif answer:
                    self.upstream(answer, lane)
            case FinishUpstream(lane) | ResetUpstream(lane):
                del self.lanes[lane]
                self.ends.append(type(event).__name__)
            case Released(lane):
                assert lane in self.lanes
                self.released.append(lane)
            case Transparent(early, lane):
                assert list(self.lanes) == [lane]
                self.early = early
            case Close():
                self.closed = event

    def _open(self, address: str, lane: int) -> None:
        assert lane not in self.lanes and len(self.lanes) < MOST_LANES
        self.opened.append(address)
        if self.refuse is not None:
            self.carry_out(self.door.refused(self.refuse, lane))
            return
        script = self.origins.get(address, lambda asked: b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        self.lanes[lane] = Origin(script)
        self.streams.append(self.lanes[lane])
        self.carry_out(self.door.opened(lane))


def parse_responses(data: bytes, methods: Iterable[bytes]) -> list[tuple[int, dict[bytes, bytes], bytes]]:
    """Read *data* as a client would that had asked with *methods*: status, fields (lower case), body of each."""
    found = []
    for method in methods:
        client = h11.Connection(h11.CLIENT)
        client.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
        client.send(h11.EndOfMessage())
        client.receive_data(data)
        status, fields, body = 0, {}, b""
        while not isinstance(event := client.next_event(), h11.EndOfMessage):
            assert event is not h11.NEED_DATA, data
            if isinstance(event, h11.Response):
                status, fields = event.status_code, {bytes(n): bytes(v) for n, v in event.headers}
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
        found.append((status, fields, body))
        data = client.trailing_data[0]
    assert data == b""
    return found


@pytest.fixture(scope="session")
def shell_for() -> type[Shell]:
    return Shell


@pytest.fixture(scope="session")
def responses() -> Callable[[bytes, Iterable[bytes]], list[tuple[int, dict[bytes, bytes], bytes]]]:
    return parse_responses


@pytest.fixture
def shell() -> Shell:
    """A listener without passwords, with one origin that answers `ok`."""
    made = Shell(
        DoorSettings(needs_password=False, proxy_url="http://127.0.0.1:1080", pseudonym="shanghai", via="shanghai")
    )
    made.origins["a.example:80"] = lambda asked: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    return made
