"""Which streams are half-closed and stand still, as a table over time; and that both ends hear of it."""

from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock

from relay.model.cause import Cause
from relay.serve.half_closed import HalfClosed, watch_half_closed
from relay.session.stream import Stream
from tests.relay.session.pair import EXIT, INGRESS, SessionPair

IDLE = 300.0
Act = Callable[[SessionPair, Stream], object]


def half_close(pair: SessionPair, stream: Stream) -> None:
    stream.finish()
    pair.run()


def upload(pair: SessionPair, stream: Stream) -> None:
    stream.write(b"x" * 10)
    pair.run()


def download(pair: SessionPair, stream: Stream) -> None:
    pair.at_exit(stream).write(b"x" * 10)
    pair.run()


def reset(pair: SessionPair, stream: Stream) -> None:
    pair.at_exit(stream).reset(Cause.TARGET_RESET)
    pair.run()


def nothing(pair: SessionPair, stream: Stream) -> None:
    pair.run()


@pytest.mark.parametrize(
    ("first", "later", "is_over"),
    [
        (nothing, nothing, False),  # open both ways: may be silent for ever
        (upload, nothing, False),
        (half_close, nothing, True),
        (half_close, download, False),
        (half_close, reset, False),  # over already
    ],
)
def test_who_is_over(first: Act, later: Act, is_over: bool) -> None:
    pair = SessionPair()
    stream = pair.open(0)
    pair.run()
    first(pair, stream)
    watches = {end: HalfClosed() for end in (INGRESS, EXIT)}
    over: dict[int, list[Stream]] = {}
    for now in range(0, 600, 30):
        for end, watch in watches.items():
            over.setdefault(end, []).extend(watch.expired(pair.sessions[end].streams.values(), 1000.0 + now, IDLE))
        later(pair, stream)
    if is_over:
        assert over[INGRESS][0] is stream
        assert over[EXIT][0] is pair.at_exit(stream)
    else:
        assert over == {INGRESS: [], EXIT: []}


def test_progress_begins_the_wait_anew() -> None:
    pair = SessionPair()
    stream = pair.open(0)
    half_close(pair, stream)
    watch = HalfClosed()
    told = {}
    for now in range(0, 900, 60):
        if now == 240:
            download(pair, stream)
        told[now] = bool(watch.expired([stream], float(now), IDLE))
    assert next(now for now, is_over in told.items() if is_over) == 540


def test_what_has_ended_is_forgotten() -> None:
    pair = SessionPair()
    stream = pair.open(0)
    half_close(pair, stream)
    watch = HalfClosed()
    watch.expired([stream], 0.0, IDLE)
    assert len(watch._known) == 1
    watch.expired([], 30.0, IDLE)
    assert len(watch._known) == 0


async def test_both_ends_are_told(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    pair = SessionPair()
    stream = pair.open(0)
    half_close(pair, stream)
    nursery.start_soon(watch_half_closed, lambda: 100.0, pair.ingress.streams.values)
    with trio.fail_after(120):
        while pair.sinks[INGRESS][stream.id].cause is None:  # noqa: ASYNC110 - under a clock that jumps
            await trio.sleep(1)
    assert trio.current_time() == pytest.approx(111, abs=1)
    pair.run()
    assert pair.sinks[EXIT][stream.id].cause is Cause.HALF_CLOSED_IDLE
    assert pair.exit.streams == {}
    nursery.cancel_scope.cancel()
