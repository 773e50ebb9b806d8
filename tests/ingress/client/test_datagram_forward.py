"""Forwards of datagrams on real sockets; the exits behind them are echoes. U26 by the clock."""

import contextlib
import ipaddress
import socket
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

from ingress.choice.demand import Demand
from ingress.client import datagram_forward as module
from ingress.client.datagram_forward import ForwardPort
from ingress.client.flows import AssociationClient, FlowHolder
from ingress.config import DatagramForward
from ingress.config.allowance import Allowance, RateBounds
from ingress.config.rule import Denial, Rule
from ingress.doors.datagram import address_bytes
from ingress.serve.datagram_forwards import DatagramForwards
from relay.errors import OperatorError
from relay.model.network import Address
from tests.ingress.client.client_bed import TWO_EXITS, ClientBed, ClientBeds, make_config
from tests.ingress.client.counterparts import Echo

HERE, ELSEWHERE = "127.0.0.1", "127.0.0.2"
TARGET = address_bytes("9.9.9.9", 51820)
FORWARD = DatagramForward(Address(HERE, 51820), Address("9.9.9.9", 51820))
Make = Callable[..., ForwardPort]


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


class Bench:
    """One forward, the bed around it, and clients."""

    def __init__(self, bed: ClientBed, stack: contextlib.ExitStack, forward: DatagramForward) -> None:
        self.bed, self._stack = bed, stack
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        sock.bind((HERE, 0))
        self.address = sock.getsockname()
        self.port = ForwardPort(bed.associations, sock, forward)
        stack.callback(self.port.close)

    @property
    def flows(self) -> list[Echo]:
        return self.bed.datagrams.flows

    def client(self, address: str = HERE) -> socket.socket:
        sock = self._stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sock.bind((address, 0))
        sock.setblocking(False)
        sock.connect(self.address)
        return sock

    async def ask(self, client: socket.socket, payload: bytes) -> bytes:
        client.send(payload)
        await self.bed.settle()
        return client.recv(65536)


async def bench(make_bed: ClientBeds, stack: contextlib.ExitStack, **words: object) -> Bench:
    return Bench(await make_bed(*TWO_EXITS), stack, attrs.evolve(FORWARD, **words))


async def test_each_client_has_a_port_of_its_own_at_the_exit(make_bed: ClientBeds, stack: contextlib.ExitStack) -> None:
    one = await bench(make_bed, stack)
    first, second = one.client(), one.client()
    for payload in (b"hello", b"", bytes(9000)):
        assert await one.ask(first, payload) == payload
        assert await one.ask(second, payload) == payload
    assert [len(flow.sent) for flow in one.flows] == [3, 3]
    assert repr(one.port) == f"<ForwardPort {FORWARD.listen} to {FORWARD.target}, 2 mappings>"
    assert {address for flow in one.flows for address, _ in flow.sent} == {TARGET}


async def test_a_name_travels_to_the_exit(make_bed: ClientBeds, stack: contextlib.ExitStack) -> None:
    one = await bench(make_bed, stack, target=Address("vpn.example", 51820))
    client = one.client()
    client.send(b"hello")
    await one.bed.settle()
    named = b"\x03\x0bvpn.example\xca\x6c"
    assert one.flows[0].sent == [(named, b"hello")]
    one.flows[0].owner.on_replies([address_bytes("198.51.100.1", 51820) + b"from its address"], 0)
    await one.bed.settle()
    assert client.recv(100) == b"hello" and client.recv(100) == b"from its address"


async def test_what_others_than_the_target_send_is_dropped(make_bed: ClientBeds, stack: contextlib.ExitStack) -> None:
    one = await bench(make_bed, stack)
    client = one.client()
    await one.ask(client, b"hello")
    for stranger in (address_bytes("9.9.9.8", 51820), address_bytes("9.9.9.9", 51821)):
        one.flows[0].owner.on_replies([stranger + b"forged"], 0)
    assert await one.ask(client, b"again") == b"again"
    assert one.bed.associations.statistics().foreign == 2


