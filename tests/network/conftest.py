"""Networks of real processes: one that is shared and not harmed, one that may be harmed, others of a test's own.

When a test fails, the end of every process's log is shown with it.
"""

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

import pytest

pytest.register_assert_rewrite("tests.network.load", "tests.network.network", "tests.network.clients")
from tests.network.network import Network, all_up, has_one_best, running  # noqa: E402 - only what is imported afterwards is rewritten
from tests.network.rules_place import RulesPlace, ruled_place  # noqa: E402

BREAKABLE = [
    {"name": "ix-one", "start": "shanghai", "end": "jp-one", "round_trip": 0.01},
    {"name": "ix-two", "start": "shanghai", "end": "jp-two", "round_trip": 0.02},
    {"name": "one-one", "start": "jp-one", "end": "us-one", "round_trip": 0.02},
    {"name": "two-one", "start": "jp-two", "end": "us-one", "round_trip": 0.03},
    {"name": "one-two", "start": "jp-one", "end": "us-two", "round_trip": 0.06},
    {"name": "two-two", "start": "jp-two", "end": "us-two", "round_trip": 0.07},
]
"""Two disjoint paths to each of two exits, of which the first is the better; short, so that a test is."""

NETWORKS: pytest.StashKey[list[Network]] = pytest.StashKey()
HAS_FAILED: pytest.StashKey[bool] = pytest.StashKey()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Show the logs of a failed test's networks: they are gone afterwards."""
    report = yield
    if call.excinfo is not None and call.when == "call":
        item.stash[HAS_FAILED] = True
        for network in item.stash.get(NETWORKS, []):
            report.sections.append(("logs of the network", network.logs()))
    return report


@pytest.fixture(scope="session")
def shared() -> Iterator[Network]:
    with running() as network:
        network.until(all_up)
        yield network


@pytest.fixture
def network(shared: Network, request: pytest.FixtureRequest) -> Network:
    """The reference network, all paths up; not to be harmed."""
    request.node.stash[NETWORKS] = [shared]
    return shared


class Lender:
    """Holds the breakable network from test to test; a test that fails does not leave it to the next."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._held: Network | None = None

    def lend(self) -> Network:
        if self._held is None:
            self._held = self._stack.enter_context(running(BREAKABLE, ["us-one", "us-two"]))
            self._held.until(has_one_best)
        return self._held

    def take_back(self, *, is_broken: bool) -> None:
        if is_broken:
            self.end()
        elif self._held is not None:
            self._held.restore()

    def end(self) -> None:
        self._held = None
        self._stack.close()


@pytest.fixture(scope="session")
def lender() -> Iterator[Lender]:
    lender = Lender()
    yield lender
    lender.end()


@pytest.fixture
def breakable(lender: Lender, request: pytest.FixtureRequest) -> Iterator[Network]:
    """The network of BREAKABLE, all paths in use; it may be harmed, and is as new for the next test."""
    network = lender.lend()
    request.node.stash[NETWORKS] = [network]
    yield network
    lender.take_back(is_broken=request.node.stash.get(HAS_FAILED, False))


@pytest.fixture(scope="session")
def ruled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RulesPlace]:
    """The network for rules and allowances; each test exchanges them."""
    with ruled_place(tmp_path_factory.mktemp("ruled")) as place:
        yield place


@pytest.fixture
def start_network(request: pytest.FixtureRequest) -> Iterator[Callable[..., Network]]:
    """Starts a network for this test alone: the reference network, or `lines` (of DemoLine's fields) and `exits`."""
    with contextlib.ExitStack() as stack:
        request.node.stash[NETWORKS] = []

        def start(lines: Sequence[dict[str, object]] | None = None, exits: Sequence[str] = ()) -> Network:
            started = stack.enter_context(running(lines, exits))
            request.node.stash[NETWORKS].append(started)
            started.until(all_up)
            return started

        yield start
