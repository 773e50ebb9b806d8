"""Who moved how much: every byte of a client and every stream is counted once, however it ends and whenever it is
looked at."""

import contextlib
from collections.abc import Iterator

import pytest

from ingress.usage.usage import HOUR
from relay.model.cause import Cause
from tests.ingress.client.client_bed import TWO_EXITS, WALL, ClientBed, ClientBeds
from tests.ingress.client.counterparts import Holder
from tests.ingress.client.test_datagram_forward import FORWARD, Bench

HOST = "www.example.co.uk"
SITE = "example.co.uk"
CLIENT = "10.0.0.1"
Row = tuple[object, ...]


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


def rows(bed: ClientBed) -> list[Row]:
    """What was counted since the last time: user, client, exit, site, and the sums."""
    given = bed.usage.clients.give()
    bed.usage.clients.written()
    assert all(row[0] == WALL // HOUR for row in given)
    return [row[1:] for row in given]


def swept(bed: ClientBed) -> list[Row]:
    bed.accounts.sweep()
    return rows(bed)


async def test_a_stream_counts_while_it_lives_and_when_it_ends(make_bed: ClientBeds) -> None:
    bed, holder = await make_bed(), Holder()
    stream = bed.open(holder, HOST)
    assert swept(bed) == [("", CLIENT, "us", SITE, 0, 0, 1, 0, 0, 0)]
    await bed.settle()
    bed.exit().connects()
    stream.write(b"x" * 100)
    bed.exit().sends(b"y" * 1000)
    await bed.settle()
    assert swept(bed) == [("", CLIENT, "us", SITE, 100, 1000, 0, 0, 0, 0)]
    assert swept(bed) == []
    stream.write(b"x" * 5)
    stream.let_go()
    assert rows(bed) == [("", CLIENT, "us", SITE, 5, 0, 0, 0, 0, 0)]
    stream.let_go()
    assert swept(bed) == []


async def test_what_a_tunnel_moved_is_there_when_it_is_over(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    program = bed.program()
    program.sends(b"CONNECT www.example.co.uk:443 HTTP/1.1\r\nHost: x\r\n\r\n")
    await bed.settle()
    bed.exit().connects()
    await bed.settle()
    await program.available()
    program.sends(b"x" * 3000)
    await bed.settle()
    bed.exit().sends(b"y" * 70_000)
    assert await program.take(70_000) == b"y" * 70_000
    program.finishes()
    bed.exit().finishes()
    await bed.passes(1.0)
    assert rows(bed) == [("", "127.0.0.1", "us", SITE, 3000, 70_000, 1, 0, 0, 0)]
    assert swept(bed) == []


@pytest.mark.parametrize("by", ["client", "exit"])
async def test_a_reset_loses_no_count(make_bed: ClientBeds, by: str) -> None:
    bed, holder = await make_bed(), Holder()
    stream = bed.open(holder, HOST)
    stream.write(b"x" * 100)
    await bed.settle()
    bed.exit().connects()
    await bed.settle()
    if by == "client":
        stream.let_go()
        stream.reset()
    else:
        bed.exit().stream.reset(Cause.HOST_UNREACHABLE)
    await bed.settle()
    assert rows(bed) == [("", CLIENT, "us", SITE, 100, 0, 1, 0, 0, 0)]
    assert swept(bed) == []


async def test_what_another_exit_takes_up_counts_once(make_bed: ClientBeds) -> None:
    bed, holder = await make_bed(*TWO_EXITS, answer="auto"), Holder()
    stream = bed.open(holder, HOST)
    stream.write(b"ClientHello")
    await bed.settle()
    assert swept(bed) == [("", CLIENT, "us", SITE, 11, 0, 1, 0, 0, 0)]
    bed.exit("us").refuses(Cause.NO_ROUTE)
    await bed.settle()
    assert bed.exit("eu").heard == b"ClientHello" and swept(bed) == []
    bed.exit("eu").connects()
    stream.write(b"more")
    await bed.settle()
    assert swept(bed) == [("", CLIENT, "eu", SITE, 4, 0, 0, 0, 0, 0)]


async def test_what_was_never_opened_counts_nothing(make_bed: ClientBeds) -> None:
    bed, holder = await make_bed(is_up=False), Holder()
    stream = bed.open(holder, HOST)
    assert swept(bed) == []
    await bed.passes(6.0)
    assert holder.told and swept(bed) == []
    assert stream.stream is None


async def test_sites_are_left_out_if_they_are_not_wanted(make_bed: ClientBeds, stack: contextlib.ExitStack) -> None:
    bed, holder = await make_bed(*TWO_EXITS, sites=False), Holder()
    bed.open(holder, HOST)
    bench = Bench(bed, stack, FORWARD)
    assert await bench.ask(bench.client(), b"hello") == b"hello"
    assert [row[3] for row in swept(bed)] == ["", ""]


async def test_a_forward_of_datagrams_counts_payload(make_bed: ClientBeds, stack: contextlib.ExitStack) -> None:
    bed = await make_bed(*TWO_EXITS)
    bench = Bench(bed, stack, FORWARD)
    client = bench.client()
    for payload in (b"hello", bytes(9000)):
        assert await bench.ask(client, payload) == payload
    assert swept(bed) == [("", "127.0.0.1", "us", "9.9.9.9", 0, 0, 0, 9005, 9005, 1)]
    assert await bench.ask(client, b"again") == b"again"
    bench.port.close()
    assert rows(bed) == [("", "127.0.0.1", "us", "9.9.9.9", 0, 0, 0, 5, 5, 0)]


async def test_what_a_lost_exit_had_of_a_forward_is_its_own(make_bed: ClientBeds, stack: contextlib.ExitStack) -> None:
    bed = await make_bed(*TWO_EXITS)
    bench = Bench(bed, stack, FORWARD)
    client = bench.client()
    assert await bench.ask(client, b"hello") == b"hello"
    (flow,) = bench.flows
    flow.owner.on_gone(flow)
    assert swept(bed) == [("", "127.0.0.1", "us", "9.9.9.9", 0, 0, 0, 5, 5, 1)]
