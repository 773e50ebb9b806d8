"""An OPEN that nobody acknowledges is said again elsewhere, within the budget, and never dials a second time; in whole
networks in this process."""

from collections.abc import Callable

import pytest

from ingress.client import hedging
from tests.world import TWO_PATHS, World, read, reply, until


@pytest.fixture
async def world(make_world: Callable[..., World]) -> World:
    made = await make_world(TWO_PATHS).start()
    await made.up()
    return made


def hold_best(world: World) -> str:
    """Make the path that new streams take swallow everything."""
    best = world.running.fleet.chooser.ranking.order[0].name
    world.wires["direct" if best == "direct" else "ix"].hold()
    return best


async def test_a_slow_open_is_said_again_over_another_path_and_dialled_once(world: World) -> None:
    held = hold_best(world)
    client = await world.ask()
    assert await reply(client) == 0
    assert len(world.journal.of("opening-hedged")) == 1
    target = await world.target.accept()
    await client.send_all(b"once")
    assert await read(target, 4) == b"once"
    for wire in world.wires.values():
        wire.release()  # now the first OPEN arrives as well
    await world.up(held)
    assert world.target.dialled == 1


async def test_without_budget_a_merely_slow_open_waits(world: World) -> None:
    world.running.opener._hedging._budget = 0.9
    hold_best(world)
    client = await world.ask()
    assert await reply(client) == 0  # its path stalled, and that is a rescue
    assert world.journal.of("opening-hedged") == []
    assert world.target.dialled <= 1
    await client.aclose()


async def test_the_budget_grows_with_openings_and_is_bounded(world: World) -> None:
    hedges = world.running.opener._hedging
    hedges._budget = 0.0
    for _ in range(20):
        client, target = await world.pair()
        await client.aclose()
        await target.aclose()
    assert hedges._budget == pytest.approx(20 * hedging.BUDGET)
    hedges._budget = hedging.BURST
    await world.pair()
    assert hedges._budget == hedging.BURST


async def test_what_is_acknowledged_is_forgotten(world: World) -> None:
    await world.pair()
    await until(lambda: not world.running.opener.unacknowledged)
