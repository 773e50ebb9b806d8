"""How long streams stood still: counted once, to the path that they were rescued from."""

import math

import pytest

from relay.model.cause import Cause
from tests.ingress.paths.yard import THREE_LINES, Yard, in_yard


@in_yard(THREE_LINES)
async def test_a_pause_is_counted_once_and_to_the_first_path(yard: Yard) -> None:
    await yard.up()
    pauses, stream = yard.fleet.moving.pauses, yard.open("a").stream
    heard = yard.loop.now - 1.0
    pauses.begin(stream, yard.live["a"], heard)
    await yard.run(0.5)
    pauses.begin(stream, yard.live["b"], yard.loop.now)  # and is rescued once more, while it stands still
    assert pauses.age(stream) == pytest.approx(0.5)
    ended = yard.loop.now
    pauses.end(stream)
    pauses.end(stream)
    assert yard.live["a"].counters.resumes == 1
    assert yard.live["a"].counters.longest_pause == pytest.approx(ended - heard)
    assert yard.live["b"].counters.resumes == 0
    assert len(pauses) == 0


@in_yard(THREE_LINES)
async def test_who_does_not_stand_still_has_waited_for_ever(yard: Yard) -> None:
    await yard.up()
    assert yard.fleet.moving.pauses.age(yard.open("a").stream) == math.inf


@in_yard(THREE_LINES)
async def test_who_ended_stands_still_no_more(yard: Yard) -> None:
    await yard.up()
    pauses, ended, other = yard.fleet.moving.pauses, yard.open("a").stream, yard.open("a").stream
    for stream in (ended, other):
        pauses.begin(stream, yard.live["a"], yard.loop.now)
    ended.reset(Cause.CLIENT_RESET)
    pauses.forget_ended()
    assert len(pauses) == 1
    assert pauses.age(other) == 0.0
    pauses.end(ended)
    assert yard.live["a"].counters.resumes == 0


@in_yard(THREE_LINES)
async def test_the_longest_is_kept(yard: Yard) -> None:
    await yard.up()
    pauses, live, now = yard.fleet.moving.pauses, yard.live["a"], yard.loop.now
    for pause in (0.5, 2.0, 1.0):
        stream = yard.open("a").stream
        pauses.begin(stream, live, now - pause)
        pauses.end(stream)
    assert (live.counters.resumes, live.counters.longest_pause) == (3, pytest.approx(2.0))
