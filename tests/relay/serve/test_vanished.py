"""B3: whoever is owed bytes and is not there any more is let go of, by looks that come now and then."""

import errno

import trio
from trio.testing import MockClock

from relay.engine import Loop, Tcp
from relay.engine.liveness import GRACE
from relay.serve.vanished import LOOK, Vanished
from tests.relay.conftest import swallow
from tests.relay.engine.conftest import Owner, Sockets

NO_PATIENCE = -GRACE
"""A keepalive with which a moment's silence is too long: what the kernel measures cannot be made to pass faster."""


async def test_b3_a_peer_that_vanished_is_failed_once_and_one_who_lives_is_not() -> None:
    loop, sockets = Loop(), Sockets()
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(loop.run)
            (near, far), (other, reader) = sockets.pair(), sockets.pair()
            gone, lives = Owner(), Owner()
            Tcp(loop, near, gone)
            there = Tcp(loop, other, lives)
            swallow(far)
            vanished = Vanished(loop, lambda: 0.0)
            for tcp in loop.endpoints():
                if isinstance(tcp, Tcp):
                    tcp.write(b"x" * 1000)
            await trio.lowlevel.wait_readable(reader)  # what was sent to it is acknowledged: nothing is in flight
            with trio.fail_after(20):
                while "closed" not in gone.calls:
                    await vanished.look(NO_PATIENCE)
            assert (await gone.closed()) is not None and gone.error is not None
            assert gone.error.errno == errno.ETIMEDOUT
            assert vanished.count == 1
            assert not there.closed and "closed" not in lives.calls
            there.close()
            nursery.cancel_scope.cancel()
    finally:
        sockets.close()


async def test_b3_it_looks_every_ten_seconds_by_the_keepalive_of_that_moment(autojump_clock: MockClock) -> None:
    asked: list[float] = []

    def keepalive() -> float:
        asked.append(trio.current_time())
        return 60.0

    start = trio.current_time()
    with trio.move_on_after(3.5 * LOOK):
        await Vanished(Loop(), keepalive).watch()
    assert asked == [start + LOOK, start + 2 * LOOK, start + 3 * LOOK]
