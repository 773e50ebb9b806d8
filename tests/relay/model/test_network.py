"""Values of the network: what they are called, and which differences a digest tells."""

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.model.cause import Cause
from relay.model.network import Address, Line, Network, Node, Proxy, Secret, digest, who_is_behind

TOKYO = Node("tokyo", Address("203.0.113.10", 48350), (Address("0.0.0.0", 48350),))
OREGON = Node("oregon", Address("198.51.100.10", 48350), (Address("0.0.0.0", 48350),), exit=True)
IX = Line("ix", "shanghai", "tokyo", Address("ix.example", 48350))
SEA = Line("sea", "tokyo", "oregon", OREGON.address)
NETWORK = Network(("shanghai",), {"tokyo": TOKYO, "oregon": OREGON}, {"ix": IX, "sea": SEA})
PROXY = Proxy("socks5", Address("proxy.example", 1080), "user", Secret(env="A"))


def with_line(**changes: Any) -> Network:
    return attrs.evolve(NETWORK, lines={"ix": attrs.evolve(IX, **changes), "sea": SEA})


def with_sea(**changes: Any) -> Network:
    return attrs.evolve(NETWORK, lines={"ix": IX, "sea": attrs.evolve(SEA, **changes)})


def with_node(**changes: Any) -> Network:
    return attrs.evolve(NETWORK, nodes={"tokyo": attrs.evolve(TOKYO, **changes), "oregon": OREGON})


def test_addresses_read_as_they_are_written() -> None:
    assert str(Address("ix.example", 443)) == "ix.example:443"
    assert str(Address("2001:db8::1", 443)) == "[2001:db8::1]:443"


CONCERNS = [
    (with_node(address=Address("203.0.113.11", 48350)), {"tokyo"}),
    (with_node(exit=True), {"tokyo"}),
    (with_sea(address=Address("198.51.100.11", 48350)), {"tokyo"}),  # who dials it
    (with_sea(proxy=PROXY), {"tokyo"}),
    (with_sea(name="see"), {"tokyo", "oregon"}),
    (with_sea(both=True), {"tokyo", "oregon"}),
    (with_line(name="iy"), {"tokyo"}),
    (with_line(end="oregon"), {"tokyo", "oregon"}),
    (with_line(start="oregon"), {"oregon"}),
    (attrs.evolve(NETWORK, ingresses=("shanghai", "beijing")), {"tokyo", "oregon"}),
    (attrs.evolve(NETWORK, nodes={"oregon": OREGON}), {"tokyo"}),
    (attrs.evolve(NETWORK, lines={"ix": IX}), {"tokyo", "oregon"}),
    (with_line(address=Address("ix.example", 48351)), set()),  # only the ingress dials it
    (with_line(proxy=PROXY), set()),
    (with_line(provider="seller", rate=1e6, cost=0.8, backup=True, group="g"), set()),
    (with_node(listen=(Address("0.0.0.0", 7443),), dns=("9.9.9.9",), hosts="hosts", upstream=PROXY), set()),
    (Network(("shanghai",), {"oregon": OREGON, "tokyo": TOKYO}, {"sea": SEA, "ix": IX}), set()),  # another order
    (attrs.evolve(NETWORK, serial=7), set()),
]
"""Other files, and the nodes that the difference concerns."""


@pytest.mark.parametrize(("other", "concerned"), CONCERNS)
def test_a_digest_tells_what_concerns_the_node_and_nothing_else(other: Network, concerned: set[str]) -> None:
    assert {node for node in NETWORK.nodes if other.digest_for(node) != NETWORK.digest_for(node)} == concerned
    assert len(other.digest_for("tokyo")) == 8


def test_a_line_that_is_walked_either_way_concerns_both_ends_by_what_they_dial() -> None:
    either = with_sea(both=True)
    moved = attrs.evolve(either, nodes={"tokyo": attrs.evolve(TOKYO, address=Address("::1", 1)), "oregon": OREGON})
    assert moved.digest_for("oregon") != either.digest_for("oregon")  # it dials tokyo's own address
    other = with_sea(both=True, address=Address("::1", 1))
    assert other.digest_for("oregon") == either.digest_for("oregon")  # which only tokyo dials


def test_a_node_that_is_gone_has_a_digest() -> None:
    assert NETWORK.digest_for("gone") != NETWORK.digest_for("tokyo")


def test_a_password_is_not_in_the_digest() -> None:
    secret = attrs.evolve(PROXY, password=Secret(file="other"), user="other")
    assert with_sea(proxy=PROXY).digest_for("tokyo") == with_sea(proxy=secret).digest_for("tokyo")


@pytest.mark.parametrize(
    ("theirs", "ours", "said"),
    [
        (3, 5, "us has an older paths.toml (serial 3, here 5): update us"),
        (7, 5, "us has a newer paths.toml (serial 7, here 5): update sh"),
        (5, 5, "us has another paths.toml with the same serial (5): bring it the right one and raise `serial`"),
        (0, 0, "us has another paths.toml without a serial, as here: bring it the right one and raise `serial`"),
    ],
)
def test_the_lower_serial_is_the_one_to_update(theirs: int, ours: int, said: str) -> None:
    assert who_is_behind("us", theirs, "sh", ours) == said


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_digests_keep_parts_apart(left: list[str], right: list[str]) -> None:
    assert (digest(*left) == digest(*right)) == (left == right)


def test_causes_have_one_code_and_one_word_each() -> None:
    assert len({cause.word for cause in Cause}) == len(Cause) == len({int(cause) for cause in Cause})
    assert all(0 < cause < 256 for cause in Cause)
    assert all(Cause.of_code(cause) is cause for cause in Cause)
    assert Cause.of_code(255) is Cause.INTERNAL
