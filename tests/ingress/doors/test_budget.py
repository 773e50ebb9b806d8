"""What doors read at once is bounded by a budget that all of them share; the rest is read in later turns, in order."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.doors.body import BadBody, ChunkedBody
from ingress.doors.budget import REQUEST, TURN, Budget
from ingress.doors.door import DoorSettings
from ingress.doors.events import Close, Event, FinishUpstream, Open, Released, ResetUpstream, Send, Upstream
from ingress.doors.http import HttpDoor
from relay.model.cause import Cause
from tests.ingress.doors.gateway_messages import SWITCHED, WEBSOCKET, get

OPEN = DoorSettings(needs_password=False, proxy_url="x")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
TINY = b"1\r\nx\r\n"
END = b"0\r\n\r\n"


def asking(request: bytes = get()) -> tuple[HttpDoor, Budget]:
    """A door that has passed a request on to its origin."""
    budget = Budget()
    door = HttpDoor(OPEN, budget)
    assert isinstance(door.receive(request)[-1], Open)
    door.opened()
    budget.renew()
    return door, budget


def data_of(events: list[Event]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, Send))


def read_on(door: HttpDoor, budget: Budget) -> list[Event]:
    """All that comes in as many turns as it takes."""
    events = []
    while door.is_behind:
        budget.renew()
        events += door.catch_up()
    return events


def test_a_read_of_tiny_chunks_is_worked_off_in_several_turns() -> None:
    door, budget = asking()
    first = door.receive_upstream(CHUNKED + TINY * 3 * TURN + END)
    assert data_of(first).count(b"x") <= TURN
    assert door.is_behind and door.holds_back(0) and not door.wants_client_bytes
    turns = 0
    while door.is_behind:
        budget.renew()
        assert data_of(door.catch_up()).count(b"x") <= TURN
        turns += 1
    assert turns >= 3 and not door.holds_back(0) and door.wants_client_bytes


def test_what_was_read_late_is_released_behind_its_bytes() -> None:
    door, budget = asking()
    door.receive_upstream(CHUNKED + TINY * (TURN + 10))
    events = read_on(door, budget)
    assert [type(event) for event in events] == [Send, Released]


def test_all_doors_share_one_budget() -> None:
    one, budget = asking()
    other = HttpDoor(OPEN, budget)
    one.receive_upstream(CHUNKED + TINY * 2 * TURN)
    assert other.receive(get()) == [] and other.is_behind and other.wants_client_bytes is False
    budget.renew()
    assert isinstance(other.catch_up()[-1], Open)


def test_requests_that_come_at_once_are_read_in_several_turns() -> None:
    budget = Budget()
    door = HttpDoor(OPEN, budget)
    events = door.receive(get(b"http://a.example/", method=b"OPTIONS", fields=b"Max-Forwards: 0\r\n") * 90)
    assert len(events) <= TURN // REQUEST + 1
    assert len(events + read_on(door, budget)) == 90


def test_an_uploaded_body_of_tiny_chunks_is_read_in_several_turns() -> None:
    door, budget = asking(get(method=b"PUT", fields=b"Transfer-Encoding: chunked\r\n"))
    events = door.receive(TINY * 2 * TURN + END)
    assert door.is_behind and not door.wants_client_bytes
    assert len(b"".join(event.data for event in events if isinstance(event, Upstream))) <= TURN + 20
    sent = [event.data for event in events + read_on(door, budget) if isinstance(event, Upstream)]
    assert b"".join(sent).count(b"x") == 2 * TURN and sent[-1].endswith(END)


def test_heads_of_an_origin_have_their_share() -> None:
    door, budget = asking()
    door.receive_upstream(b"HTTP/1.1 103 Early\r\n\r\n" * 90 + CHUNKED)
    assert door.is_behind
    assert data_of(read_on(door, budget)).endswith(b"chunked\r\n\r\n")


def test_a_fin_counts_behind_what_is_still_to_be_read() -> None:
    door, budget = asking(get(fields=b"Connection: close\r\n"))
    first = door.receive_upstream(CHUNKED + TINY * 2 * TURN + END)
    assert door.upstream_eof() == []
    events = read_on(door, budget)
    assert data_of(first + events).count(b"x") == 2 * TURN
    assert [type(event) for event in events if not isinstance(event, Send)] == [FinishUpstream, Close]
    assert not events[-1].reset


def test_an_answer_that_is_cut_short_by_fin_is_cut_behind_its_bytes() -> None:
    door, budget = asking()
    first = door.receive_upstream(CHUNKED + TINY * 2 * TURN)
    assert door.upstream_eof() == []
    events = read_on(door, budget)
    assert data_of(first + events).count(b"x") == 2 * TURN
    assert isinstance(events[-1], Close) and events[-1].reset


@pytest.mark.parametrize("end", [b"", END])
def test_a_reset_counts_behind_what_is_still_to_be_read(end: bytes) -> None:
    door, budget = asking()
    first = door.receive_upstream(CHUNKED + TINY * 2 * TURN + end)
    assert door.upstream_reset(Cause.TARGET_RESET) == []
    events = read_on(door, budget)
    assert data_of(first + events).count(b"x") == 2 * TURN
    assert not any(isinstance(event, Released | FinishUpstream | ResetUpstream) for event in events), "it is gone"
    assert end or events[-1].reset


def test_a_stream_whose_fin_came_meanwhile_serves_no_other_request() -> None:
    door, budget = asking()
    door.receive_upstream(CHUNKED + TINY * 2 * TURN + END)
    door.upstream_eof()
    read_on(door, budget)
    events = door.receive(get())
    assert [event.lane for event in events if isinstance(event, Open)] == [1]


def test_a_change_of_protocols_that_is_read_behind_its_reset_is_cut() -> None:
    door, budget = asking(get(fields=WEBSOCKET))
    budget.left = 0
    assert door.receive_upstream(SWITCHED) == []
    assert door.upstream_reset(Cause.TARGET_RESET) == []
    events = read_on(door, budget)
    assert [type(event) for event in events] == [Send, Close] and events[-1].reset


def test_a_client_that_has_asked_and_ended_its_side_is_served_when_there_is_budget() -> None:
    budget = Budget()
    budget.left = 0
    door = HttpDoor(OPEN, budget)
    assert door.receive(get()) == [] == door.receive_eof()
    assert isinstance(read_on(door, budget)[-1], Open)


def test_a_client_that_ended_its_side_within_a_request_has_left_also_if_it_is_read_late() -> None:
    budget = Budget()
    budget.left = 0
    door = HttpDoor(OPEN, budget)
    assert door.receive(get()[:-2]) == [] == door.receive_eof()
    assert [type(event) for event in read_on(door, budget)] == [Close]


@given(
    sizes=st.lists(st.integers(1, 30), max_size=20),
    budgets=st.lists(st.integers(1, 9), min_size=1),
    line=st.sampled_from([b"%x\r\n", b"%x;a=b\r\n", b"%x \r\n"]),
)
def test_a_body_is_the_same_whatever_is_read_at_once(sizes: list[int], budgets: list[int], line: bytes) -> None:
    raw = b"".join(line % size + b"y" * size + b"\r\n" for size in sizes) + END
    whole = ChunkedBody(of_origin=True).take(bytearray(raw), Budget())
    body, incoming, found, budget = ChunkedBody(of_origin=True), bytearray(raw), b"", Budget()
    for _ in range(4 * len(sizes) + 8):
        budget.left = budgets[len(found) % len(budgets)]
        found += body.take(incoming, budget)
    assert body.is_done and not incoming and found.count(b"y") == whole.count(b"y")


def test_without_budget_nothing_is_read_and_nothing_is_wrong_yet() -> None:
    budget = Budget()
    budget.left = 0
    body = ChunkedBody()
    assert body.take(bytearray(b"no chunk\r\n"), budget) == b""
    budget.renew()
    with pytest.raises(BadBody):
        body.take(bytearray(b"no chunk\r\n"), budget)


def test_a_page_in_usual_pieces_is_read_at_once(shell_for: Any) -> None:
    shell = shell_for(OPEN)
    piece = b"4000\r\n" + bytes(0x4000) + b"\r\n"
    shell.origins["a.example:80"] = lambda asked: CHUNKED + piece * 60 + END
    shell.send(get())
    assert shell.turns == 0 and shell.sent.count(b"\0") == 60 * 0x4000
