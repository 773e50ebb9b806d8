"""A client that sends requests without waiting for answers (E8), over a real socket and real sessions."""

import os

import pytest

from ingress.doors.lanes import MOST_LANES
from relay.model.cause import Cause
from relay.session.acceptor import AcceptorStream
from relay.session.window import INITIAL_WINDOW
from tests.ingress.client.client_bed import ClientBed, ClientBeds
from tests.ingress.client.counterparts import Program
from tests.ingress.client.messages import connect, get, socks5
from tests.relay.session.pair import EXIT


def streams(bed: ClientBed) -> list[AcceptorStream]:
    """The exit's ends of all streams, in the order in which they were opened."""
    pair = bed.exit().pair
    found = [pair.sinks[EXIT][number].stream for number in pair.opened]
    assert all(isinstance(one, AcceptorStream) for one in found)
    return found  # type: ignore[return-value]


def asked(bed: ClientBed, number: int) -> AcceptorStream:
    """The stream on which that request has arrived."""
    (found,) = [one for one in streams(bed) if b"GET /%d " % number in bed.exit().pair.sinks[EXIT][one.id].data]
    return found


def answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


async def all_of(client: Program, bed: ClientBed) -> bytes:
    """What *client* hears until it hears no more, however slowly the streams are let go on."""
    heard = b""
    while more := await client.available():
        heard += more
        await bed.passes(0.25)
    return heard


async def pipelined(bed: ClientBed, count: int, *, buffers: int = 0) -> Program:
    """A client that has sent *count* requests at once, and whose streams are connected."""
    client = bed.program(buffers=buffers)
    client.sends(b"".join(get(path=f"/{number}") for number in range(count)))
    await bed.settle()
    for stream in streams(bed):
        stream.connected(0.02, bed.exit().pair.now)
    await bed.settle()
    return client


@pytest.mark.parametrize("mode", ["true", "auto"])
async def test_e8_requests_travel_side_by_side_and_answers_keep_their_order(make_bed: ClientBeds, mode: str) -> None:
    bed = await make_bed(answer=mode)
    client = await pipelined(bed, MOST_LANES + 2)
    assert bed.exit().opened == MOST_LANES
    for number, stream in reversed(list(enumerate(streams(bed)))):
        stream.write(answer(b"%d" % number))
        await bed.settle()
    for number in range(MOST_LANES):
        assert (await client.answer())[1] == b"%d" % number
    await bed.settle()
    for number in range(MOST_LANES, MOST_LANES + 2):
        asked(bed, number).write(answer(b"%d" % number))
        assert (await client.answer())[1] == b"%d" % number
    assert bed.exit().opened == MOST_LANES
    client.leaves()
    await bed.settle()
    for stream in streams(bed):
        stream.finish()
    await bed.settle()
    await bed.passes(0.25)
    await bed.passes(0.25)
    bed.assert_empty()


async def test_e8_answers_that_wait_for_their_turn_are_bounded_by_their_windows(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = await pipelined(bed, MOST_LANES)
    bodies = [b"first", *(os.urandom(1_000_000) for _ in range(MOST_LANES - 1))]
    for stream, body in zip(streams(bed)[1:], bodies[1:], strict=True):
        stream.write(answer(body))
    await bed.settle()
    for stream in bed.exit().pair.ingress.streams.values():
        assert stream.receiver.consumed == 0 and stream.receiver.received <= INITIAL_WINDOW
    await client.hears_nothing()
    streams(bed)[0].write(answer(b"first"))
    assert await all_of(client, bed) == b"".join(map(answer, bodies))
    for stream in bed.exit().pair.ingress.streams.values():
        assert stream.receiver.consumed == stream.receiver.received


async def test_e8_a_slow_reader_holds_up_all_of_them(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = await pipelined(bed, 3, buffers=16_384)
    bodies = [os.urandom(500_000) for _ in range(3)]
    for stream, body in zip(streams(bed), bodies, strict=True):
        stream.write(answer(body))
    await bed.settle()
    kept = [one.receiver.received - one.receiver.consumed for one in bed.exit().pair.ingress.streams.values()]
    assert all(INITIAL_WINDOW // 2 < size <= INITIAL_WINDOW for size in kept)
    assert await all_of(client, bed) == b"".join(map(answer, bodies))


async def test_e8_a_client_that_leaves_takes_all_its_streams_along(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = await pipelined(bed, MOST_LANES)
    streams(bed)[1].write(answer(b"kept"))
    await bed.settle()
    client.aborts()
    await bed.settle()
    assert {sink.cause for sink in bed.exit().pair.sinks[EXIT].values()} == {Cause.CLIENT_RESET}
    await bed.passes(0.25)
    await bed.passes(0.25)
    bed.assert_empty()


async def test_e8_a_refusal_in_the_middle_is_told_in_its_turn(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program()
    client.sends(get() + get("10.0.0.1") + get())
    await bed.settle()
    assert bed.exit().opened == 2, "no exit dials a private address"
    await client.hears_nothing()
    for stream in streams(bed):
        stream.connected(0.02, bed.exit().pair.now)
        stream.write(answer(b"ok"))
    assert [(await client.answer())[0] for _ in range(3)] == [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 403 Forbidden",
        b"HTTP/1.1 200 OK",
    ]


async def test_e8_an_answer_cut_in_the_middle_is_a_reset(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = await pipelined(bed, 3)
    first, second, third = streams(bed)
    third.write(answer(b"never"))
    second.write(answer(b"whole")[:-3])
    await bed.settle()
    second.reset(Cause.TARGET_RESET)
    await client.hears_nothing()
    first.write(answer(b"first"))
    await bed.settle()
    assert await client.is_reset()
    first.finish()
    for _ in range(3):
        await bed.passes(0.25)
    bed.assert_empty()


async def test_e8_a_tunnel_waits_for_the_answers_before_it(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program()
    client.sends(get() + get() + connect() + b"early")
    await bed.settle()
    first, second = streams(bed)
    for stream in (second, first):
        stream.connected(0.02, bed.exit().pair.now)
        stream.write(answer(b"ok"))
        await bed.settle()
    assert bed.exit().opened == 3
    bed.exit().connects()
    assert [await client.answer() for _ in range(2)] == [(b"HTTP/1.1 200 OK", b"ok")] * 2
    await client.hears(b"HTTP/1.1 200 Connection established\r\n\r\n")
    assert bed.exit().heard == b"early"
    bed.exit().sends(b"tunnel")
    await client.hears(b"tunnel")


async def test_e8_others_are_served_beside_a_client_that_asks_for_much(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    await pipelined(bed, 500)
    assert bed.exit().opened == MOST_LANES
    other = bed.program()
    other.sends(socks5())
    await bed.settle()
    assert bed.exit().opened == MOST_LANES + 1
