"""Values of the network: what they are called, and which differences a digest tells."""

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.model.cause import Cause
from relay.model.network import Address, Line, Network, Node, Proxy, Secret, digest

TOKYO = Node("tokyo", Address("203.0.113.10", 48350), (Address("0.0.0.0", 48350),))
OREGON = Node("oregon", Address("198.51.100.10", 48350), (Address("0.0.0.0", 48350),), exit=True)
IX = Line("ix", "shanghai", "tokyo", Address("ix.example", 48350))
SEA = Line("sea", "tokyo", "oregon", OREGON.address)
NETWORK = Network(("shanghai",), {"tokyo": TOKYO, "oregon": OREGON}, {"ix": IX, "sea": SEA})
PROXY = Proxy("socks5", Address("proxy.example", 1080), "user", Secret(env="A"))


def with_line(**changes: Any) -> Network:
    return attrs.evolve(NETWORK, lines={"ix": attrs.evolve(IX, **changes), "sea": SEA})


def with_node(**changes: Any) -> Network:
    return attrs.evolve(NETWORK, nodes={"tokyo": attrs.evolve(TOKYO, **changes), "oregon": OREGON})


def test_addresses_read_as_they_are_written() -> None:
    assert str(Address("ix.example", 443)) == "ix.example:443"
    assert str(Address("2001:db8::1", 443)) == "[2001:db8::1]:443"


@pytest.mark.parametrize(
    "other",
    [
        with_line(name="iy"),
        with_line(start="oregon"),
        with_line(end="oregon"),
        with_line(address=Address("ix.example", 48351)),
        with_line(both=True),
        with_line(proxy=PROXY),
        with_node(address=Address("203.0.113.11", 48350)),
        with_node(exit=True),
        attrs.evolve(NETWORK, ingresses=("shanghai", "beijing")),
        attrs.evolve(NETWORK, nodes={"oregon": OREGON}),
        attrs.evolve(NETWORK, lines={"ix": IX}),
    ],
)
def test_what_both_ends_must_agree_on_is_in_the_digest(other: Network) -> None:
    assert other.digest != NETWORK.digest and len(other.digest) == 8


@pytest.mark.parametrize(
    "other",
    [
        with_line(provider="seller", rate=1e6, cost=0.8, backup=True, group="g"),
        with_node(listen=(Address("0.0.0.0", 7443),), dns=("9.9.9.9",), hosts="hosts", upstream=PROXY),
        Network(("shanghai",), {"oregon": OREGON, "tokyo": TOKYO}, {"sea": SEA, "ix": IX}),  # another order
    ],
)
def test_what_is_one_end_s_own_business_is_not(other: Network) -> None:
    assert other.digest == NETWORK.digest


def test_a_password_is_not_in_the_digest() -> None:
    secret = attrs.evolve(PROXY, password=Secret(file="other"), user="other")
    assert with_line(proxy=PROXY).digest == with_line(proxy=secret).digest


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_digests_keep_parts_apart(left: list[str], right: list[str]) -> None:
    assert (digest(*left) == digest(*right)) == (left == right)


def test_causes_have_one_code_and_one_word_each() -> None:
    assert len({cause.word for cause in Cause}) == len(Cause) == len({int(cause) for cause in Cause})
    assert all(0 < cause < 256 for cause in Cause)
    assert all(Cause.of_code(cause) is cause for cause in Cause)
    assert Cause.of_code(255) is Cause.INTERNAL
