"""What lines carry is what their carriers carried: those that have ended, and those that are up."""

from relay.model.network import Address, Line, Network, Node
from relay.model.sent import Sent
from relay.node.line_use import Carried, LineUse, LineUses

AT = Address("192.0.2.1", 1)
NETWORK = Network(
    ("sh",),
    {name: Node(name, AT, (AT,)) for name in ("jp", "us", "eu")},
    {
        line.name: line
        for line in (Line("ix", "sh", "jp", AT), Line("pacific", "jp", "us", AT), Line("far", "us", "eu", AT))
    },
)


def uses() -> LineUses:
    made = LineUses()
    made.know(NETWORK, "jp")
    return made


def test_lines_at_the_node_are_known_before_they_carry_anything() -> None:
    assert uses().with_live([]) == {"ix": LineUse(), "pacific": LineUse()}


def test_what_has_ended_is_added_to_what_is_up() -> None:
    lines = uses()
    lines.ended(Carried("ix", 10, 1))
    lines.ended(Carried("ix", 5, 0))
    assert lines.with_live([Carried("ix", 100, 7), Carried("ix", 1, 1)])["ix"] == LineUse(2, 116, 9)
    assert lines.with_live([])["ix"] == LineUse(0, 15, 1)


def test_what_the_kernel_knew_of_a_connection_stays_and_its_round_trip_goes() -> None:
    lines, up = uses(), Sent(1000, 10, 1, 5000, 2e6, 0.12, 0.1)
    assert lines.with_live([Carried("ix", 0, 0, up)])["ix"].sent == up
    lines.ended(Carried("ix", 0, 0, up.counts))
    assert lines.with_live([])["ix"].sent == Sent(1000, 10, 1, 5000)
    assert lines.with_live([Carried("ix", 0, 0, up)])["ix"].sent == Sent(2000, 20, 2, 10_000, 2e6, 0.12, 0.1)


def test_what_an_ingress_makes_up_is_not_kept() -> None:
    lines = uses()
    for name in ("", "far", "no such line"):
        lines.ended(Carried(name, 1, 1))
    assert set(lines.with_live([Carried("far", 1, 1)])) == {"ix", "pacific"}


def test_another_file_takes_nothing_from_what_was_counted() -> None:
    lines = uses()
    lines.ended(Carried("ix", 10, 1))
    lines.know(Network(("sh",), {}, {}), "jp")
    lines.know(NETWORK, "jp")
    assert lines.with_live([])["ix"] == LineUse(0, 10, 1)
