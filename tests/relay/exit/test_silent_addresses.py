"""Addresses of a name that do not answer (F3, F8): real connects, under a clock that stands still but for the test."""

import socket
from collections.abc import Sequence
from contextlib import ExitStack, suppress

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from relay.callbacks import ignore
from relay.engine.happy_eyeballs import STAGGER
from relay.exit.targets import Dialled, Targets
from tests.relay.conftest import swallow
from tests.relay.exit.dialling import Make, connected

pytestmark = pytest.mark.usefixtures("no_leak")


@pytest.fixture
def clock() -> MockClock:
    """It never runs, however long the kernel takes."""
    return MockClock()


async def connected_after(targets: Targets, clock: MockClock, port: int, waits: int) -> Dialled:
    """What is connected once so many attempts have had their turn and no answer."""
    found: list[Dialled] = []

    async def connect() -> None:
        found.append(await connected(targets, "dead.test", port))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(connect)
        for _ in range(waits):
            await wait_all_tasks_blocked()
            assert not found
            clock.jump(STAGGER)
            targets.loop.call_soon(ignore)  # it looks at its timers
    return found[0]


def one_port(sockets: ExitStack, silent: Sequence[str]) -> int:
    """At which 127.0.0.2 answers, and the *silent* do not: one that nobody else has at any of them."""
    for _ in range(100):
        with ExitStack() as tried, suppress(OSError):
            port: int = tried.enter_context(socket.create_server(("127.0.0.2", 0))).getsockname()[1]
            for host in silent:
                hole = tried.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET))
                hole.bind((host, port))
                swallow(hole)
                hole.listen()
            sockets.enter_context(tried.pop_all())
            return port
    raise AssertionError(f"none of 100 ports is free at all of {silent}")


@pytest.mark.parametrize("silent", [["::1"], ["127.0.0.1"], ["::1", "127.0.0.1", "127.0.0.3"]])
async def test_f3_f8_an_address_that_is_silent_is_waited_for_once(
    make: Make, clock: MockClock, silent: list[str]
) -> None:
    """A dead AAAA, or the first of several A records: each has its turn, and what answered goes first next time."""
    with ExitStack() as sockets:
        port = one_port(sockets, silent)
        targets = make(names={"dead.test": (*silent, "127.0.0.2")})
        first = await connected_after(targets, clock, port, len(silent))
        second = await connected_after(targets, clock, port, 0)
        with first.sock, second.sock:
            assert first.address == second.address == "127.0.0.2"
            assert first.took == pytest.approx(len(silent) * STAGGER)  # the wait is a part of what a connect takes
            assert second.took == 0.0
