"""One client's connection, from its first byte: every door over a real socket, an exit that does as it is told."""

import os

import pytest

from ingress.config import Forward, Limits
from ingress.doors.door import BEST_PIECE, KEPT_SOFT
from relay.model.cause import Cause
from relay.session.window import INITIAL_WINDOW
from relay.wire.frames import LONGEST_DATA
from tests.ingress.client.stage import (
    ANSWERED,
    ESTABLISHED,
    HOST,
    OK,
    TWO_EXITS,
    Stages,
    address,
    connect,
    get,
    socks5,
    socks5_reply,
)
from tests.relay.session.pair import EXIT

SOCKS4 = b"\x04\x01\x01\xbb\0\0\0\1me\0" + HOST.encode() + b"\0"
SOCKS4_GRANTED = b"\0\x5a\0\0\0\0\0\0"
SOCKS4_REFUSED = b"\0\x5b"
FORWARD = Forward(address("127.0.0.1:1"), address(f"{HOST}:443"))
TRANSPARENT = [
    (socks5(), b"\x05\x00", socks5_reply(0)[2:], b"\x05\x05"),
    (SOCKS4, b"", SOCKS4_GRANTED, SOCKS4_REFUSED),
    (connect(), b"", ESTABLISHED, b"HTTP/1.1 502 "),
]
"""What the client says; what it hears at once, when the exit has connected, and first when the target refuses."""


def head(answer: bytes) -> bytes:
    """The first line."""
    return answer.partition(b"\r\n")[0]


# ---- doors that become tunnels


@pytest.mark.parametrize("pieces", [1, 3, 1000])
@pytest.mark.parametrize(("words", "first", "granted", "_"), TRANSPARENT)
async def test_success_is_told_when_the_exit_has_connected(
    make_stage: Stages, words: bytes, first: bytes, granted: bytes, _: bytes, pieces: int
) -> None:
    stage = await make_stage()
    client = stage.program()
    size = max(1, len(words) // pieces)
    for start in range(0, len(words), size):
        client.sends(words[start : start + size])
        await stage.settle()
    await client.hears(first)
    await client.hears_nothing()
    assert stage.exit().asked == (HOST, 443)
    stage.exit().connects()
    await client.hears(granted)
    client.sends(b"question")
    await stage.settle()
    assert stage.exit().heard == b"question"


@pytest.mark.parametrize("words", [one[0] for one in TRANSPARENT])
@pytest.mark.parametrize("answer", ["true", "auto"])
async def test_bytes_and_the_end_behind_the_handshake_arrive(make_stage: Stages, words: bytes, answer: str) -> None:
    stage = await make_stage(answer=answer)
    client = stage.program()
    client.sends(words + b"question")
    client.finishes()
    await stage.settle()
    stage.exit().connects()
    stage.exit().sends(b"answer")
    stage.exit().finishes()
    assert (await client.rest()).endswith(b"answer")
    assert (stage.exit().heard, stage.exit().sink.fins) == (b"question", 1)
    await stage.passes(0.25)
    await stage.passes(0.25)
    stage.assert_empty()


@pytest.mark.parametrize(("words", "first", "_", "refused"), TRANSPARENT)
async def test_a_refusal_is_told_and_the_client_closed(
    make_stage: Stages, words: bytes, first: bytes, _: bytes, refused: bytes
) -> None:
    stage = await make_stage()
    client = stage.program()
    client.sends(words)
    await client.hears(first)
    await stage.settle()
    stage.exit().refuses(Cause.REFUSED)
    client.sends(b"talks on")
    assert (await client.rest()).startswith(refused)
    client.leaves()
    await stage.settle()
    await stage.passes(0.25)
    stage.assert_empty()


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (Cause.POLICY, 2),
        (Cause.NO_ROUTE, 3),
        (Cause.HOST_UNREACHABLE, 4),
        (Cause.NAME_NOT_FOUND, 4),
        (Cause.REFUSED, 5),
        (Cause.CONNECT_TIMEOUT, 6),
        (Cause.TARGET_RESET, 5),
        (Cause.INTERNAL, 1),
    ],
)
async def test_what_the_exit_says_is_what_the_client_hears(make_stage: Stages, cause: Cause, code: int) -> None:
    stage = await make_stage()
    client = stage.program()
    client.sends(socks5())
    await stage.settle()
    stage.exit().refuses(cause)
    assert await client.rest() == b"\x05\x00" + bytes([5, code, 0, 1, 0, 0, 0, 0, 0, 0])


