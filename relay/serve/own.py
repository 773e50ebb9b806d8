"""What an exit must not dial, kept up to date: our own nodes, and its own machine."""

import trio

from relay import log
from relay.exit.machine import Machine, look
from relay.exit.targets import Targets
from relay.model.families import ALL_FAMILIES
from relay.node.node import RelayNode
from relay.node.own import AGAIN, OwnAddress, OwnAddresses
from relay.policy import Policy, told_addresses

LOOK = 5.0
"""Seconds between looks at the machine: an address that comes up is refused this much later, at most."""


class OwnKeeper:
    """Keeps the policy of *targets*, and the families that *node* tells of, as the machine and the file have them."""

    def __init__(self, node: RelayNode, targets: Targets) -> None:
        self._node = node
        self._targets = targets
        self._names = OwnAddresses()
        self._nodes: frozenset[OwnAddress] = frozenset()
        self._machine: Machine | None = None

    async def keep(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Started once the exit knows what it must not dial; learns again after every reload, and now and then."""
        while True:
            changed = self._node.changed
            self._nodes = await self._names.learn(self._node.network)
            self._use(look(self._machine))
            task_status.started()
            task_status = trio.TASK_STATUS_IGNORED
            with trio.move_on_after(AGAIN):
                await self._watch_until(changed)

    async def _watch_until(self, changed: trio.Event) -> None:
        while not changed.is_set():
            with trio.move_on_after(LOOK):
                await changed.wait()
            machine = look(self._machine)
            if machine != self._machine:
                self._use(machine)
                log.event("machine-changed", addresses=len(machine.addresses), families=machine.families.label)

    def _use(self, machine: Machine) -> None:
        self._machine = machine
        me = self._node.network.nodes[self._node.name]
        here = machine.addresses | told_addresses(me) | self._names.found(me.address)
        self._targets.policy = Policy(me.allow, self._nodes, here)
        self._targets.families = machine.families
        self._node.note_families(machine.families if self._targets.upstream is None else ALL_FAMILIES)
