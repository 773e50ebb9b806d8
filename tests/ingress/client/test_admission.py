"""Which addresses may enter, and which of them need a password, as tables."""

from ipaddress import ip_network
from typing import Any

import attrs
import pytest

from ingress.client import admission
from ingress.client.admission import Admission
from ingress.config import Forward
from relay.model.network import Address
from tests.ingress.client.test_permits import CONFIG

LAN = (ip_network("192.168.1.0/24"), ip_network("2001:db8::/32"))
AT = Address("127.0.0.1", 1)


def make(*, users: bool = False, **others: Any) -> Admission:
    return Admission(attrs.evolve(CONFIG, **others), has_users=users)


@pytest.mark.parametrize(
    ("users", "clients", "address", "needs"),
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
def test_who_may_enter(users: bool, clients: Any, address: str, needs: bool | None) -> None:
    made = make(users=users, clients=clients)
    assert made.needs_password(address) is needs
    assert made.needs_password(address) is needs


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


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MOST_REMEMBERED", 10)
    made = make(clients=LAN)
    for number in range(100):
        made.needs_password(f"192.168.1.{number}")
        assert len(made) <= 10
