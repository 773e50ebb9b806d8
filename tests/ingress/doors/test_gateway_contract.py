"""Calls of a gateway in any order a shell may make them, and what must hold of the answers whatever they are."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ingress.doors.budget import TURN, Budget
from ingress.doors.events import (
    Authenticate,
    Close,
    Event,
    FinishUpstream,
    Open,
    Released,
    ResetUpstream,
    Transparent,
    Upstream,
)
from ingress.doors.http import HttpDoor
from ingress.doors.lanes import MOST_LANES
from relay.model.cause import Cause
from tests.ingress.doors.gateway_messages import LOCKED, OK, SWITCHED, WEBSOCKET, get, login, post


class Contract:
    """Calls a door in any order a shell may, and checks what must hold of the answers whatever they are."""

    def __init__(self) -> None:
        self.budget = Budget()
        self.door = HttpDoor(LOCKED, self.budget)
        self.is_over = False
        self.open: list[int] = []
        self.asked_for: list[int] = []
        self.is_checking = False

    def take(self, events: list[Event]) -> None:
        for at, event in enumerate(events):
            assert not self.is_over
            if isinstance(event, Upstream | FinishUpstream | ResetUpstream | Released):
                assert event.lane in self.open
                if isinstance(event, FinishUpstream | ResetUpstream):
                    self.open.remove(event.lane)
            elif isinstance(event, Open | Authenticate):
                assert not self.is_checking and at == len(events) - 1
                self.ask(event)
            elif isinstance(event, Close | Transparent):
                self.is_over = at == len(events) - 1
                assert self.is_over
                assert not isinstance(event, Transparent) or self.open == [event.lane]

    def ask(self, event: Open | Authenticate) -> None:
        if isinstance(event, Authenticate):
            assert not self.asked_for, "nothing goes on beside it"
            self.is_checking = True
            return
        assert self.door.user and len(self.open) + len(self.asked_for) < MOST_LANES
        assert event.lane not in self.open + self.asked_for
        self.asked_for.append(event.lane)
        self.take(self.door.opening(event.lane))

    def call(self, what: str, data: bytes) -> None:
        door = self.door
        if what == "client" and data:
            self.take(door.receive(data))
        elif what == "client eof":
            self.take(door.receive_eof())
        elif what in ("yes", "no"):
            self.answer(what == "yes", len(data))
        elif what == "crowd":
            self.budget.left = 0
        elif what == "turn":
            self.budget.left = len(data) or TURN
            if door.is_behind:
                self.take(door.catch_up())
        elif self.open:
            lane = self.open[len(data) % len(self.open)]
            if what == "upstream":
                self.take(door.receive_upstream(data or b"x", lane))
            elif what == "upstream eof":
                self.take(door.upstream_eof(lane))
            elif what == "upstream reset":
                self.open.remove(lane)
                self.take(door.upstream_reset(Cause.EXIT_LOST, lane))

    def answer(self, yes: bool, which: int) -> None:
        if self.is_checking:
            self.is_checking = False
            self.take(self.door.authenticated(yes))
        elif self.asked_for:
            lane = self.asked_for.pop(which % len(self.asked_for))
            if yes:
                self.open.append(lane)
            self.take(self.door.opened(lane) if yes else self.door.refused(Cause.REFUSED, lane))


PIECES = [
    get(fields=login(b"alice")), get(b"http://b/", login(b"bob")),
     get(fields=login(b"alice") + b"Connection: close\r\n"),
    post(b"body", login(b"alice")), post(b"body", login(b"alice"))[:-2], get(fields=login(b"alice") + WEBSOCKET),
    get(fields=login(b"alice") + b"Transfer-Encoding: chunked\r\n", method=b"PUT"), b"3\r\nabc\r\n", b"0\r\n\r\n",
    b"CONNECT c:1 HTTP/1.1\r\nHost: c\r\n" + login(b"bob") + b"\r\n", get(), b"G", b"",
    OK, OK[:-1], b"k", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 103 Early\r\n\r\n", SWITCHED, b"HTTP/1.0 204 No\r\n\r\n",
]  # fmt: skip


@settings(max_examples=400)
@given(
    calls=st.lists(
        st.tuples(
            st.sampled_from(
                ["client"] * 3
                + ["yes"] * 4
                + ["upstream"] * 3
                + ["turn"] * 2
                + ["crowd", "no", "client eof", "upstream eof", "upstream reset"]
            ),
            st.sampled_from(PIECES),
        ),
        max_size=25,
    )
)
def test_any_order_of_calls_keeps_the_contract(calls: list[tuple[str, bytes]]) -> None:
    contract = Contract()
    for what, data in calls:
        contract.call(what, data)
        if contract.is_over:
            return
    for _ in range(2 * len(calls) + 2):
        contract.call("turn", b"")
        if contract.is_over or not contract.door.is_behind:
            return
    raise AssertionError("it never catches up")
