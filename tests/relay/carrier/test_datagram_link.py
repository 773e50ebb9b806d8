"""A carrier for datagrams: what it brings and says, and that it ends once, for one reason, whoever ends it."""

from collections.abc import AsyncIterator, Callable

import pytest
import trio

from relay.carrier.datagram_link import DatagramLink
from relay.session.carrier import MOST_WAITING
from relay.session.unanswered import MOST
from relay.wire import bodies
from relay.wire.frames import Kind, data_header, frame
from tests.relay.node.datagram_caller import DatagramCaller, PlayedLabel
from tests.world import World, until


@pytest.fixture
async def caller(make_world: Callable[..., World], nursery: trio.Nursery) -> AsyncIterator[DatagramCaller]:
    made = DatagramCaller(await make_world().start("us"))
    nursery.start_soon(made.loop.run)
    yield made
    nursery.cancel_scope.cancel()


class Hearer:
    """An owner that keeps what it is told."""

    def __init__(self) -> None:
        self.datagrams: list[bytes] = []
        self.pongs: list[int] = []
        self.lost: list[str] = []

    def on_datagram(self, link: DatagramLink, data: bytes) -> None:
        self.datagrams.append(data)

    def on_pong(self, link: DatagramLink, name: int) -> None:
        self.pongs.append(name)

    def on_lost(self, link: DatagramLink, why: str) -> None:
        self.lost.append(why)


@pytest.fixture
def owner() -> Hearer:
    return Hearer()


@pytest.fixture
async def link(caller: DatagramCaller, owner: Hearer) -> DatagramLink:
    """One that is up; its owner has no labels."""
    return await caller.datagram_link(owner, "us", None)


async def test_it_is_lost_once(link: DatagramLink, owner: Hearer) -> None:
    link.close("first")
    link.close("second")
    link.on_closed(None)
    assert owner.lost == ["first"]
    assert link.tls.closed and not link.is_broken


async def test_a_lost_one_brings_nothing(link: DatagramLink, owner: Hearer) -> None:
    """What was read together with what ended it, or lay unread then."""
    link.close("the test's wish")
    for late in (frame(Kind.DATAGRAM, b"late"), bodies.ping(1, 0.0, False), frame(Kind.GOAWAY)):
        link.on_bytes(memoryview(late), 0.0)
    assert (owner.datagrams, owner.pongs, owner.lost) == ([], [], ["the test's wish"])
    assert link.data_to_send(0.0) == b""


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (None, "closed by the peer"),
        (ConnectionResetError(104, "Connection reset by peer"), "[Errno 104] Connection reset by peer"),
    ],
)
async def test_why_it_was_lost(link: DatagramLink, owner: Hearer, error: OSError | None, why: str) -> None:
    link.tls.close()
    link.on_closed(error)
    assert owner.lost == [why]


async def test_who_answers_no_ping_loses_it(link: DatagramLink, owner: Hearer) -> None:
    for number in range(MOST):
        link.ping(number)
    assert not owner.lost
    link.ping(MOST)  # in one turn, so that the node has answered none
    assert owner.lost == [f"protocol error: {MOST} PINGs without an answer"]
    assert link.is_broken and link.tls.closed


async def test_pings_that_are_answered_may_be_as_many_as_one_likes(link: DatagramLink, owner: Hearer) -> None:
    for turn in range(3):
        for number in range(MOST):
            link.ping(turn * MOST + number)
        await until(lambda turn=turn: len(owner.pongs) == (turn + 1) * MOST)
    assert owner.pongs == list(range(3 * MOST))


async def test_who_asks_and_does_not_read_is_not_read_either(link: DatagramLink) -> None:
    """Answers that wait are bounded: the rest stays with him, and goes on when they have gone."""
    asked = b"".join(bodies.ping(number, 0.0, False) for number in range(2 * MOST_WAITING))
    assert link.on_bytes(memoryview(asked), 1.0)
    while not link.is_full:
        assert link.on_bytes(memoryview(b""), 2.0)
    assert link.heard_at == 1.0  # to look at what is left is not to hear
    answer = len(bodies.pong(0))
    assert link.on_bytes(memoryview(b""), 2.0)
    waiting = len(link.data_to_send(2.0)) // answer
    assert MOST_WAITING < waiting < 2 * MOST_WAITING
    while link.on_bytes(memoryview(b""), 2.0):
        pass
    assert waiting + len(link.data_to_send(2.0)) // answer == 2 * MOST_WAITING


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (b"\x7f\0\0\0", "unknown frame kind 127"),
        (data_header(1, 0, 4) + b"data", "DATA on a carrier for datagrams"),
        (frame(Kind.GOAWAY), "a GOAWAY frame on a carrier for datagrams"),
        (bodies.pong(7), "a PONG for what was not asked, or was answered before"),
    ],
)
async def test_what_has_no_place_there_ends_it(link: DatagramLink, owner: Hearer, wrong: bytes, why: str) -> None:
    assert link.on_bytes(memoryview(wrong), 0.0) is False
    assert owner.lost == [f"protocol error: {why}"]
    assert link.is_broken


async def test_datagrams_pass_whole_and_the_late_are_counted(link: DatagramLink, owner: Hearer) -> None:
    sizes = (1, 1200, 9000)
    link.on_bytes(memoryview(b"".join(frame(Kind.DATAGRAM, bytes(size)) for size in sizes)), 5.0)
    assert [len(data) for data in owner.datagrams] == list(sizes)
    assert link.heard_at == 5.0
    link.send(b"fresh")
    assert "1 waiting" in repr(link) and link.dropped == 0
    assert link.data_to_send(1e12) == b""  # it would be late by now
    assert link.dropped == 1


async def test_a_label_rides_on_what_answers_pings(caller: DatagramCaller) -> None:
    label = PlayedLabel(caller)
    await label.up()
    await label.ride()
    await label.latched()
    label.link.ping(3)
    await until(lambda: label.pongs == [3])
