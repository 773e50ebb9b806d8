import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest
import trio

from relay.engine import Loop
from tests.ingress.client.association_bed import Bed, Make
from tests.ingress.client.client_bed import ClientBeds, open_beds


@pytest.fixture
def make_bed() -> Iterator[ClientBeds]:
    """Makes beds; it is the clock of the test, which stands still."""
    with open_beds() as beds:
        yield beds


@pytest.fixture
async def make(nursery: trio.Nursery) -> AsyncIterator[Make]:
    """Makes associations, in a loop that runs."""
    loop = Loop()
    nursery.start_soon(loop.run)
    with contextlib.ExitStack() as stack:
        yield lambda **config: Bed(loop, stack, **config)
