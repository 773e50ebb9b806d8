"""C2, C3, C5: peers with valid keys that mean harm, over real TLS; a client that works beside them notices nothing."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from bench.hostile.peers import words
from bench.hostile.peers.carrier import HostileCarrier
from bench.hostile.peers.ingress import StolenIngress
from bench.hostile.peers.node import HostileNode
from relay.log import LINES_AT_ONCE
from relay.wire import bodies
from relay.wire.codes import Purpose
from relay.wire.frames import Kind
from relay.wire.setup import Hello
from tests.network.load import Load
from tests.network.network import INGRESS, Network, has_one_best, until

pytestmark = pytest.mark.network
EXIT, OTHER = "us-one", "us-two"
MOST_GROWTH = 24 << 20
"""Bytes by which a process may grow under a flood; each of them took hundreds of megabytes at full length, or would
have."""
SCALES = [1, pytest.param(20, marks=pytest.mark.matrix)]
"""How long floods are: enough to stop a node that is held up by one, or for what they cost in memory to be seen."""


def memory(network: Network, node: str) -> int:
    """Resident bytes of the process of *node*."""
    pages = Path(f"/proc/{network.pid(node)}/statm").read_text().split()[1]
    return int(pages) * 4096


def counter(network: Network, name: str) -> int:
    """A counter of EXIT."""
    return int(network.status(EXIT)["counters"][name])


@pytest.fixture
def thief(breakable: Network) -> StolenIngress:
    return StolenIngress(Path(breakable.keys), INGRESS, ("127.0.0.1", breakable.ports[EXIT]))


@pytest.fixture
def beside(breakable: Network) -> Iterator[Load]:
    """Clients at work, all of whose bytes come through."""
    load = Load(breakable, ("echo", "download", "requests"))
    load.until_past()
    yield load
    load.until_past()
    load.end()


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("how", "count"), [(words.scattered, 2000), (words.backwards, 10_000)])
def test_c2_bytes_out_of_order_cost_nobody_anything(
    breakable: Network,
    beside: Load,
    thief: StolenIngress,
    how: Callable[[int, int], Iterable[bytes]],
    count: int,
    scale: int,
) -> None:
    before, broken = memory(breakable, EXIT), counter(breakable, "protocol_errors")
    with thief.carrier() as carrier:
        carrier.say(bodies.open_stream(1, 1, *breakable.target))
        carrier.flood(words.pieces(how(1, count * scale)))
        beside.until_past()
        if how is words.scattered:
            assert carrier.is_closed()
            assert counter(breakable, "protocol_errors") == broken + 1
    assert memory(breakable, EXIT) - before < MOST_GROWTH


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(
    ("frames", "count"),
    [
        (words.pings, 50_000),
        (words.resets, 30_000),
        (words.attaches, 50_000),
        (lambda count: words.times(count, "target.test", 80), 30_000),
    ],
    ids=["pings", "resets", "attaches", "times"],
)
def test_c5_floods_of_questions_are_bounded(
    breakable: Network,
    beside: Load,
    thief: StolenIngress,
    frames: Callable[[int], Iterable[bytes]],
    count: int,
    scale: int,
) -> None:
    before = memory(breakable, EXIT)
    with thief.carrier() as carrier:
        carrier.flood(words.pieces(frames(count * scale)), 5.0)
        beside.until_past()
        assert memory(breakable, EXIT) - before < MOST_GROWTH


def test_c5_sessions_without_end_are_sixteen(breakable: Network, beside: Load, thief: StolenIngress) -> None:
    carriers = [thief.ask(purpose=Purpose.PREFIX)[0] for _ in range(40)]
    try:
        assert breakable.status(EXIT)["sessions"] == 16
        assert counter(breakable, "carriers_over_limit") >= 24
        beside.until_past()
    finally:
        for carrier in carriers:
            carrier.close()


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(
    ("frames", "is_broken"),
    [(words.goaways, False), (lambda count: (bodies.reset(at, 1) for at in range(1 << 40, (1 << 40) + count)), True)],
    ids=["goaways", "resets"],
)
def test_c3_an_exit_that_repeats_itself_is_a_few_lines_in_the_log(
    breakable: Network, frames: Callable[[int], Iterable[bytes]], is_broken: bool, scale: int
) -> None:
    breakable.kill(OTHER)
    said: list[bool] = []

    def plot(carrier: HostileCarrier, _: Hello) -> None:
        said.append(carrier.flood(words.pieces(frames(2500 * scale))))
        carrier.hears(Kind.OPEN)  # until it is closed

    log = breakable.folder / f"{INGRESS}.log"
    address = ("127.0.0.1", breakable.ports[OTHER])
    load = Load(breakable, ("echo", "requests"))
    load.until_past()
    before, size = memory(breakable, INGRESS), log.stat().st_size
    with HostileNode(Path(breakable.keys), OTHER, address, plot):
        until(lambda: len(said) >= 2)
        load.until_past()
    told = [event["event"] for event in breakable.log(INGRESS)]
    assert told.count("node-draining") <= LINES_AT_ONCE
    assert log.stat().st_size - size < 200_000
    assert memory(breakable, INGRESS) - before < MOST_GROWTH
    assert (breakable.paths()["counters"]["protocol_errors"] > 0) >= is_broken
    load.end()
    breakable.start(OTHER)
    breakable.until(has_one_best)
