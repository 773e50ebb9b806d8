"""The last moments of a client: the answer, FIN, and who closes first."""

import pytest

from ingress.client.closing import LINGER, MOST_IDLE
from relay.engine import Tcp
from tests.ingress.client.client_bed import ClientBed, ClientBeds
from tests.ingress.client.counterparts import Program
from tests.relay.engine.conftest import Owner


class Closed:
    """A client that was given its last bytes."""

    def __init__(self, bed: ClientBed, buffers: int = 0) -> None:
        near, far = bed.sockets.pair(buffers)
        self.gone = 0
        self.owner = Owner()
        self.tcp = Tcp(bed.loop, near, self.owner)
        self.client = Program(far, bed.settle)
        self.closing = bed.entrance.closing

    def close(self, answer: bytes = b"sorry") -> Program:
        self.tcp.write(answer)
        self.closing.add(self.tcp, self._gone)
        return self.client

    def _gone(self) -> None:
        self.gone += 1


async def test_the_answer_comes_whole_and_then_fin(make_bed: ClientBeds) -> None:
    made = Closed(await make_bed())
    assert await made.close().rest() == b"sorry"
    assert made.gone == 0


async def test_what_the_client_still_sends_is_dropped(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    made = Closed(bed)
    made.tcp.pause()  # as a door may have left it
    client = made.close()
    client.sends(b"x" * 100_000)
    await bed.settle()
    assert made.tcp.bytes_in == 100_000
    assert await client.rest() == b"sorry"
    assert bytes(made.owner.data) == b""
    client.finishes()
    await bed.settle()
    assert (made.gone, made.owner.calls) == (1, [])


async def test_who_had_closed_before_is_gone_with_its_answer(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    made = Closed(bed)
    made.client.finishes()
    await bed.settle()
    client = made.close()
    await bed.settle()
    assert made.gone == 1
    assert await client.rest() == b"sorry"
    await bed.passes(2 * LINGER)
    assert made.gone == 1


async def test_who_resets_is_gone_at_once(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    made = Closed(bed)
    made.close().aborts()
    await bed.settle()
    assert (made.gone, made.tcp.closed) == (1, True)
    assert len(made.closing._deadlines) == 0
    await bed.passes(2 * LINGER)
    assert made.gone == 1


async def test_who_does_not_close_is_closed(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    made = Closed(bed)
    client = made.close()
    await bed.passes(LINGER - 0.25)
    assert (made.gone, made.tcp.closed) == (0, False)
    await bed.passes(0.25)
    assert (made.gone, made.tcp.closed) == (1, True)
    assert await client.rest() == b"sorry"
    assert bed.loop.statistics().endpoints == 0


async def test_who_does_not_take_its_answer_is_reset(make_bed: ClientBeds) -> None:
    """It must not take what it has for the whole."""
    bed = await make_bed()
    made = Closed(bed, buffers=8192)
    client = made.close(b"x" * 1_000_000)
    assert made.tcp.unsent
    for _ in range(MOST_IDLE):
        assert made.gone == 0
        await bed.passes(LINGER)
    assert made.gone == 1
    assert await client.is_reset()


async def test_a1_who_takes_its_answer_slowly_gets_all_of_it(make_bed: ClientBeds) -> None:
    """A closed connection must not cost a slow client the end of a long answer."""
    bed = await make_bed()
    made = Closed(bed, buffers=8192)
    client = made.close(b"x" * 200_000)
    got = 0
    while made.tcp.unsent:
        got += len(client.sock.recv(8192))
        await bed.passes(LINGER)
        assert made.gone == 0
    await bed.passes(LINGER - 0.25)
    assert made.gone == 0
    assert got + len(await client.rest()) == 200_000


async def test_each_has_its_own_time(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    first, second = Closed(bed), Closed(bed)
    first.close()
    await bed.passes(1.0)
    second.close()
    await bed.passes(1.0)
    assert (first.gone, second.gone) == (1, 0)
    await bed.passes(1.0)
    assert (first.gone, second.gone) == (1, 1)


@pytest.mark.parametrize("seconds", [0.0, LINGER])
async def test_a_socket_that_somebody_else_closed_is_let_be(make_bed: ClientBeds, seconds: float) -> None:
    bed = await make_bed()
    made = Closed(bed)
    made.close()
    made.tcp.close()
    await bed.passes(seconds)
    assert made.gone == 0
