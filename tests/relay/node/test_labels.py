"""The labels of a node, and its ports: whose they are, what is of none, and where datagrams go on."""

import socket
from collections.abc import AsyncIterator, Iterator, Sequence

import pytest
import trio

from relay.engine import DatagramAddress, DatagramOut, Loop
from relay.model.network import Address
from relay.node.datagrams import EVERYWHERE, MOST_RELAYS, NodeDatagrams, SessionDatagrams
from relay.node.labels import Labels
from relay.wire import bodies
from relay.wire.codes import Cipher, Verdict
from relay.wire.datagrams import CHALLENGE_SIZE, MOST_EPOCH, turned
from relay.wire.errors import ProtocolError
from relay.wire.frames import Kind, frame
from tests.world import until

NETWORK = b"\x11\x22\x33\x44"
LABEL = NETWORK + b"mine"
OTHER = NETWORK + b"more"
AHEAD: DatagramAddress = ("127.0.0.1", 9)
HEAD = len(frame(Kind.LABEL))
BEHIND: DatagramAddress = ("127.0.0.1", 10)


class Ahead:
    """Where a relay's datagrams go on; keeps them."""

    address: DatagramAddress | None = AHEAD

    def __init__(self) -> None:
        self.got: list[bytes] = []

    def put(self, part: bytes | memoryview) -> None:
        self.got.append(bytes(part))

    def pass_on(self, data: memoryview, size: int) -> None:
        self.got.append(bytes(data))


class Port:
    """By which datagrams come."""

    def out(self, address: DatagramAddress | None = None, local: bytes = b"") -> DatagramOut:
        return Ahead()

    def send(
        self, parts: Sequence[bytes | memoryview], size: int, address: DatagramAddress | None, local: bytes
    ) -> None: ...


@pytest.fixture
async def loop(nursery: trio.Nursery) -> AsyncIterator[Loop]:
    made = Loop()
    nursery.start_soon(made.run)
    yield made
    nursery.cancel_scope.cancel()


@pytest.fixture
def labels(loop: Loop) -> Labels:
    return Labels(loop)


def take(labels: Labels, data: bytes, source: DatagramAddress) -> None:
    labels.take(memoryview(data), len(data), (Port(), source, b""))


# ---- whose they are


async def test_a_label_that_is_passed_on_is_its_ingresss(labels: Labels) -> None:
    assert labels.may_have(LABEL, "home") is Verdict.TAKEN
    labels.pass_on(LABEL, "home", 1, b"k" * 16, Ahead())
    assert labels.may_have(LABEL, "home") is Verdict.TAKEN
    assert labels.may_have(LABEL, "london") is Verdict.NOT_YOURS
    assert labels.may_have(OTHER, "london") is Verdict.TAKEN
    assert labels.statistics().refused == 1


async def test_labels_that_are_passed_on_make_no_room(labels: Labels, monkeypatch: pytest.MonkeyPatch) -> None:
    """A carrier lives by each of them."""
    monkeypatch.setattr("relay.node.labels.MOST_LABELS", 1)
    labels.pass_on(LABEL, "home", 1, b"k" * 16, Ahead())
    assert labels.may_have(OTHER, "home") is Verdict.FULL
    assert labels.may_have(OTHER, "london") is Verdict.TAKEN
    assert labels.may_have(LABEL, "home") is Verdict.TAKEN


async def test_what_is_not_there_may_be_forgotten(labels: Labels) -> None:
    labels.pass_on(OTHER, "home", 1, b"k" * 16, Ahead())
    labels.forget(LABEL)
    labels.forget(OTHER)  # does not end here
    assert labels.statistics().count == 1


# ---- what comes


async def test_what_goes_to_the_ingress_has_a_label_as_well(labels: Labels) -> None:
    ahead = Ahead()
    labels.pass_on(LABEL, "home", 1, b"k" * 16, ahead)
    take(labels, turned(OTHER) + bytes(92), AHEAD)
    assert (labels.statistics().strange, labels.statistics().misplaced) == (1, 0)
    take(labels, turned(LABEL) + bytes(92), AHEAD)  # nobody has latched: there is nowhere to go
    take(labels, turned(LABEL) + bytes(92), BEHIND)
    assert (labels.statistics().strange, labels.statistics().misplaced) == (1, 2)
    assert not ahead.got


