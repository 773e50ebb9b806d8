"""The dialler of an exit, for the files that test it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest
import trio

from relay.engine.loop import Loop
from relay.exit.resolver import Resolver
from relay.exit.targets import Targets
from relay.model.network import Address, Allowed, Proxy
from relay.policy import Policy
from tests.relay.exit.dialling import HERE, NAMES, Make, exit_node


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> float:
    """A time-out that a test can wait for, in seconds."""
    monkeypatch.setattr("relay.exit.targets.CONNECT_LIMIT", 0.2)
    return 0.2


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """Makes the targets of an exit whose engine runs until the test ends."""
    async with trio.open_nursery() as nursery:
        loop = Loop()
        nursery.start_soon(loop.run)

        def targets(
            allow: Sequence[Allowed] = HERE,
            upstream: Proxy | None = None,
            servers: Sequence[Address] = (),
            own: Sequence[tuple[str, int]] = (),
            base: Path = Path(),
            names: Mapping[str, tuple[str, ...]] = NAMES,
        ) -> Targets:
            policy = Policy(allow, [(ip_address(host), port) for host, port in own])
            return Targets(loop, exit_node(upstream), policy, Resolver(nursery, servers, names), nursery, base)

        yield targets
        nursery.cancel_scope.cancel()
