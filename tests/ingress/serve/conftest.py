from collections.abc import AsyncIterator, Callable

import pytest
import trio

from ingress.serve.running import Running, read
from tests.world import INGRESS, World


@pytest.fixture
async def make_running(
    make_world: Callable[..., World], nursery: trio.Nursery
) -> AsyncIterator[Callable[..., tuple[World, Running]]]:
    """Makes an ingress from files, with no node anywhere; it listens once it was started."""

    def make(*args: object, **others: object) -> tuple[World, Running]:
        world = make_world(*args, **others)
        options = world.options(INGRESS)
        running = Running(options, read(options, None), nursery)
        nursery.start_soon(running.loop.run)
        return world, running

    yield make
    nursery.cancel_scope.cancel()