async def test_u26_who_is_idle_for_half_an_hour_is_still_known(
    make_bed: ClientBeds, stack: contextlib.ExitStack
) -> None:
    one = await bench(make_bed, stack)
    client = one.client()
    await one.ask(client, b"hello")
    await one.bed.passes(1800)
    one.flows[0].owner.on_replies([TARGET + b"half an hour later"], 0)
    await one.bed.settle()
    assert client.recv(100) == b"half an hour later"
    for _ in range(4):
        await one.bed.passes(900)
    assert len(one.port) == 0 and one.flows[0].is_closed
    assert await one.ask(client, b"a day later") == b"a day later"
    assert len(one.flows) == 2


async def test_an_exit_that_is_lost_is_replaced(make_bed: ClientBeds, stack: contextlib.ExitStack) -> None:
    one = await bench(make_bed, stack)
    client = one.client()
    await one.ask(client, b"hello")
    one.bed.datagrams.reached = frozenset({"eu"})
    one.flows[0].owner.on_gone(one.flows[0])
    assert await one.ask(client, b"again") == b"again"
    assert [flow.exit for flow in one.flows] == ["us", "eu"]


async def test_only_those_that_may_are_heard(make_bed: ClientBeds, stack: contextlib.ExitStack) -> None:
    one = await bench(make_bed, stack, clients=(ipaddress.ip_network("10.0.0.0/8"),))
    assert await one.ask(one.client(ELSEWHERE), b"loopback always may") == b"loopback always may"
    one.port.on_datagrams(memoryview(b"x"), 1, ("192.0.2.1", 9), b"")
    assert one.bed.associations.statistics().foreign == 1 and len(one.flows) == 1


@pytest.mark.parametrize("target", ["127.0.0.1", "localhost"])
async def test_what_no_exit_may_dial_is_dropped(make_bed: ClientBeds, stack: contextlib.ExitStack, target: str) -> None:
    one = await bench(make_bed, stack, target=Address(target, 53))
    one.client().send(b"x")
    await one.bed.settle()
    assert one.bed.associations.statistics().refused == 1 and one.flows == []


async def test_without_an_exit_datagrams_are_dropped(make_bed: ClientBeds, stack: contextlib.ExitStack) -> None:
    one = await bench(make_bed, stack)
    one.bed.datagrams.reached = frozenset()
    one.client().send(b"x")
    await one.bed.settle()
    assert one.bed.associations.statistics().unrouted == 1


