"""Whom an allowance is for, and whose it is."""

import ipaddress

import pytest

from ingress.config.allowance import Allowance

NET = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8::/32"))


@pytest.mark.parametrize(
    ("allowance", "user", "client", "fits", "owner"),
    [
        (Allowance(users=("*",)), "ann", "10.0.0.1", True, "ann"),
        (Allowance(users=("*",)), "", "10.0.0.1", False, ""),
        (Allowance(users=("bob", "ann")), "ann", "192.0.2.1", True, "ann"),
        (Allowance(users=("bob",)), "ann", "192.0.2.1", False, "ann"),
        (Allowance(clients=NET), "ann", "10.0.0.1", True, "10.0.0.1"),
        (Allowance(clients=NET), "", "2001:db8::7", True, "2001:db8::7"),
        (Allowance(clients=NET), "", "192.0.2.1", False, "192.0.2.1"),
        (Allowance(users=("*",), clients=NET), "ann", "192.0.2.1", False, "ann"),
        (Allowance(users=("*",), clients=NET), "ann", "10.9.9.9", True, "ann"),
        (Allowance(clients=NET, together=True), "ann", "10.0.0.1", True, ""),
    ],
)
def test_whom_it_fits(allowance: Allowance, user: str, client: str, fits: bool, owner: str) -> None:
    assert (allowance.fits(user, client), allowance.owner(user, client)) == (fits, owner)
