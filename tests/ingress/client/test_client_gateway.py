"""One client whose door stays in between: plain HTTP over a real socket, backpressure both ways, doors that raise."""

import os

import pytest

from ingress.doors.door import BEST_PIECE
from relay.model.cause import Cause
from relay.model.limits import Limits
from relay.session.window import INITIAL_WINDOW
from relay.wire.frames import LONGEST_DATA
from tests.ingress.client.client_bed import TWO_EXITS, ClientBeds
from tests.ingress.client.messages import ANSWERED, HOST, OK, get, socks5, socks5_reply
from tests.relay.session.pair import EXIT

# ---- plain HTTP


async def test_several_requests_over_one_connection_and_one_stream(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program()
    for number in range(3):
        client.sends(get(path=f"/{number}"))
        await bed.settle()
        if number == 0:
            bed.exit().connects()
            await bed.settle()
        assert bed.exit().heard.count(b"GET /") == number + 1
        bed.exit().sends(OK)
        assert await client.answer() == ANSWERED
    assert bed.exit().opened == 1
    client.leaves()
    await bed.settle()
    bed.exit().finishes()
    await bed.settle()
    await bed.passes(0.25)
    await bed.passes(0.25)
    bed.assert_empty()


async def test_another_origin_is_another_stream_and_the_one_before_ends_well(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program()
    for number, host in enumerate(("one.example", "two.example", "one.example"), 1):
        client.sends(get(host))
        await bed.settle()
        assert (bed.exit().opened, bed.exit().asked) == (number, (host, 80))
        bed.exit().connects()
        await bed.settle()
        bed.exit().sends(OK)
        assert await client.answer() == ANSWERED
    client.leaves()
    await bed.settle()
    sinks = bed.exit().pair.sinks[EXIT].values()
    assert [(sink.fins, sink.cause) for sink in sinks] == 3 * [(1, None)]
    for sink in sinks:
        sink.stream.finish()
    await bed.settle()
    await bed.passes(0.25)
    await bed.passes(0.25)
    bed.assert_empty()


async def test_an_origin_that_ends_its_answer_with_fin(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program()
    client.sends(get())
    await bed.settle()
    bed.exit().connects()
    bed.exit().sends(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end")
    bed.exit().finishes()
    answer = await client.available()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"until the end\r\n0\r\n\r\n")
    client.leaves()
    await bed.settle()
    await bed.passes(0.25)
    await bed.passes(0.25)
    bed.assert_empty()


async def test_an_origin_that_refuses_is_a_page_and_the_connection_goes_on(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program()
    client.sends(get("dead.example"))
    await bed.settle()
    bed.exit().refuses(Cause.REFUSED)
    await bed.settle()
    assert (await client.answer())[0].startswith(b"HTTP/1.1 502 ")
    client.sends(get())
    await bed.settle()
    bed.exit().connects()
    await bed.settle()
    bed.exit().sends(OK)
    assert await client.answer() == ANSWERED


async def test_an_origin_that_resets_before_its_answer_is_a_page(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program()
    client.sends(get())
    await bed.settle()
    bed.exit().connects()
    await bed.settle()
    bed.exit().refuses(Cause.TARGET_RESET)
    await bed.settle()
    assert (await client.answer())[0].startswith(b"HTTP/1.1 502 ")


async def test_an_origin_that_resets_within_its_answer_resets_the_client(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program()
    client.sends(get())
    await bed.settle()
    bed.exit().connects()
    bed.exit().sends(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    await bed.settle()
    bed.exit().refuses(Cause.TARGET_RESET)
    assert await client.is_reset()
    await bed.passes(0.25)
    bed.assert_empty()


async def test_an_early_answer_that_was_a_lie_is_a_page_for_a_plain_request(make_bed: ClientBeds) -> None:
    bed = await make_bed(answer="auto")
    client = bed.program()
    client.sends(get())
    await bed.settle()
    assert bed.exit().heard.startswith(b"GET / HTTP/1.1\r\n")
    bed.exit().refuses(Cause.REFUSED)
    await bed.settle()
    assert (await client.answer())[0].startswith(b"HTTP/1.1 502 ")


async def test_a_plain_request_told_early_goes_on_at_another_exit(make_bed: ClientBeds) -> None:
    bed = await make_bed(*TWO_EXITS, answer="auto")
    bed.paths.hold("a")
    client = bed.program()
    client.sends(get())
    await bed.settle()
    bed.exit("us").dies()
    await bed.settle()
    eu = bed.exit("eu")
    assert eu.heard.startswith(b"GET / HTTP/1.1\r\n")
    eu.connects()
    eu.sends(OK)
    assert await client.answer() == ANSWERED


async def test_what_an_origin_says_unasked_resets_its_stream_and_not_the_client(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program()
    client.sends(get())
    await bed.settle()
    bed.exit().connects()
    await bed.settle()
    bed.exit().sends(OK)
    assert await client.answer() == ANSWERED
    bed.exit().sends(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    await client.hears_nothing()
    assert bed.exit().sink.cause is Cause.CLIENT_RESET
    client.sends(get())
    await bed.settle()
    assert bed.exit().opened == 2


async def test_what_it_says_unasked_and_at_length_is_dropped_with_its_stream(
    make_bed: ClientBeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.session.carrier.SHARED_QUANTUM", LONGEST_DATA)
    bed = await make_bed()
    client = bed.program()
    client.sends(get())
    await bed.settle()
    bed.exit().connects()
    await bed.settle()
    bed.exit().sends(OK)
    assert await client.answer() == ANSWERED
    bed.exit().sends(bytes(3 * BEST_PIECE))
    await client.hears_nothing()
    assert bed.exit().sink.cause is Cause.CLIENT_RESET
    await bed.passes(0.25)
    assert bed.exit().pair.ingress.memory.used == 0


async def test_a_bad_request_is_told_and_the_client_closed(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program()
    client.sends(b"BREW / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert (await client.rest()).startswith(b"HTTP/1.1 400 ")
    client.finishes()
    await bed.settle()
    bed.assert_empty()


UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


async def test_an_upgraded_connection_becomes_a_tunnel(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program()
    client.sends(get(head=UPGRADE))
    await bed.settle()
    bed.exit().connects()
    await bed.settle()
    bed.exit().sends(SWITCHED + b"first words")
    await bed.settle()
    assert (await client.available()).endswith(b"\r\n\r\nfirst words")
    heard = bed.exit().heard
    client.sends(b"\x00binary")
    await bed.settle()
    assert bed.exit().heard == heard + b"\x00binary"
    bed.exit().sends(b"\xffback")
    await client.hears(b"\xffback")


async def test_what_follows_an_upgrade_in_the_same_frame_passes_whole(
    make_bed: ClientBeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A peer may send frames larger than ours: one call then brings the answer and more than a piece behind it."""
    monkeypatch.setattr("relay.session.carrier.SHARED_QUANTUM", LONGEST_DATA)
    bed = await make_bed()
    client = bed.program()
    client.sends(get(head=UPGRADE))
    await bed.settle()
    bed.exit().connects()
    await bed.settle()
    body = os.urandom(2 * BEST_PIECE)
    bed.exit().sends(SWITCHED + body)
    assert (await client.available()).endswith(b"\r\n\r\n" + body)
    client.sends(b"and back")
    await bed.settle()
    assert bed.exit().heard.endswith(b"and back")


# ---- backpressure while a door stays in between


async def test_a_large_answer_waits_for_its_reader(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program(buffers=16_384)
    client.sends(get())
    await bed.settle()
    bed.exit().connects()
    body = os.urandom(1_000_000)
    bed.exit().sends(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + body)
    await bed.settle()
    (stream,) = bed.exit().pair.ingress.streams.values()
    assert stream.receiver.received - stream.receiver.consumed > INITIAL_WINDOW // 2
    assert bed.exit().stream.sender.end - bed.exit().stream.sender.acked > 0
    assert (await client.available()).endswith(b"\r\n\r\n" + body)
    assert stream.receiver.consumed == stream.receiver.received


async def test_answers_of_our_own_wait_for_their_reader_as_well(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program(buffers=8192)
    for _ in range(50):
        client.sends(get("10.0.0.1"))
        await bed.settle()
    answers = await client.available()
    assert answers.count(b"HTTP/1.1 403 ") == 50
    client.sends(get())
    await bed.settle()
    assert bed.exit().opened == 1


async def test_an_upload_waits_for_the_target(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program()
    size = 20_000_000
    client.sends(f"POST http://{HOST}/ HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {size}\r\n\r\n".encode())
    await bed.settle()
    bed.exit().connects()
    bed.exit().sink.is_holding = True
    await bed.settle()
    sent = 0
    while taken := client.sends_all_it_can():
        sent += taken
        await bed.settle()
    assert sent < size
    assert len(bed.exit().heard) < 2 * INITIAL_WINDOW
    bed.exit().sink.is_holding = False
    bed.exit().sink.consume()
    await bed.settle()
    assert len(bed.exit().heard) > sent


# ---- doors that raise


@pytest.mark.parametrize("method", ["receive", "opened", "receive_upstream"])
async def test_a_door_that_raises_loses_its_client_and_nobody_else(
    make_bed: ClientBeds, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    bed = await make_bed()
    bed.expects_failure = True
    other = bed.program()
    other.sends(socks5())
    await bed.settle()
    bed.exit().connects()
    await other.hears(socks5_reply(0))
    beside = bed.exit().stream
    monkeypatch.setattr(f"ingress.doors.http.HttpDoor.{method}", lambda *_: 1 / 0)
    client = bed.program()
    client.sends(get())
    await bed.settle()
    if method != "receive":
        bed.exit().connects()
        bed.exit().sends(OK)
    assert await client.is_reset()
    assert [fields["error"] for fields in bed.journal.of("handler-failed")] == ["ZeroDivisionError('division by zero')"]
    other.sends(b"unharmed")
    await bed.settle()
    assert bytes(bed.exit().pair.sinks[EXIT][beside.id].data) == b"unharmed"
    assert bed.entrance.clients == 1
    assert len(bed.exit().pair.ingress.streams) == 1
    if method != "receive":
        assert bed.exit().sink.cause is Cause.CLIENT_RESET


async def test_the_socket_is_the_kernels_business_and_an_error_of_it_ends_the_client(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program()
    client.sends(get())
    await bed.settle()
    bed.exit().connects()
    await bed.settle()
    client.aborts()
    bed.exit().sends(OK)
    await bed.settle()
    assert bed.exit().sink.cause is Cause.CLIENT_RESET
    assert bed.entrance.clients == 0


# ---- kept without a request


async def test_b5_a_kept_connection_ends_when_nothing_comes_on_it_and_its_origin_with_it(make_bed: ClientBeds) -> None:
    bed = await make_bed(limits=Limits(kept_idle=60.0))
    client = bed.program()
    client.sends(get())
    await bed.settle()
    bed.exit().connects()
    await bed.settle()
    await bed.passes(50.0)  # a long answer is not idle
    bed.exit().sends(OK)
    assert await client.answer() == ANSWERED
    await bed.passes(50.0)
    client.sends(get())  # its clock begins anew
    await bed.settle()
    bed.exit().sends(OK)
    assert await client.answer() == ANSWERED
    await bed.passes(50.0)
    assert bed.entrance.idled == 0 and bed.exit().sink.fins == 0
    await bed.passes(11.0)
    assert await client.rest() == b""
    assert bed.entrance.idled == 1 and bed.exit().sink.fins == 1
    assert len(bed.entrance.idles) == 0
