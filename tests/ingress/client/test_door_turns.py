"""Doors that read what is dear to read wait for their turn: they hold up nobody, and nothing is lost or reordered."""

import contextlib
from collections.abc import Iterator

import attrs

from ingress.client.door_turns import DoorTurns
from ingress.doors.budget import TURN
from relay.engine import Loop
from relay.model.cause import Cause
from tests.ingress.client.client_bed import ClientBed, ClientBeds
from tests.ingress.client.counterparts import Program
from tests.ingress.client.messages import HOST, get
from tests.relay.session.pair import EXIT

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
TINY = b"1\r\nx\r\n"
END = b"0\r\n\r\n"
SWITCHED = b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


@attrs.define(eq=False)
class Reader:
    """Reads *need* steps, at most what is left."""

    turns: DoorTurns
    need: int
    had: list["Reader"]
    is_behind: bool = False

    def catch_up(self) -> None:
        self.had.append(self)
        taken = min(self.need, self.turns.budget.left)
        self.need -= taken
        self.turns.budget.left -= taken
        if self.need:
            self.turns.add(self)


def test_each_has_a_turn_before_one_has_a_second_and_all_share_the_budget() -> None:
    loop = Loop()
    turns, had = DoorTurns(loop), list[Reader]()
    one, other, small = (Reader(turns, need, had) for need in (2 * TURN, 2 * TURN, TURN // 2))
    for reader in (one, other, small, one):
        turns.add(reader)
    for left, heard in ((3, [one]), (3, [one, other]), (2, [one, other, small, one])):
        assert turns.queued, "it is asked for again"
        turns.queued = False
        turns.serve(0)
        assert had[: len(heard)] == heard and len(turns._waiting) <= left
    while turns._waiting:
        turns.serve(0)
    assert one.need == other.need == small.need == 0
    loop.close()


async def asking(bed: ClientBed, head: str = "") -> Program:
    """A client that has asked an origin, which is there."""
    client = bed.program()
    client.sends(get(head=head))
    await bed.settle()
    bed.exit().connects()
    await bed.settle()
    return client


@contextlib.contextmanager
def standing(bed: ClientBed) -> Iterator[None]:
    """No door gets a turn in the block; the budget is used up."""
    turns = bed.entrance.door_turns
    turns.budget.left, turns.queued = 0, True
    yield
    turns.queued = False
    bed.loop.again(turns)


async def test_a_body_of_tiny_chunks_arrives_whole_in_many_turns(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = await asking(bed)
    bed.exit().sends(CHUNKED + TINY * 30_000 + END)
    heard = (await client.available()).partition(b"\r\n\r\n")[2]
    assert heard.count(b"x") == 30_000 and heard.endswith(END)
    assert bed.entrance.door_turns.statistics().delayed >= 30_000 // TURN


async def test_what_waits_to_be_read_is_not_consumed_so_that_its_window_bounds_it(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = await asking(bed)
    (stream,) = bed.exit().pair.ingress.streams.values()
    with standing(bed):
        before = stream.receiver.consumed
        bed.exit().sends(CHUNKED + TINY * 300_000 + END)
        await bed.settle()
        assert stream.receiver.consumed == before and bed.exit().stream.sender.end > stream.receiver.limit
        assert stream.receiver.received == stream.receiver.limit
    heard = b""
    while more := await client.available():
        heard += more
        await bed.passes(0.25)
    assert heard.count(b"x") == 300_000 and heard.endswith(END)


async def test_another_clients_bytes_pass_while_one_waits(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    await asking(bed)
    slow = bed.exit().stream
    quick = await asking(bed)
    with standing(bed):
        slow.write(CHUNKED + TINY * 1000)
        await bed.settle()
    await bed.settle()
    with standing(bed):
        bed.entrance.door_turns.budget.left = 200
        bed.exit().sends(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        await bed.settle()
        bed.entrance.door_turns.budget.left = 0
        slow.write(TINY * 1000)
        bed.exit().sends(bytes(100_000))
        assert (await quick.available()).count(b"\0") == 100_000, "bytes that cost nothing to read wait for nobody"


async def test_fin_and_reset_come_behind_what_waited(make_bed: ClientBeds) -> None:
    for ends_by_reset in (False, True):
        bed = await make_bed()
        client = await asking(bed)
        with standing(bed):
            bed.exit().sends(CHUNKED + TINY * 1000 + (b"" if ends_by_reset else END))
            await bed.settle()
            if ends_by_reset:
                bed.exit().stream.abort(Cause.TARGET_RESET)
            else:
                bed.exit().finishes()
            await bed.settle()
        await bed.settle()
        if ends_by_reset:
            assert await client.is_reset()
        else:
            assert (await client.available()).endswith(b"x" * 1000 + b"\r\n" + END)


async def test_a_change_of_protocols_that_waited_gets_what_came_behind_it(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = await asking(bed, "Connection: Upgrade\r\nUpgrade: websocket\r\n")
    with standing(bed):
        bed.exit().sends(SWITCHED + b"first words")
        bed.exit().finishes()
        await bed.settle()
    assert (await client.rest()).endswith(b"\r\n\r\nfirst words")
    client.sends(b"and back")
    await bed.settle()
    assert bed.exit().heard.endswith(b"and back")


async def test_an_upload_of_tiny_chunks_is_read_in_many_turns(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program()
    client.sends(get(head="Transfer-Encoding: chunked\r\n").replace(b"GET", b"PUT", 1) + TINY * 9000 + END)
    await bed.settle()
    bed.exit().connects()
    await bed.settle()
    assert bed.exit().heard.count(b"x") == 9000 + HOST.encode().count(b"x")
    assert bed.entrance.door_turns.statistics().delayed >= 9000 // TURN


async def test_a_client_that_leaves_while_its_door_waits_is_forgotten(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = await asking(bed)
    with standing(bed):
        bed.exit().sends(CHUNKED + TINY * 1000)
        await bed.settle()
        client.aborts()
        await bed.settle()
    await bed.settle()
    assert bed.exit().pair.sinks[EXIT][bed.exit().pair.opened[-1]].cause is Cause.CLIENT_RESET
    assert bed.entrance.clients == 0


def test_what_fails_is_no_one_clients_and_the_turns_go_on() -> None:
    turns, had = DoorTurns(Loop()), list[Reader]()
    turns.fail(OSError())
    assert not turns.queued, "nobody waits"
    reader = Reader(turns, 1, had)
    turns.add(reader)
    turns.queued = False
    turns.fail(OSError())
    assert turns.queued
    turns.serve(0)
    assert had == [reader] and reader.need == 0
