"""An exit keeps up with its own machine: what it must not dial, and what it tells of families."""

import ipaddress
from collections.abc import Callable

import pytest
import trio

from relay.model.families import Families
from relay.node.node import RelayNode
from relay.policy import Policy
from relay.serve import own
from tests.world import World

FIRST, SECOND = ipaddress.ip_address("93.184.216.34"), ipaddress.ip_address("2606:4700::1")


class Machine:
    """A machine whose addresses and families a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.addresses, self.families = frozenset({FIRST}), Families.IPV4
        monkeypatch.setattr("relay.exit.machine.interface_addresses", lambda: self.addresses)
        monkeypatch.setattr("relay.exit.machine.reachable_families", lambda: self.families)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(own, "LOOK", 0.01)
    return Machine(monkeypatch)


def policy_of(node: RelayNode) -> Policy:
    targets = node.sessions._targets
    assert targets is not None
    return targets.policy


async def test_f5_addresses_that_come_up_are_refused_and_families_told(
    make_world: Callable[..., World], machine: Machine
) -> None:
    world = await make_world().start("us")
    node = world.nodes["us"]
    assert policy_of(node).refusal(FIRST, 443) == "this machine itself"
    assert policy_of(node).refusal(SECOND, 443) is None
    assert node.families is Families.IPV4
    machine.addresses, machine.families = frozenset({FIRST, SECOND}), Families.IPV6
    said = await world.journal.until("machine-changed", "us")
    assert said == {"addresses": 2, "families": "IPv6"}
    assert policy_of(node).refusal(SECOND, 443) == "this machine itself"
    assert node.families is Families.IPV6


async def test_f5_a_reload_is_gone_by_at_once(
    make_world: Callable[..., World], machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own, "LOOK", 3600.0)
    world = await make_world().start("us")
    node = world.nodes["us"]
    before = policy_of(node)
    node.use(node.network, node.identity)
    with trio.fail_after(10):
        while policy_of(node) is before:
            await trio.lowlevel.checkpoint()
