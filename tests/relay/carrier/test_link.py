"""A carrier's end is lost once, for one reason, and asks nobody afterwards; a session's clock fires when it must."""

import ssl
from collections.abc import AsyncIterator, Callable

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from relay.carrier.link import SessionClock
from relay.engine import Loop
from relay.model.cause import Cause
from relay.session.initiator import Initiator
from relay.session.unanswered import MOST
from relay.session.window import Memory
from relay.wire import bodies
from relay.wire.frames import Kind
from tests.relay.node.caller import Caller
from tests.relay.session.pair import RecordingSink
from tests.world import Journal, World, read, until


@pytest.fixture
async def loop(nursery: trio.Nursery) -> AsyncIterator[Loop]:
    made = Loop()
    nursery.start_soon(made.run)
    yield made
    nursery.cancel_scope.cancel()


@pytest.fixture
async def caller(make_world: Callable[..., World], nursery: trio.Nursery) -> AsyncIterator[Caller]:
    made = Caller(await make_world().start("us"), "us")
    nursery.start_soon(made.loop.run)
    yield made
    nursery.cancel_scope.cancel()


async def test_a_link_is_lost_once(caller: Caller) -> None:
    link = await caller.carrier()
    link.close("first")
    link.close("second")
    link.on_closed(None)
    assert caller.lost == ["first"]
    assert link.end.is_lost
    link.end.on_ready()  # harmless: nobody pulls
    assert link.data_to_send(0.0) == b""


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (None, "closed by the peer"),
        (ConnectionResetError(104, "Connection reset by peer"), "[Errno 104] Connection reset by peer"),
        (ssl.SSLError(), "()"),
    ],
)
async def test_why_it_was_lost(caller: Caller, error: OSError | None, why: str) -> None:
    link = await caller.carrier()
    link.tls.close()
    link.on_closed(error)
    assert caller.lost == [why]


async def test_what_is_said_of_a_carrier_is_said_of_its_link(caller: Caller) -> None:
    """And of one that is lost nothing is said any more, whatever its last bytes bring."""
    first, second = await caller.carrier(), await caller.carrier()
    stream, _ = caller.open(second)
    assert (first.riders, second.riders) == ([], [stream])
    for link, number in ((second, 1), (first, 2)):
        link.end.ping(number)
        await until(lambda number=number: number in caller.pongs)
    first.end.send(bodies.time_target(3, "127.0.0.1", 1))
    assert bodies.parse_timed(await caller.hears(Kind.TIMED))[0] == 3
    assert caller.said == [(second, 1), (first, 2), (first, Kind.TIMED)]
    first.close("the test's wish")
    first.on_pong(4)
    first.on_notice(Kind.GOAWAY, b"")
    assert len(caller.said) == 3


async def test_a_lost_link_says_which_streams_ride_on_nothing(caller: Caller) -> None:
    first, second = await caller.carrier(), await caller.carrier()
    alone, _ = caller.open(first)
    caller.open(first, second)
    first.close("the test's wish")
    assert caller.detached == [alone]
    assert list(caller.session.carriers.values()) == [second.end]


async def test_nonsense_closes_the_carrier(caller: Caller) -> None:
    link = await caller.carrier()
    link.on_bytes(memoryview(b"\x7f\0\0\0"), 0.0)
    assert caller.lost == ["protocol error: unknown frame kind 127"]
    assert link.tls.closed


async def test_who_answers_no_ping_loses_the_carrier(caller: Caller) -> None:
    link = await caller.carrier()
    for number in range(1, MOST + 1):
        link.ping(number)
    assert not caller.lost
    link.ping(MOST + 1)  # in one turn, so that the node has answered none
    assert caller.lost == [f"protocol error: {MOST} PINGs without an answer"]
    assert link.is_broken and link.tls.closed


async def test_last_words_of_a_dead_carrier_go_out_on_the_next(caller: Caller, journal: Journal) -> None:
    first = await caller.carrier()
    stream, _ = caller.open(first)
    target = await caller.world.target.accept()
    first.close("the test's wish")
    stream.reset(Cause.CLIENT_RESET)
    await caller.carrier(resume=True)
    with pytest.raises(trio.BrokenResourceError):
        await read(target, 1)


class Clocked:
    """A session on a clock, that has expiry and acknowledgements to wait for."""

    def __init__(self, loop: Loop) -> None:
        self.session = Initiator(b"t" * 16, Memory(1 << 20), loop.now)
        self.clock = SessionClock(loop, self.session)
        self.sink = RecordingSink()

    def open(self, loop: Loop) -> None:
        self.sink.stream = self.session.open("a.example", 443, self.sink, (), loop.now)


async def test_a_session_without_carriers_expires_by_its_clock(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.session.session.EXPIRY", 0.1)
    clocked = Clocked(loop)
    clocked.open(loop)
    await until(lambda: clocked.sink.cause is Cause.SESSION_EXPIRED)
    assert clocked.session.streams == {}


async def test_an_earlier_deadline_counts(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.session.session.EXPIRY", 0.3)
    clocked = Clocked(loop)
    clocked.open(loop)
    stream = clocked.sink.stream
    called: list[float] = []
    monkeypatch.setattr("relay.session.session.Session.handle_deadline", lambda self, now: called.append(now))
    start = loop.now
    clocked.session.now = start
    clocked.session.ack_later(stream)
    await until(lambda: called)
    assert called[0] - start < 0.2


async def test_a_stopped_clock_does_nothing(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.session.session.EXPIRY", 0.05)
    clocked = Clocked(loop)
    clocked.open(loop)
    clocked.clock.stop()
    clocked.session.expect_expiry()
    witness = Clocked(loop)
    witness.open(loop)
    await until(lambda: witness.sink.cause is not None)
    await wait_all_tasks_blocked()
    assert clocked.sink.cause is None
