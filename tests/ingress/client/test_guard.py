"""Who may enter and what is refused before anybody is asked, as tables."""

from ipaddress import ip_network
from typing import Any

import attrs
import pytest

from ingress.client import guard as guard_module
from ingress.client.guard import Guard
from ingress.config import Forward, IngressConfig, Limits
from relay.model.cause import Cause
from relay.model.network import Address, Allowed, Line, Network, Node, Proxy
from relay.model.walk import Hop, Path, Paths

LAN = (ip_network("192.168.1.0/24"), ip_network("2001:db8::/32"))
AT = Address("127.0.0.1", 1)


def exit_node(name: str, **others: Any) -> Node:
    return Node(name, AT, (), exit=True, **others)


OPENED = (Allowed(ip_network("192.168.7.0/24"), "the broker's gateway"),)
NODES = {
    "jp": Node("jp", AT, ()),
    "us": exit_node("us"),
    "eu": exit_node("eu", allow=OPENED),
    "landing": exit_node("landing", upstream=Proxy("socks5", AT)),
}
CONFIG = IngressConfig(
    name="shanghai",
    listen=(Address("127.0.0.1", 1080), Address("::1", 1080)),
    users=None,
    clients=(),
    answer="auto",
    forwards=(),
    rules=(),
    limits=Limits(),
    network=Network(("shanghai",), NODES, {}),
    paths=Paths(()),
    warnings=(),
)


def make(*, users: bool = False, nodes: dict[str, Node] = NODES, **others: Any) -> Guard:
    reached = Paths(tuple(way_to(name) for name, node in nodes.items() if node.exit and name != "unreached"))
    return Guard(attrs.evolve(CONFIG, network=Network(("shanghai",), nodes, {}), paths=reached, **others), users)


def way_to(exit_: str) -> Path:
    return Path((Hop(Line(f"to-{exit_}", "shanghai", exit_, AT), "shanghai", exit_, AT),))


def test_an_exit_that_no_path_leads_to_does_not_count() -> None:
    nodes = {"us": NODES["us"], "unreached": exit_node("unreached", allow=OPENED)}
    assert make(nodes=nodes).refusal("192.168.7.9", 80) is Cause.POLICY


@pytest.mark.parametrize(
    ("users", "clients", "address", "admission"),
    [
        (False, (), "127.0.0.1", False),
        (False, (), "203.0.113.9", False),  # the file let it listen there
        (False, LAN, "192.168.1.9", False),
        (False, LAN, "::ffff:192.168.1.9", False),
        (False, LAN, "2001:db8::7", False),
        (False, LAN, "fe80::1%eth0", None),
        (False, LAN, "192.168.2.9", None),
        (False, LAN, "127.0.0.1", False),
        (False, LAN, "::1", False),
        (True, (), "127.0.0.1", True),
        (True, (), "203.0.113.9", True),
        (True, LAN, "192.168.1.9", False),
        (True, LAN, "192.168.2.9", True),
    ],
)
def test_who_may_enter(users: bool, clients: Any, address: str, admission: bool | None) -> None:
    guard = make(users=users, clients=clients)
    assert guard.admission(address) is admission
    assert guard.admission(address) is admission


@pytest.mark.parametrize(
    ("clients", "address", "may"),
    [
        ((), "127.0.0.1", True),
        ((), "203.0.113.9", True),
        (LAN, "192.168.1.9", True),
        (LAN, "127.0.0.1", True),
        (LAN, "203.0.113.9", False),
    ],
)
def test_who_may_use_a_forward(clients: Any, address: str, may: bool) -> None:
    assert make().may_use(Forward(AT, AT, clients), address) is may


@pytest.mark.parametrize(
    ("host", "port", "cause"),
    [
        ("example.com", 443, None),
        ("93.184.216.34", 443, None),
        ("127.0.0.1", 1080, Cause.LOOP),
        ("::1", 1080, Cause.LOOP),
        ("127.1", 1080, Cause.LOOP),
    ],
)
def test_what_is_refused_at_once(host: str, port: int, cause: Cause | None) -> None:
    assert make().refusal(host, port) is cause


@pytest.mark.parametrize(
    ("host", "exits"),
    [
        ("example.com", None),
        ("93.184.216.34", None),
        ("localhost.example.com", None),
        ("10.0.0.1", set()),  # nor may an exit behind a proxy: its own policy judges literal addresses first
        ("192.168.7.9", {"eu"}),
        ("localhost", set()),
        ("LocalHost.", set()),
        ("a.localhost", set()),
        ("169.254.169.254", set()),
        ("::ffff:10.0.0.1", set()),
    ],
)
def test_which_exits_may_dial(host: str, exits: set[str] | None) -> None:
    found = make().permitted_exits(host, 80)
    assert found == (None if exits is None else frozenset(exits))


@pytest.mark.parametrize("host", ["localhost", "10.0.0.1", "169.254.169.254", "0.0.0.0", "::1", "fe80::1"])
def test_what_no_exit_would_dial_is_refused_truly(host: str) -> None:
    plain = {name: NODES[name] for name in ("jp", "us")}
    assert make(nodes=plain).refusal(host, 80) is Cause.POLICY


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_module, "MOST_REMEMBERED", 10)
    guard = make(clients=LAN)
    for number in range(100):
        guard.admission(f"192.168.1.{number}")
        guard.permitted_exits(f"10.0.0.{number}", 80)
        assert len(guard._admitted) <= 10
        assert len(guard._exits) <= 10