async def test_what_is_refused_here_is_told_at_once(make_stage: Stages) -> None:
    stage = await make_stage()
    client = stage.program()
    client.sends(socks5("10.0.0.1"))
    assert (await client.rest())[3] == 2
    assert stage.exit().pair.ingress.streams == {}


async def test_a_large_first_write_passes_whole_although_its_reader_changes_in_the_middle(make_stage: Stages) -> None:
    """One read of the socket brings the handshake and more than a piece behind it."""
    stage = await make_stage(answer="auto")
    client = stage.program()
    body = os.urandom(3 * BEST_PIECE)
    client.sends(socks5() + body)
    await client.hears(socks5_reply(0))
    await stage.settle()
    assert stage.exit().heard == body


async def test_who_runs_ahead_is_read_no_further_until_it_is_answered(make_stage: Stages) -> None:
    stage = await make_stage()
    client = stage.program()
    client.sends(socks5())
    await stage.settle()
    sent = 0
    while taken := client.sends_all_it_can():
        sent += taken
        await stage.settle()
    assert sent > 10 * KEPT_SOFT
    await client.hears(b"\x05\x00")
    stage.exit().connects()
    client.finishes()
    await client.hears(socks5_reply(0)[2:])
    await stage.settle()
    assert len(stage.exit().heard) == sent
    assert stage.exit().sink.fins == 1


async def test_who_ran_ahead_of_a_full_stream_is_read_when_there_is_room(make_stage: Stages) -> None:
    stage = await make_stage(answer="auto")
    stage.roads.hold("a")
    client = stage.program()
    client.sends(socks5() + bytes(INITIAL_WINDOW - len(socks5())))
    await client.hears(socks5_reply(0))
    client.sends(bytes(1000))
    await stage.settle()
    stage.roads.release("a")
    await stage.settle()
    assert len(stage.exit().heard) == INITIAL_WINDOW - len(socks5()) + 1000


@pytest.mark.parametrize("first", [b"\x16\x03\x01\x02\x00\x01\x00", b"\x80\x00\xff", b"\x00"])
async def test_a_stranger_is_closed_without_a_byte(make_stage: Stages, first: bytes) -> None:
    stage = await make_stage()
    client = stage.program()
    client.sends(first)
    assert await client.rest() == b""
    client.leaves()
    await stage.settle()
    stage.assert_empty()


# ---- forwards


async def test_a_forward_goes_to_its_target_at_once(make_stage: Stages) -> None:
    stage = await make_stage()
    client = stage.program(forward=FORWARD)
    await stage.settle()
    assert stage.exit().asked == (HOST, 443)
    client.sends(b"at once")
    client.finishes()
    await stage.settle()
    stage.exit().connects()
    await stage.settle()
    assert (stage.exit().heard, stage.exit().sink.fins) == (b"at once", 1)
    stage.exit().sends(b"answer")
    stage.exit().finishes()
    assert await client.rest() == b"answer"


async def test_a_forward_whose_target_refuses_resets(make_stage: Stages) -> None:
    stage = await make_stage()
    client = stage.program(forward=FORWARD)
    await stage.settle()
    stage.exit().refuses(Cause.REFUSED)
    assert await client.is_reset()
    await stage.passes(0.25)
    stage.assert_empty()


