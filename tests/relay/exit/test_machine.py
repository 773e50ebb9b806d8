"""What an exit finds out about its machine: with the real kernel, and with one that does not tell."""

import errno
import ipaddress
import socket
from typing import Any

import pytest

from relay.exit import machine
from relay.exit.machine import Machine, look, reachable_families
from relay.model.families import ALL_FAMILIES, Families
from tests.world import Journal


@pytest.mark.parametrize(
    ("routes", "families"),
    [
        ({socket.AF_INET}, Families.IPV4),
        ({socket.AF_INET6}, Families.IPV6),
        ({socket.AF_INET, socket.AF_INET6}, ALL_FAMILIES),
        (set(), ALL_FAMILIES),
    ],
)
def test_f2_a_family_is_there_if_it_has_a_route(
    monkeypatch: pytest.MonkeyPatch, routes: set[int], families: Families
) -> None:
    """Loopback stands for the world, and a port that nobody may bind for a family without a route."""
    far = {
        Families.IPV4: (socket.AF_INET, "127.0.0.1" if socket.AF_INET in routes else "255.255.255.255"),
        Families.IPV6: (socket.AF_INET6, "::1" if socket.AF_INET6 in routes else "ff02::1"),
    }
    monkeypatch.setattr(machine, "FAR", far)
    assert reachable_families() is families


def test_addresses_that_the_kernel_does_not_tell_are_as_before(
    monkeypatch: pytest.MonkeyPatch, journal: Journal
) -> None:
    before = Machine(frozenset({ipaddress.ip_address("192.0.2.1")}), ALL_FAMILIES)
    assert ipaddress.ip_address("127.0.0.1") in look(before).addresses

    def refuse(*_: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(machine, "interface_addresses", refuse)
    assert look(before).addresses == before.addresses
    assert look().addresses == frozenset()
    (said,) = journal.of("interfaces-unknown")
    assert said["why"] == "Operation not permitted"
