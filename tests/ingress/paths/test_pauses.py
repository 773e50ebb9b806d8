"""How long streams stood still: counted once, to the path that they were rescued from."""

import math

import pytest

from relay.model.cause import Cause
from tests.ingress.paths.fleet_bed import THREE_LINES, FleetBed, with_bed


@with_bed(THREE_LINES)
async def test_a_pause_is_counted_once_and_to_the_first_path(bed: FleetBed) -> None:
    await bed.up()
    pauses, stream = bed.fleet.moving.pauses, bed.open("a").stream
    heard = bed.loop.now - 1.0
    pauses.begin(stream, bed.live["a"], heard)
    await bed.run(0.5)
    pauses.begin(stream, bed.live["b"], bed.loop.now)  # and is rescued once more, while it stands still
    assert pauses.age(stream) == pytest.approx(0.5)
    ended = bed.loop.now
    pauses.end(stream)
    pauses.end(stream)
    assert bed.live["a"].counters.resumes == 1
    assert bed.live["a"].counters.longest_pause == pytest.approx(ended - heard)
    assert bed.live["b"].counters.resumes == 0
    assert len(pauses) == 0


@with_bed(THREE_LINES)
async def test_who_does_not_stand_still_has_waited_for_ever(bed: FleetBed) -> None:
    await bed.up()
    assert bed.fleet.moving.pauses.age(bed.open("a").stream) == math.inf


@with_bed(THREE_LINES)
async def test_who_ended_stands_still_no_more(bed: FleetBed) -> None:
    await bed.up()
    pauses, ended, other = bed.fleet.moving.pauses, bed.open("a").stream, bed.open("a").stream
    for stream in (ended, other):
        pauses.begin(stream, bed.live["a"], bed.loop.now)
    ended.reset(Cause.CLIENT_RESET)
    pauses.forget_ended()
    assert len(pauses) == 1
    assert pauses.age(other) == 0.0
    pauses.end(ended)
    assert bed.live["a"].counters.resumes == 0


@with_bed(THREE_LINES)
async def test_the_longest_is_kept(bed: FleetBed) -> None:
    await bed.up()
    pauses, live, now = bed.fleet.moving.pauses, bed.live["a"], bed.loop.now
    for pause in (0.5, 2.0, 1.0):
        stream = bed.open("a").stream
        pauses.begin(stream, live, now - pause)
        pauses.end(stream)
    assert (live.counters.resumes, live.counters.longest_pause) == (3, pytest.approx(2.0))