async def test_a_forward_without_a_word_waits_as_long_as_it_likes(make_stage: Stages) -> None:
    stage = await make_stage()
    client = stage.program(forward=FORWARD)
    await stage.settle()
    stage.exit().connects()
    await stage.passes(100.0)
    stage.exit().sends(b"banner")
    await client.hears(b"banner")


# ---- who leaves


@pytest.mark.parametrize("words", [b"", b"\x05", b"\x05\x01\x00", b"GET / HT", SOCKS4[:4]])
@pytest.mark.parametrize("ending", ["finishes", "leaves", "aborts"])
async def test_who_leaves_within_its_handshake_is_forgotten(make_stage: Stages, words: bytes, ending: str) -> None:
    stage = await make_stage()
    client = stage.program()
    if words:
        client.sends(words)
    await stage.settle()
    getattr(client, ending)()
    await stage.settle()
    stage.assert_empty()


@pytest.mark.parametrize("words", [one[0] for one in TRANSPARENT])
async def test_who_leaves_while_the_exit_dials_gives_its_stream_up(make_stage: Stages, words: bytes) -> None:
    stage = await make_stage()
    client = stage.program()
    client.sends(words)
    await stage.settle()
    client.aborts()
    await stage.settle()
    assert stage.exit().sink.cause is Cause.CLIENT_RESET
    await stage.passes(0.25)
    stage.assert_empty()


async def test_who_leaves_while_it_waits_for_a_path_is_forgotten(make_stage: Stages) -> None:
    stage = await make_stage(is_up=False)
    client = stage.program()
    client.sends(socks5())
    await stage.settle()
    assert stage.opener.waiting == 1
    client.aborts()
    await stage.passes(0.25)
    stage.assert_empty()


async def test_who_waits_in_vain_is_told_so(make_stage: Stages) -> None:
    stage = await make_stage(is_up=False)
    clients = [stage.program(), stage.program()]
    clients[0].sends(socks5())
    clients[1].sends(connect())
    await stage.settle()
    await stage.passes(5.0)
    assert (await clients[0].rest())[3] == 3
    answer = await clients[1].rest()
    assert head(answer).startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: " in answer


# ---- the deadline

HALF = [
    (b"", b""),
    (b"\x05", b""),
    (b"\x05\x01\x00", b"\x05\x00"),
    (b"\x04\x01", b""),
    (b"GET / HT", b"HTTP/1.1 408 "),
]
"""What clients begin with and never go on with, and how what they hear begins."""


@pytest.mark.parametrize(("words", "answer"), HALF)
async def test_a_handshake_that_does_not_come_ends(make_stage: Stages, words: bytes, answer: bytes) -> None:
    stage = await make_stage(limits=Limits(handshake=10.0))
    client = stage.program()
    if words:
        client.sends(words)
    await stage.settle()
    await stage.passes(9.75)
    assert stage.loop.statistics().endpoints == 1
    await stage.passes(0.25)
    assert (await client.rest()).startswith(answer)
    client.leaves()
    await stage.settle()
    stage.assert_empty()


async def test_it_is_for_all_of_the_handshake_and_not_for_each_byte(make_stage: Stages) -> None:
    stage = await make_stage()
    client = stage.program()
    for piece in (b"\x05", b"\x02", b"\x00", b"\x00"):
        client.sends(piece)
        await stage.settle()
        await stage.passes(2.5)
    assert await client.rest() == b"\x05\x00"


async def test_it_is_over_with_the_request_however_long_the_exit_dials(make_stage: Stages) -> None:
    stage = await make_stage()
    client = stage.program()
    client.sends(socks5())
    await stage.settle()
    assert len(stage.entrance.handshakes) == 0
    await stage.passes(100.0)
    stage.exit().connects()
    await client.hears(socks5_reply(0))


