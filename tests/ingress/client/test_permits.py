"""What is refused before any exit is asked, and which exits may dial what, as tables."""

from ipaddress import ip_network
from typing import Any

import attrs
import pytest

from ingress.client import permits
from ingress.client.permits import Permits
from ingress.config import IngressConfig, Web
from relay.model.cause import Cause
from relay.model.limits import Limits
from relay.model.network import Address, Allowed, Line, Network, Node, Proxy
from relay.model.walk import Hop, Path, Paths

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
    via=None,
    forwards=(),
    rules=(),
    limits=Limits(),
    state=None,
    network=Network(("shanghai",), NODES, {}),
    paths=Paths(()),
    warnings=(),
    web=Web((Address("127.0.0.1", 9090), Address("0.0.0.0", 9443))),
)


def make(*, nodes: dict[str, Node] = NODES, **others: Any) -> Permits:
    reached = Paths(tuple(way_to(name) for name, node in nodes.items() if node.exit and name != "unreached"))
    return Permits(attrs.evolve(CONFIG, network=Network(("shanghai",), nodes, {}), paths=reached, **others))


def way_to(exit_: str) -> Path:
    return Path((Hop(Line(f"to-{exit_}", "shanghai", exit_, AT), "shanghai", exit_, AT),))


def test_an_exit_that_no_path_leads_to_does_not_count() -> None:
    nodes = {"us": NODES["us"], "unreached": exit_node("unreached", allow=OPENED)}
    assert make(nodes=nodes).judge("192.168.7.9", 80).refusal is Cause.POLICY


@pytest.mark.parametrize(
    ("host", "port", "cause"),
    [
        ("example.com", 443, None),
        ("93.184.216.34", 443, None),
        ("127.0.0.1", 1080, Cause.LOOP),
        ("::1", 1080, Cause.LOOP),
        ("127.1", 1080, Cause.LOOP),
        ("localhost", 1080, Cause.LOOP),
        ("::ffff:127.0.0.1", 1080, Cause.LOOP),
        ("127.0.0.1", 9090, Cause.LOOP),  # the page
        ("::1", 9090, Cause.POLICY),
        ("127.0.0.9", 9443, Cause.LOOP),  # it listens everywhere
        ("localhost", 9443, Cause.LOOP),
    ],
)
def test_what_is_refused_at_once(host: str, port: int, cause: Cause | None) -> None:
    assert make().judge(host, port).refusal is cause


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
    found = make().judge(host, 80).exits
    assert found == (None if exits is None else frozenset(exits))


def test_f5_the_machine_of_an_exit_is_dialled_by_other_exits_only() -> None:
    nodes = {
        "us": Node("us", Address("93.184.216.34", 48350), (), exit=True),
        "eu": exit_node("eu", advertise=("93.184.216.35",)),
    }
    made = make(nodes=nodes)
    assert made.judge("93.184.216.34", 22).exits == {"eu"}
    assert made.judge("93.184.216.35", 22).exits == {"us"}
    assert made.judge("93.184.216.36", 22).exits is None


@pytest.mark.parametrize("cidr", ["::1/128", "127.0.0.0/8"])
def test_f7_localhost_is_where_one_of_its_addresses_is_opened(cidr: str) -> None:
    opened = (Allowed(ip_network(cidr), "a service of the exit's machine"),)
    made = make(nodes={"us": exit_node("us"), "eu": exit_node("eu", allow=opened)})
    assert made.judge("localhost", 80).exits == {"eu"}
    assert made.judge("::1", 80).exits == ({"eu"} if ":" in cidr else frozenset())


@pytest.mark.parametrize("host", ["localhost", "10.0.0.1", "169.254.169.254", "0.0.0.0", "::1", "fe80::1"])
def test_what_no_exit_would_dial_is_refused_truly(host: str) -> None:
    plain = {name: NODES[name] for name in ("jp", "us")}
    assert make(nodes=plain).judge(host, 80).refusal is Cause.POLICY


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permits, "MOST_REMEMBERED", 10)
    made = make()
    for number in range(100):
        made.judge(f"10.0.0.{number}", 80)
        assert len(made) <= 10