async def test_who_got_no_reply_makes_room_first(
    make_bed: ClientBeds, stack: contextlib.ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_MAPPINGS", 2)
    one = await bench(make_bed, stack)
    answered = one.client()
    await one.ask(answered, b"first")
    monkeypatch.setattr(Echo, "on_send", lambda *_: None)
    one.client().send(b"has no reply")
    await one.bed.settle()
    await one.bed.passes(1)
    one.client().send(b"makes it leave")
    await one.bed.settle()
    assert [flow.is_closed for flow in one.flows] == [False, True, False] and one.port.evicted == 1


async def test_a_reload_keeps_those_whose_target_is_the_same(make_bed: ClientBeds, stack: contextlib.ExitStack) -> None:
    one = await bench(make_bed, stack)
    client = one.client()
    await one.ask(client, b"hello")
    one.port.use(attrs.evolve(FORWARD, idle=10.0))
    assert await one.ask(client, b"again") == b"again" and len(one.flows) == 1
    one.port.use(attrs.evolve(FORWARD, target=Address("9.9.9.8", 1)))
    assert one.flows[0].is_closed
    await one.ask(client, b"elsewhere")
    assert one.flows[1].sent == [(address_bytes("9.9.9.8", 1), b"elsewhere")]


# ---- all of them


class NoHome:
    """Nobody sends anything."""

    def __init__(self, bed: ClientBed) -> None:
        self.loop, self.dropped = bed.loop, bed.associations.dropped

    def judge(self, who: AssociationClient, host: str, port: int) -> Demand | None:
        return None

    def begin(self, holder: FlowHolder, who: AssociationClient, demand: Demand) -> None:
        return None


async def test_they_are_opened_kept_and_closed_as_the_file_says(make_bed: ClientBeds) -> None:
    forwards = DatagramForwards(NoHome(await make_bed()))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((HERE, 0))
        wrong = attrs.evolve(FORWARD, listen=Address(*taken.getsockname()))
        with pytest.raises(OperatorError, match="for datagrams: Address already in use"):
            forwards.bind_new([attrs.evolve(FORWARD, listen=Address(HERE, 0)), wrong])
        free = attrs.evolve(FORWARD, listen=wrong.listen)
    forwards.use([free], forwards.bind_new([free]))
    assert forwards.bind_new([free]) == {}
    forwards.use([free], {})
    assert forwards.mappings == forwards.evicted == 0
    forwards.use([], {})
    forwards.use([free], forwards.bind_new([free]))
    forwards.close()


async def test_other_rules_are_gone_by_and_the_port_is_kept_where_it_may_be(
    make_bed: ClientBeds, stack: contextlib.ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SLICE", 1)
    one = await bench(make_bed, stack)
    clients = [one.client() for _ in range(3)]
    for client in clients[:2]:
        assert await one.ask(client, b"x") == b"x"

    async def use(*rules: Rule) -> list[tuple[str, bool]]:
        one.bed.associations.use(make_config(TWO_EXITS, rules=rules))
        one.port.rule_anew()
        await one.bed.settle()
        return [(flow.exit, flow.is_closed) for flow in one.flows]

    assert await use(Rule(exits=("us",), exit_nodes=frozenset({"us"}), redundant=True)) == [("us", False)] * 2
    assert await one.ask(clients[0], b"x") == b"x" and one.flows[0].redundant is True
    assert await use(Rule(exits=("eu",), exit_nodes=frozenset({"eu"}))) == [("us", True)] * 2
    assert await one.ask(clients[0], b"x") == b"x" and one.flows[-1].exit == "eu"
    assert await use(Rule(deny=Denial.REFUSE)) == [("us", True)] * 2 + [("eu", True)]
    clients[2].send(b"x")
    await one.bed.settle()
    assert await use() == [("us", True)] * 2 + [("eu", True)]
    assert await one.ask(clients[2], b"x") == b"x"


def allow(one: Bench, **bounds: Any) -> None:
    """Everybody who comes from `HERE` has this allowance, those who are there already as well."""
    config = attrs.evolve(one.bed.config, allowances=(Allowance(clients=(ipaddress.ip_network(HERE),), **bounds),))
    one.bed.use(config)
    one.bed.associations.use(config)


async def test_senders_are_not_counted_and_none_is_heard_any_more_whose_quota_is_used(
    make_bed: ClientBeds, stack: contextlib.ExitStack
) -> None:
    one = await bench(make_bed, stack)
    allow(one, associations=0)
    first, second, stranger = one.client(), one.client(), one.client(ELSEWHERE)
    assert await one.ask(first, b"one") == b"one"
    owner = one.bed.allowances.find("", HERE)
    assert owner is not None and owner.is_open and owner.associations == 0
    owner.is_slow = True
    with pytest.raises(BlockingIOError):
        await one.ask(second, b"two")
    assert await one.ask(stranger, b"three") == b"three"
    assert one.bed.associations.dropped.over_rate == 1 and len(one.port) == 2
    assert one.bed.journal.of("allowance-used-up")[0]["what"] == "quota"
    one.port.close()
    assert not owner.is_open


async def test_datagrams_of_a_sender_wait_for_its_rate_and_a_reload_reaches_those_that_run(
    make_bed: ClientBeds, stack: contextlib.ExitStack
) -> None:
    one = await bench(make_bed, stack)
    client = one.client()
    assert await one.ask(client, b"free") == b"free"
    allow(one, rate=RateBounds(1000.0, 1000.0))
    for _ in range(20):
        for _ in range(10):
            client.send(bytes(5000))
        await one.bed.settle()
    sent = len(one.flows[0].sent)
    assert 1 < sent < 200
    await one.bed.passes(1.0)
    client.send(b"late")
    await one.bed.settle()
    assert one.bed.associations.dropped.over_rate > 0
    one.bed.use(one.bed.config)
    one.bed.associations.use(one.bed.config)
    with contextlib.suppress(BlockingIOError):
        while client.recv(65536):
            pass
    assert await one.ask(client, b"free again") == b"free again"
