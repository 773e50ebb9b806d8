"""Spare carriers are dialled one at a time, and not again at once when that has failed."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock

from ingress.measure.faults import FaultKind, SetupFault
from ingress.paths.backoff import BACKOFF_FIRST
from ingress.paths.dial import SetupFailed
from ingress.paths.spares import PROVEN, Spares
from relay.engine import Loop

TAKES = 1.0


class Dialler:
    """What `dial_once` does: it takes a second, and then fails as long as it is told to."""

    def __init__(self, loop: Loop) -> None:
        self.spares = Spares(loop, "direct", self.dial_once)
        self.began: list[float] = []
        self.fails = False

    async def dial_once(self) -> None:
        self.began.append(trio.current_time())
        await trio.sleep(TAKES)
        if self.fails:
            raise SetupFailed(SetupFault(FaultKind.OTHER, 0, "no room", said_by="us"))

    async def dial(self) -> None:
        """Ask, and see it through."""
        self.spares.want(is_missing=True)
        await trio.sleep(TAKES * 1.001)


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


async def test_nothing_is_dialled_before_the_start(loop: Loop, autojump_clock: MockClock) -> None:
    dialler = Dialler(loop)
    await dialler.dial()
    assert dialler.began == []
    assert not dialler.spares.is_dialling


async def test_one_at_a_time(loop: Loop, autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    dialler = Dialler(loop)
    dialler.spares.start(nursery)
    dialler.spares.want(is_missing=True)
    dialler.spares.want(is_missing=True)
    assert dialler.spares.is_dialling
    await dialler.dial()
    assert len(dialler.began) == 1
    await dialler.dial()
    assert len(dialler.began) == 2


async def test_a_failure_is_waited_out_for_longer_each_time(
    loop: Loop, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """Somebody asks all the time."""
    dialler = Dialler(loop)
    dialler.spares.start(nursery)
    dialler.fails = True
    while len(dialler.began) < 5:
        dialler.spares.want(is_missing=True)
        await trio.sleep(0.01)
    waits = [after - before - TAKES for before, after in pairwise(dialler.began)]
    assert waits == pytest.approx([BACKOFF_FIRST, 2 * BACKOFF_FIRST, 4 * BACKOFF_FIRST, 8 * BACKOFF_FIRST], abs=0.02)


async def test_a_carrier_that_has_proven_itself_forgives(
    loop: Loop, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    dialler = Dialler(loop)
    dialler.spares.start(nursery)
    dialler.fails = True
    await dialler.dial()
    assert dialler.spares.backoff == BACKOFF_FIRST
    dialler.fails = False
    await trio.sleep(BACKOFF_FIRST)
    await dialler.dial()
    dialler.spares.ended(PROVEN)
    assert dialler.spares.backoff == 0.0
    await dialler.dial()
    assert len(dialler.began) == 3


async def test_c1_who_lets_us_in_and_ends_it_at_once_is_waited_out_too(
    loop: Loop, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    dialler = Dialler(loop)
    dialler.spares.start(nursery)
    for step in range(5):
        while len(dialler.began) == step:
            dialler.spares.want(is_missing=True)
            await trio.sleep(0.01)
        await trio.sleep(TAKES)
        dialler.spares.ended(PROVEN / 2)
    waits = [after - before - TAKES for before, after in pairwise(dialler.began)]
    assert waits == pytest.approx([BACKOFF_FIRST, 2 * BACKOFF_FIRST, 4 * BACKOFF_FIRST, 8 * BACKOFF_FIRST], abs=0.04)