async def test_a_kept_connection_may_rest_and_its_next_request_has_a_deadline_again(make_stage: Stages) -> None:
    stage = await make_stage()
    client = stage.program()
    client.sends(get())
    await stage.settle()
    stage.exit().connects()
    await stage.settle()
    stage.exit().sends(OK)
    assert await client.answer() == ANSWERED
    await stage.passes(100.0)
    client.sends(b"GET http://")
    await stage.settle()
    await stage.passes(9.75)
    await client.hears_nothing()
    await stage.passes(0.25)
    assert head(await client.rest()).startswith(b"HTTP/1.1 408 ")


async def test_a_client_that_is_gone_has_no_deadline(make_stage: Stages) -> None:
    stage = await make_stage()
    client = stage.program()
    await stage.settle()
    client.aborts()
    await stage.settle()
    assert len(stage.entrance.handshakes) == 0
    await stage.passes(100.0)
    stage.assert_empty()


# ---- plain HTTP


async def test_several_requests_over_one_connection_and_one_stream(make_stage: Stages) -> None:
    stage = await make_stage()
    client = stage.program()
    for number in range(3):
        client.sends(get(path=f"/{number}"))
        await stage.settle()
        if number == 0:
            stage.exit().connects()
            await stage.settle()
        assert stage.exit().heard.count(b"GET /") == number + 1
        stage.exit().sends(OK)
        assert await client.answer() == ANSWERED
    assert stage.exit().opened == 1
    client.leaves()
    await stage.settle()
    stage.exit().finishes()
    await stage.settle()
    await stage.passes(0.25)
    await stage.passes(0.25)
    stage.assert_empty()


async def test_another_origin_is_another_stream_and_the_one_before_ends_well(make_stage: Stages) -> None:
    stage = await make_stage()
    client = stage.program()
    for number, host in enumerate(("one.example", "two.example", "one.example"), 1):
        client.sends(get(host))
        await stage.settle()
        assert (stage.exit().opened, stage.exit().asked) == (number, (host, 80))
        stage.exit().connects()
        await stage.settle()
        stage.exit().sends(OK)
        assert await client.answer() == ANSWERED
    client.leaves()
    await stage.settle()
    sinks = stage.exit().pair.sinks[EXIT].values()
    assert [(sink.fins, sink.cause) for sink in sinks] == 3 * [(1, None)]
    for sink in sinks:
        sink.stream.finish()
    await stage.settle()
    await stage.passes(0.25)
    await stage.passes(0.25)
    stage.assert_empty()


async def test_an_origin_that_ends_its_answer_with_fin(make_stage: Stages) -> None:
    stage = await make_stage()
    client = stage.program()
    client.sends(get())
    await stage.settle()
    stage.exit().connects()
    stage.exit().sends(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end")
    stage.exit().finishes()
    answer = await client.available()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"until the end\r\n0\r\n\r\n")
    client.leaves()
    await stage.settle()
    await stage.passes(0.25)
    await stage.passes(0.25)
    stage.assert_empty()


async def test_an_origin_that_refuses_is_a_page_and_the_connection_goes_on(make_stage: Stages) -> None:
    stage = await make_stage()
    client = stage.program()
    client.sends(get("dead.example"))
    await stage.settle()
    stage.exit().refuses(Cause.REFUSED)
    await stage.settle()
    assert (await client.answer())[0].startswith(b"HTTP/1.1 502 ")
    client.sends(get())
    await stage.settle()
    stage.exit().connects()
    await stage.settle()
    stage.exit().sends(OK)
    assert await client.answer() == ANSWERED


async def test_an_origin_that_resets_before_its_answer_is_a_page(make_stage: Stages) -> None:
    stage = await make_stage()
    client = stage.program()
    client.sends(get())
    await stage.settle()
    stage.exit().connects()
    await stage.settle()
    stage.exit().refuses(Cause.TARGET_RESET)
    await stage.settle()
    assert (await client.answer())[0].startswith(b"HTTP/1.1 502 ")


