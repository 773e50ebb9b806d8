"""Which rule a connection falls under."""

import ipaddress

import attrs
import pytest

from ingress.choice.rules import Rules
from relay.model.network import IpNetwork


@attrs.frozen
class Rule:
    hosts: tuple[str, ...] = ()
    cidrs: tuple[IpNetwork, ...] = ()
    ports: tuple[int, ...] = ()
    users: tuple[str, ...] = ()
    redundant: bool = True


BROKER = Rule(hosts=("*.broker.example", "bank.example"))
LAN = Rule(cidrs=(ipaddress.ip_network("192.0.2.0/24"), ipaddress.ip_network("2001:db8::/32")))
SSH = Rule(ports=(22,), users=("ann", "bob"), redundant=False)
REST = Rule(ports=(22, 443), redundant=False)


@pytest.mark.parametrize(
    ("host", "port", "user", "expected"),
    [
        ("api.broker.example", 1, "", BROKER),
        ("API.Broker.Example.", 1, "", BROKER),
        ("broker.example", 1, "", None),
        ("notbroker.example", 1, "", None),
        ("bank.example", 443, "", BROKER),
        ("192.0.2.9", 22, "ann", LAN),
        ("2001:db8::1", 9, "", LAN),
        ("192.0.3.9", 9, "", None),
        ("x.example", 22, "ann", SSH),
        ("x.example", 22, "eve", REST),
    ],
)
def test_the_first_rule_that_matches_wins(host: str, port: int, user: str, expected: Rule | None) -> None:
    rules = Rules([BROKER, LAN, SSH, REST])
    assert rules.match(host, port, user) is expected
    assert rules.match(host, port, user) is expected
    assert Rules([]).match(host, port, user) is None
