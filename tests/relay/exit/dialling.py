"""Dials of an exit, and what comes of them."""

from collections.abc import Callable
from ipaddress import ip_network

import trio
from trio.testing import wait_all_tasks_blocked

from relay.exit.targets import Dialled, Targets
from relay.model.cause import Cause
from relay.model.network import Address, Allowed, Node, Proxy

HERE = (Allowed(ip_network("127.0.0.0/8"), "the test's own targets"), Allowed(ip_network("::1/128"), "the same"))
NAMES = {
    "target.test": ("127.0.0.1",),
    "inside.test": ("10.0.0.1", "169.254.169.254", "::1"),
    "mixed.test": ("10.0.0.1", "127.0.0.1"),
    "two.test": ("::1", "127.0.0.1"),
    "swallows.test": ("127.0.0.1", "127.0.0.2"),
}
Make = Callable[..., Targets]


def exit_node(upstream: Proxy | None = None) -> Node:
    return Node("us", Address("203.0.113.1", 48350), (), exit=True, upstream=upstream)


async def outcome_of(targets: Targets, host: str, port: int) -> Dialled | Cause:
    """Dial, wait, and see that there is exactly one answer and that it comes from the loop."""
    outcomes: list[Dialled | Cause] = []
    told = trio.Event()

    def done(outcome: Dialled | Cause) -> None:
        outcomes.append(outcome)
        told.set()

    targets.dial(host, port, done)
    assert not outcomes
    await told.wait()
    await wait_all_tasks_blocked()
    (outcome,) = outcomes
    return outcome


async def connected(targets: Targets, host: str, port: int) -> Dialled:
    outcome = await outcome_of(targets, host, port)
    assert isinstance(outcome, Dialled)
    return outcome