async def test_only_the_next_node_may_ask_who_passed_a_probe_on(labels: Labels) -> None:
    ahead = Ahead()
    labels.pass_on(LABEL, "home", 1, b"k" * 16, ahead)
    asked = turned(LABEL) + bytes(CHALLENGE_SIZE - len(LABEL))
    take(labels, asked, BEHIND)
    assert labels.statistics().misplaced == 1 and not ahead.got
    take(labels, asked, AHEAD)
    assert labels.statistics().misplaced == 1
    assert [len(answer) for answer in ahead.got] == [CHALLENGE_SIZE]
    assert ahead.got[0].startswith(LABEL)


# ---- ports


@pytest.fixture
def node(loop: Loop) -> Iterator[NodeDatagrams]:
    made = NodeDatagrams(loop)
    yield made
    made.close()


async def test_a_port_is_shared_by_all_that_go_on_from_there(node: NodeDatagrams) -> None:
    assert not node.is_open and node.status().addresses == () and node.status().buffer == 0
    first = node.onwards(("127.0.0.1", 9), "127.0.0.1")
    second = node.onwards(("127.0.0.1", 10), "127.0.0.1")
    assert (first.address, second.address) == (("127.0.0.1", 9), ("127.0.0.1", 10))
    (address,) = node.status().addresses
    assert address.startswith("127.0.0.1:") and node.is_open
    node.take_only(NETWORK)
    node.close()
    node.close()
    assert not node.is_open


@pytest.mark.parametrize(
    ("address", "local", "opened"),
    [(("::1", 9), "127.0.0.1", "[::]:"), (("127.0.0.1", 9), "::1", "0.0.0.0:"), (("::1", 9), "::1", "[::1]:")],
)
async def test_what_goes_on_in_the_other_family_has_a_port_of_it(
    node: NodeDatagrams, address: DatagramAddress, local: str, opened: str
) -> None:
    """The carrier may have gone by a NAT64, or by a name of both families."""
    assert node.onwards(address, local).address == address
    assert [one.startswith(opened) for one in node.status().addresses] == [True]


async def test_who_listens_everywhere_goes_on_from_there(node: NodeDatagrams) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ahead:
        ahead.bind(("127.0.0.1", 0))
        ahead.setblocking(False)
        node.listen([Address(EVERYWHERE[0], 0)], NETWORK)
        node.onwards(ahead.getsockname(), "127.0.0.1").put(b"onwards")
        await until(lambda: node.status().sent == 1)
        data, source = ahead.recvfrom(100)
        assert data == b"onwards"
        assert node.status().addresses == (f"0.0.0.0:{source[1]}",)


# ---- sessions


def label(epoch: int = 1, relays: int = 0, name: bytes = LABEL) -> bytes:
    """The body of a LABEL."""
    return bodies.label(name, epoch, Cipher.AES_128_GCM, relays, bytes(32))[HEAD:]


@pytest.mark.parametrize(
    "body",
    [label(name=turned(LABEL)), label(MOST_EPOCH + 1), label(relays=MOST_RELAYS + 1)],
    ids=["turned", "epoch", "relays"],
)
async def test_a_label_that_no_path_has_breaks_the_protocol(node: NodeDatagrams, loop: Loop, body: bytes) -> None:
    with pytest.raises(ProtocolError, match="a LABEL that no path has"):
        SessionDatagrams(node, "home", lambda _: None, loop).on_label(body)


async def test_a_relay_has_no_datagrams_of_a_session(node: NodeDatagrams, loop: Loop) -> None:
    node.onwards(("127.0.0.1", 9), "127.0.0.1")
    session = SessionDatagrams(node, "home", lambda _: None, loop)
    assert bodies.parse_labeled(session.on_label(label())[HEAD:]) == (LABEL, 1, Verdict.NO_DATAGRAMS)
    session.on_assoc_end(bodies.assoc_end(7)[HEAD:])
    session.close()
    assert node.labels.statistics().count == 0