async def test_an_origin_that_resets_within_its_answer_resets_the_client(make_stage: Stages) -> None:
    stage = await make_stage()
    client = stage.program()
    client.sends(get())
    await stage.settle()
    stage.exit().connects()
    stage.exit().sends(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    await stage.settle()
    stage.exit().refuses(Cause.TARGET_RESET)
    assert await client.is_reset()
    await stage.passes(0.25)
    stage.assert_empty()


async def test_an_early_answer_that_was_a_lie_is_a_page_for_a_plain_request(make_stage: Stages) -> None:
    stage = await make_stage(answer="auto")
    client = stage.program()
    client.sends(get())
    await stage.settle()
    assert stage.exit().heard.startswith(b"GET / HTTP/1.1\r\n")
    stage.exit().refuses(Cause.REFUSED)
    await stage.settle()
    assert (await client.answer())[0].startswith(b"HTTP/1.1 502 ")


async def test_a_plain_request_told_early_goes_on_at_another_exit(make_stage: Stages) -> None:
    stage = await make_stage(*TWO_EXITS, answer="auto")
    stage.roads.hold("a")
    client = stage.program()
    client.sends(get())
    await stage.settle()
    stage.exit("us").dies()
    await stage.settle()
    eu = stage.exit("eu")
    assert eu.heard.startswith(b"GET / HTTP/1.1\r\n")
    eu.connects()
    eu.sends(OK)
    assert await client.answer() == ANSWERED


async def test_what_an_origin_says_unasked_resets_its_stream_and_not_the_client(make_stage: Stages) -> None:
    stage = await make_stage()
    client = stage.program()
    client.sends(get())
    await stage.settle()
    stage.exit().connects()
    await stage.settle()
    stage.exit().sends(OK)
    assert await client.answer() == ANSWERED
    stage.exit().sends(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    await client.hears_nothing()
    assert stage.exit().sink.cause is Cause.CLIENT_RESET
    client.sends(get())
    await stage.settle()
    assert stage.exit().opened == 2


async def test_what_it_says_unasked_and_at_length_is_dropped_with_its_stream(
    make_stage: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.session.carrier.SHARED_QUANTUM", LONGEST_DATA)
    stage = await make_stage()
    client = stage.program()
    client.sends(get())
    await stage.settle()
    stage.exit().connects()
    await stage.settle()
    stage.exit().sends(OK)
    assert await client.answer() == ANSWERED
    stage.exit().sends(bytes(3 * BEST_PIECE))
    await client.hears_nothing()
    assert stage.exit().sink.cause is Cause.CLIENT_RESET
    await stage.passes(0.25)
    assert stage.exit().pair.ingress.memory.used == 0


async def test_a_bad_request_is_told_and_the_client_closed(make_stage: Stages) -> None:
    stage = await make_stage()
    client = stage.program()
    client.sends(b"BREW / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert head(await client.rest()).startswith(b"HTTP/1.1 400 ")
    client.finishes()
    await stage.settle()
    stage.assert_empty()


UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


async def test_an_upgraded_connection_becomes_a_tunnel(make_stage: Stages) -> None:
    stage = await make_stage()
    client = stage.program()
    client.sends(get(head=UPGRADE))
    await stage.settle()
    stage.exit().connects()
    await stage.settle()
    stage.exit().sends(SWITCHED + b"first words")
    await stage.settle()
    assert (await client.available()).endswith(b"\r\n\r\nfirst words")
    heard = stage.exit().heard
    client.sends(b"\x00binary")
    await stage.settle()
    assert stage.exit().heard == heard + b"\x00binary"
    stage.exit().sends(b"\xffback")
    await client.hears(b"\xffback")


async def test_what_follows_an_upgrade_in_the_same_frame_passes_whole(
    make_stage: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A peer may send frames larger than ours: one call then brings the answer and more than a piece behind it."""
    monkeypatch.setattr("relay.session.carrier.SHARED_QUANTUM", LONGEST_DATA)
    stage = await make_stage()
    client = stage.program()
    client.sends(get(head=UPGRADE))
    await stage.settle()
    stage.exit().connects()
    await stage.settle()
    body = os.urandom(2 * BEST_PIECE)
    stage.exit().sends(SWITCHED + body)
    assert (await client.available()).endswith(b"\r\n\r\n" + body)
    client.sends(b"and back")
    await stage.settle()
    assert stage.exit().heard.endswith(b"and back")


# ---- backpressure while a door stays in between


async def test_a_large_answer_waits_for_its_reader(make_stage: Stages) -> None:
    stage = await make_stage()
    client = stage.program(buffers=16_384)
    client.sends(get())
    await stage.settle()
    stage.exit().connects()
    body = os.urandom(1_000_000)
    stage.exit().sends(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + body)
    await stage.settle()
    (stream,) = stage.exit().pair.ingress.streams.values()
    assert stream.receiver.received - stream.receiver.consumed > INITIAL_WINDOW // 2
    assert stage.exit().stream.sender.end - stage.exit().stream.sender.acked > 0
    assert (await client.available()).endswith(b"\r\n\r\n" + body)
    assert stream.receiver.consumed == stream.receiver.received


async def test_answers_of_our_own_wait_for_their_reader_as_well(make_stage: Stages) -> None:
    stage = await make_stage()
    client = stage.program(buffers=8192)
    for _ in range(50):
        client.sends(get("10.0.0.1"))
        await stage.settle()
    answers = await client.available()
    assert answers.count(b"HTTP/1.1 403 ") == 50
    client.sends(get())
    await stage.settle()
    assert stage.exit().opened == 1


async def test_an_upload_waits_for_the_target(make_stage: Stages) -> None:
    stage = await make_stage()
    client = stage.program()
    size = 20_000_000
    client.sends(f"POST http://{HOST}/ HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {size}\r\n\r\n".encode())
    await stage.settle()
    stage.exit().connects()
    stage.exit().sink.is_holding = True
    await stage.settle()
    sent = 0
    while taken := client.sends_all_it_can():
        sent += taken
        await stage.settle()
    assert sent < size
    assert len(stage.exit().heard) < 2 * INITIAL_WINDOW
    stage.exit().sink.is_holding = False
    stage.exit().sink.consume()
    await stage.settle()
    assert len(stage.exit().heard) > sent


# ---- doors that raise


@pytest.mark.parametrize("method", ["receive", "opened", "receive_upstream"])
async def test_a_door_that_raises_loses_its_client_and_nobody_else(
    make_stage: Stages, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    stage = await make_stage()
    stage.expects_failure = True
    other = stage.program()
    other.sends(socks5())
    await stage.settle()
    stage.exit().connects()
    await other.hears(socks5_reply(0))
    beside = stage.exit().stream
    monkeypatch.setattr(f"ingress.doors.http.HttpDoor.{method}", lambda *_: 1 / 0)
    client = stage.program()
    client.sends(get())
    await stage.settle()
    if method != "receive":
        stage.exit().connects()
        stage.exit().sends(OK)
    assert await client.is_reset()
    assert [fields["error"] for fields in stage.journal.of("handler-failed")] == [
        "ZeroDivisionError('division by zero')"
    ]
    other.sends(b"unharmed")
    await stage.settle()
    assert bytes(stage.exit().pair.sinks[EXIT][beside.id].data) == b"unharmed"
    assert stage.entrance.clients == 1
    assert len(stage.exit().pair.ingress.streams) == 1
    if method != "receive":
        assert stage.exit().sink.cause is Cause.CLIENT_RESET


async def test_the_socket_is_the_kernels_business_and_an_error_of_it_ends_the_client(make_stage: Stages) -> None:
    stage = await make_stage()
    client = stage.program()
    client.sends(get())
    await stage.settle()
    stage.exit().connects()
    await stage.settle()
    client.aborts()
    stage.exit().sends(OK)
    await stage.settle()
    assert stage.exit().sink.cause is Cause.CLIENT_RESET
    assert stage.entrance.clients == 0
