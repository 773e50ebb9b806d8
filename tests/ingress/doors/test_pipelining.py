"""Requests that are sent without waiting (E8): on streams of their own, answered in their order, whatever happens."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingress.doors.budget import TURN
from ingress.doors.door import DoorSettings
from ingress.doors.lanes import MOST_LANES
from relay.model.cause import Cause

OPEN = DoorSettings(needs_password=False, proxy_url="x")
LOCKED = DoorSettings(needs_password=True, proxy_url="x")
ALICE = b"Proxy-Authorization: Basic YWxpY2U6c2VjcmV0\r\n"
BOB = b"Proxy-Authorization: Basic Ym9iOmhpZGRlbg==\r\n"
Responses = Callable[[bytes, list[bytes]], list[tuple[int, dict[bytes, bytes], bytes]]]


def get(number: int, fields: bytes = b"", method: bytes = b"GET", host: bytes = b"a") -> bytes:
    return b"%b http://%b/%d HTTP/1.1\r\nHost: a\r\n%b\r\n" % (method, host, number, fields)


def post(number: int, body: bytes = b"x") -> bytes:
    return get(number, b"Content-Length: %d\r\n" % len(body), b"POST") + body


def answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


@pytest.fixture
def silent(shell_for: Any) -> Any:
    """A shell whose origins answer when the test says so."""
    return quiet(shell_for(OPEN))


def quiet(shell: Any) -> Any:
    for host in ("a", "b"):
        shell.origins[f"{host}:80"] = lambda asked: b""
    return shell


def asked(shell: Any) -> dict[int, list[bytes]]:
    """What each stream that is there was asked for so far."""
    return {lane: [one.target for one in origin.asked] for lane, origin in shell.lanes.items()}


def newest(shell: Any) -> list[bytes]:
    """What each of them was asked for last."""
    return sorted(targets[-1] for targets in asked(shell).values())


def bodies(shell: Any, responses: Responses, count: int) -> list[bytes]:
    return [body for _, _, body in responses(shell.sent, [b"GET"] * count)]


def test_e8_pipelined_requests_go_out_at_once_and_are_answered_in_order(silent: Any, responses: Responses) -> None:
    silent.send(b"".join(map(get, range(4))))
    assert asked(silent) == {lane: [b"/%d" % lane] for lane in range(4)}
    for lane in (2, 1, 3):
        silent.upstream(answer(b"%d" % lane), lane)
        assert silent.door.holds_back(lane) and silent.sent == b""
    silent.upstream(answer(b"0"), 0)
    assert bodies(silent, responses, 4) == [b"0", b"1", b"2", b"3"]
    assert silent.released == [1, 2, 3] and not any(map(silent.door.holds_back, range(4)))
    assert len(silent.lanes) == 1 and silent.closed is None, "one stream is enough for a client that waits"


def test_e8_only_so_many_at_once_and_streams_serve_again(silent: Any, responses: Responses) -> None:
    silent.send(b"".join(map(get, range(20))))
    assert len(silent.lanes) == MOST_LANES
    for number in range(20):
        (lane,) = [lane for lane, targets in asked(silent).items() if targets[-1] == b"/%d" % number]
        silent.upstream(answer(b"%d" % number), lane)
    assert bodies(silent, responses, 20) == [b"%d" % number for number in range(20)]
    assert silent.opened == ["a:80"] * MOST_LANES and sum(len(one.asked) for one in silent.streams) == 20


def test_e8_nothing_is_pipelined_to_an_origin(silent: Any) -> None:
    silent.send(b"".join(map(get, range(20))))
    assert all(len(targets) == 1 for targets in asked(silent).values())


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"DELETE", b"PATCH"])
def test_e8_what_changes_something_waits_for_all_and_all_wait_for_it(method: bytes, silent: Any) -> None:
    silent.send(get(0) + get(1) + get(2, method=method) + get(3) + get(4))
    assert len(silent.lanes) == 2
    silent.upstream(answer(b""), 1)
    assert len(silent.streams) == 2, "not before the first is answered as well"
    silent.upstream(answer(b""), 0)
    assert newest(silent) == [b"/1", b"/2"]
    (lane,) = [lane for lane, targets in asked(silent).items() if targets[-1] == b"/2"]
    silent.upstream(answer(b""), lane)
    assert newest(silent) == [b"/3", b"/4"]


@pytest.mark.parametrize(
    "second",
    [post(1), get(1, b"Connection: Upgrade\r\nUpgrade: websocket\r\n"), b"CONNECT b:80 HTTP/1.1\r\n\r\n",
     get(1, b"Max-Forwards: 0\r\n", b"TRACE"), b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", b"rubbish\r\n\r\n",
     get(1, b"Transfer-Encoding: chunked\r\n") + b"0\r\n\r\n"],
)  # fmt: skip
def test_e8_whatever_is_no_plain_question_waits(second: bytes, silent: Any) -> None:
    silent.send(get(0) + second)
    assert silent.opened == ["a:80"] and silent.closed is None and silent.sent == b""
    silent.upstream(answer(b"first"), 0)
    assert silent.sent.startswith(answer(b"first"))
    assert len(silent.opened) == 2 or len(silent.sent) > len(answer(b"first")) or len(silent.streams[0].asked) == 2


@pytest.mark.parametrize("first", [post(0), get(0, b"Connection: Upgrade\r\nUpgrade: websocket\r\n"),
                                   get(0, b"Connection: close\r\n"), b"CONNECT a:80 HTTP/1.1\r\n\r\n"])  # fmt: skip
def test_e8_nothing_runs_beside_what_is_no_plain_question(first: bytes, silent: Any) -> None:
    silent.send(first + get(1))
    assert silent.opened == ["a:80"]


def test_e8_after_the_last_request_nothing_is_read(silent: Any, responses: Responses) -> None:
    silent.send(get(0) + get(1, b"Connection: close\r\n") + get(2))
    assert len(silent.lanes) == 2
    silent.upstream(answer(b"1"), 1)
    assert silent.closed is None
    silent.upstream(answer(b"0"), 0)
    assert bodies(silent, responses, 2) == [b"0", b"1"] and silent.closed is not None and not silent.closed.reset


def test_e8_an_answer_goes_on_when_it_is_its_turn(silent: Any, responses: Responses) -> None:
    silent.send(get(0) + get(1))
    silent.upstream(b"HTTP/1.1 200 OK\r\n\r\nbeg", 1)
    silent.upstream(answer(b"0"), 0)
    silent.upstream(b"in", 1)
    silent.lose(lane=1)
    assert bodies(silent, responses, 2) == [b"0", b"begin"] and silent.closed is None


def test_e8_a_queue_shows_itself(silent: Any) -> None:
    silent.send(get(0) + get(1))
    silent.upstream(answer(b"1"), 1)
    ahead = silent.door._ahead[0]
    assert repr(ahead) == f"<Queued <Request GET {ahead.target}> on <Lane 1 busy>, {len(answer(b'1'))} bytes kept>"
    silent.upstream(answer(b"0"), 0)
    assert repr(silent.door._lanes.idle()) == "[<Lane 1 idle>]"


@pytest.mark.parametrize("lane", [0, 1, 2])
def test_e8_an_origin_that_fails_is_a_page_in_its_turn(lane: int, silent: Any, responses: Responses) -> None:
    silent.send(b"".join(map(get, range(3))))
    silent.lose(Cause.TARGET_RESET, lane)
    for other in {0, 1, 2} - {lane}:
        silent.upstream(answer(b"ok"), other)
    statuses = [status for status, _, _ in responses(silent.sent, [b"GET"] * 3)]
    assert statuses == [502 if one == lane else 200 for one in range(3)] and silent.closed is None


def test_e8_an_answer_that_is_cut_ends_all_behind_it(silent: Any) -> None:
    silent.send(b"".join(map(get, range(3))))
    silent.upstream(answer(b"2"), 2)
    silent.upstream(answer(b"whole")[:-2], 1)
    silent.lose(Cause.EXIT_LOST, 1)
    assert silent.closed is None, "it is not its turn"
    silent.upstream(answer(b"0"), 0)
    assert silent.sent == answer(b"0") + answer(b"whole")[:-2]
    assert silent.closed is not None and silent.closed.reset and silent.door.receive_upstream(b"x", 2) == []


def test_e8_a_refused_stream_is_a_page_in_its_turn(silent: Any, responses: Responses) -> None:
    silent.send(get(0))
    silent.refuse = Cause.REFUSED
    silent.send(get(1, host=b"b") + get(2, host=b"b"))
    assert silent.sent == b"" and silent.opened == ["a:80", "b:80", "b:80"]
    silent.upstream(answer(b"0"), 0)
    assert [status for status, _, _ in responses(silent.sent, [b"GET"] * 3)] == [200, 502, 502]


def test_e8_a_stale_stream_is_asked_again(silent: Any, responses: Responses) -> None:
    silent.send(get(0) + get(1))
    silent.upstream(answer(b"0"), 0)
    silent.send(get(2))  # on the first stream, beside the second
    assert asked(silent)[0] == [b"/0", b"/2"]
    silent.lose(Cause.TARGET_RESET, 0)
    silent.upstream(answer(b"1"), 1)
    silent.upstream(answer(b"2"))
    assert bodies(silent, responses, 3) == [b"0", b"1", b"2"] and len(silent.opened) == 3


def test_e8_a_client_that_ends_its_side_gets_all_its_answers(silent: Any, responses: Responses) -> None:
    silent.send(b"".join(map(get, range(9))))
    silent.carry_out(silent.door.receive_eof())
    while silent.closed is None:
        for lane, targets in asked(silent).items():
            if silent.closed is None:
                silent.upstream(answer(targets[-1]), lane)
    assert bodies(silent, responses, 9) == [b"/%d" % number for number in range(9)] and not silent.closed.reset


def test_e8_each_few_requests_the_password_is_asked_about_again(shell_for: Any) -> None:
    shell = quiet(shell_for(LOCKED))
    shell.send(b"".join(get(number, ALICE) for number in range(9)) + get(9, BOB))
    assert len(shell.asked) == 1 and len(shell.lanes) == MOST_LANES
    for lane in range(MOST_LANES):
        shell.upstream(answer(b""), lane)
    assert shell.asked == [(b"alice", b"secret")] * 2
    assert newest(shell)[-3:] == [b"/6", b"/7", b"/8"]
    for number in (6, 7, 8):
        (lane,) = [lane for lane, targets in asked(shell).items() if targets[-1] == b"/%d" % number]
        shell.upstream(answer(b""), lane)
    assert shell.asked[2:] == [(b"bob", b"hidden")] and [*asked(shell).values()] == [[b"/9"]]


def test_e8_a_request_without_a_password_is_asked_for_one(shell_for: Any, responses: Responses) -> None:
    shell = quiet(shell_for(LOCKED)).send(get(0, ALICE) + get(1) + get(2, ALICE))
    assert len(shell.lanes) == 1
    shell.upstream(answer(b""), 0)
    shell.upstream(answer(b""))
    assert [status for status, _, _ in responses(shell.sent, [b"GET"] * 3)] == [200, 407, 200]


FATES = ["whole", "whole", "in chunks", "until fin", "refused", "reset"]


@settings(max_examples=150)
@given(
    requests=st.lists(st.tuples(st.sampled_from(FATES), st.sampled_from([b"a", b"b"]), st.booleans()), max_size=14),
    cut=st.integers(1, 200),
    most=st.sampled_from([1, 400, TURN]),
    dice=st.randoms(use_true_random=False),
)
def test_e8_whatever_comes_first_answers_are_those_of_one_by_one(
    requests: list[tuple[str, bytes, bool]], cut: int, most: int, dice: Any, shell_for: Any, responses: Responses
) -> None:
    shell = quiet(shell_for(OPEN))
    shell.most = shell.budget.left = most
    data = b"".join(
        get(number, host=host) if is_safe else get(number, host=host, method=b"DELETE")
        for number, (_, host, is_safe) in enumerate(requests)
    )
    pieces: dict[int, list[bytes]] = {}
    served: dict[int, int] = {}
    while data or shell.lanes:
        if data and dice.random() < 0.5:
            shell.send(data[:cut])
            data = data[cut:]
        waiting = [lane for lane, targets in asked(shell).items() if len(targets) > served.get(lane, 0)]
        if not waiting:
            if not data:
                break
            continue
        play(shell, dice.choice(waiting), [fate for fate, _, _ in requests], pieces, served)
        assert len(shell.lanes) <= MOST_LANES
    found = responses(shell.sent, [b"GET"] * len(requests))
    for number, ((fate, _, _), (status, _, body)) in enumerate(zip(requests, found, strict=True)):
        assert (status, body) == (200, b"/%d" % number) or (fate in ("refused", "reset") and status == 502)


def play(shell: Any, lane: int, fates: list[str], pieces: dict[int, list[bytes]], served: dict[int, int]) -> None:
    """The origin of *lane* says the next piece of its answer."""
    target = shell.lanes[lane].asked[-1].target
    fate = fates[int(target[1:])]
    if fate in ("refused", "reset"):
        shell.lose(Cause.TARGET_RESET, lane)
        return
    if lane not in pieces:
        pieces[lane] = {
            "whole": [answer(target)[:20], answer(target)[20:]],
            "in chunks": [
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(target),
                target + b"\r\n0\r\n\r\n",
            ],
            "until fin": [b"HTTP/1.1 200 OK\r\n\r\n", target],
        }[fate]
    piece = pieces[lane].pop(0)
    if not pieces[lane]:
        del pieces[lane]
        served[lane] = served.get(lane, 0) + (fate != "until fin")
        shell.upstream(piece, lane)
        if fate == "until fin":
            shell.lose(lane=lane)
    else:
        shell.upstream(piece, lane)
