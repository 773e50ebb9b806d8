"""What answers add up to, without a server: messages are made with dnspython and handed in as bytes."""

from collections.abc import Sequence

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.exit.dnscache import FAILURE, Answer
from relay.exit.lookup import MOST_ADDRESSES, PARTIAL_TTL, Lookup
from relay.model.cause import Cause

NAME = "www.example"
NOERROR, SERVFAIL, NXDOMAIN = dns.rcode.NOERROR, dns.rcode.SERVFAIL, dns.rcode.NXDOMAIN
SOA = "example. 30 IN SOA ns.example. admin.example. 1 2 3 4 20"


def reply(wire: bytes, records: Sequence[str] = (), rcode: dns.rcode.Rcode = NOERROR, flags: int = 0) -> bytes:
    """The answer to the query in *wire*; *records* are lines of a zone file, SOA records go where they belong."""
    message = dns.message.make_response(dns.message.from_wire(wire))
    message.set_rcode(rcode)
    message.flags |= flags
    for record in records:
        owner, ttl, _, kind, rest = record.split(" ", 4)
        section = message.authority if kind == "SOA" else message.answer
        section.append(dns.rrset.from_text(owner, int(ttl), "IN", kind, rest))
    return message.to_wire()


def look_up(aaaa: Sequence[str] | None, a: Sequence[str] | None, rcode: dns.rcode.Rcode = NOERROR) -> Lookup:
    """A look-up after these answers; None is no answer."""
    lookup = Lookup(NAME)
    for wire, records in zip(lookup.next_server(), (aaaa, a), strict=True):
        if records is not None:
            lookup.receive(reply(wire, records, rcode))
    return lookup


V6 = ["www.example. 60 IN AAAA 2001:200::1"]
V4 = ["www.example. 40 IN A 198.51.100.1"]
TWO = ("2001:200::1", "198.51.100.1")
VIA_CNAME = ["www.example. 10 IN CNAME cdn.example.", "cdn.example. 300 IN A 198.51.100.9"]
ENDLESS = ["www.example. 10 IN CNAME cdn.example.", "cdn.example. 10 IN CNAME www.example."]


@pytest.mark.parametrize(
    ("lookup", "answer"),
    [
        (look_up(V6, V4), Answer(TWO, 40.0)),
        (look_up([], V4), Answer(("198.51.100.1",), 40.0)),
        (look_up([], VIA_CNAME), Answer(("198.51.100.9",), 10.0)),
        (look_up(None, V4), Answer(("198.51.100.1",), PARTIAL_TTL)),
        (look_up([SOA], [SOA]), Answer(Cause.NAME_NOT_FOUND, 20.0)),
        (look_up([SOA], [SOA], NXDOMAIN), Answer(Cause.NAME_NOT_FOUND, 20.0)),
        (look_up([SOA], None), Answer(Cause.DNS_TIMEOUT, FAILURE)),
        (look_up(None, None), Answer(Cause.DNS_TIMEOUT, FAILURE)),
        (look_up([], [], SERVFAIL), Answer(Cause.DNS_FAILED, FAILURE)),
        (look_up(ENDLESS, ENDLESS), Answer(Cause.DNS_FAILED, FAILURE)),
        (look_up(["www.example. 60 IN AAAA ::ffff:10.0.0.1"], []), Answer(("10.0.0.1",), 60.0)),
    ],
)
def test_the_answers_add_up(lookup: Lookup, answer: Answer) -> None:
    assert lookup.answer() == answer


def test_a_thousand_addresses_are_cut_to_sixteen() -> None:
    many = [f"www.example. 60 IN A 198.51.{number // 250}.{number % 250}" for number in range(1000)]
    lookup = look_up([], many)
    assert lookup.is_settled
    assert len(lookup.answer().outcome) == MOST_ADDRESSES  # type: ignore[arg-type]


def test_a_name_that_lacks_one_family_is_not_absent() -> None:
    lookup = Lookup(NAME)
    aaaa, a = lookup.next_server()
    lookup.receive(reply(aaaa, [SOA], NXDOMAIN))
    lookup.receive(reply(a, V4))
    assert lookup.answer().outcome == ("198.51.100.1",)


def test_what_a_server_refuses_is_asked_of_the_next() -> None:
    lookup = Lookup(NAME)
    aaaa, a = lookup.next_server()
    lookup.receive(reply(aaaa, V6))
    lookup.receive(reply(a, rcode=SERVFAIL))
    assert not lookup.awaits_datagram
    assert lookup.open_wires() == []
    assert lookup.next_server() == [a]
    lookup.receive(reply(a, V4))
    assert lookup.answer() == Answer(TWO, 40.0)


def test_a_truncated_answer_is_to_be_had_over_tcp() -> None:
    lookup = Lookup(NAME)
    aaaa, a = lookup.next_server()
    lookup.receive(reply(a, V4, flags=dns.flags.TC))
    lookup.receive(reply(aaaa, []))
    assert not lookup.awaits_datagram
    assert lookup.open_wires() == [a]
    lookup.receive(reply(a, V4))
    assert lookup.is_settled
    assert lookup.open_wires() == []


def test_strangers_answers_are_ignored() -> None:
    lookup = Lookup(NAME)
    aaaa, a = lookup.next_server()
    other = dns.message.make_query("other.example", "A", id=dns.message.from_wire(a).id).to_wire()
    another_id = dns.message.make_query(NAME, "A", id=dns.message.from_wire(a).id ^ 1).to_wire()
    for wire in (reply(other, V4), reply(another_id, V4), a, aaaa, a[:7], b""):
        lookup.receive(wire)
    assert not lookup.has_addresses
    assert not lookup.is_settled


@given(st.binary(max_size=200), st.integers(12, 80))
def test_no_bytes_raise(noise: bytes, kept: int) -> None:
    lookup = Lookup(NAME)
    aaaa, a = lookup.next_server()
    lookup.receive(noise)
    lookup.receive(reply(a, VIA_CNAME)[:kept] + noise)
    lookup.receive(aaaa[:2] + noise)
    answer = bytearray(reply(a, VIA_CNAME))
    for at, byte in enumerate(noise):
        answer[(kept + at) % len(answer)] = byte
        lookup.receive(bytes(answer))
    assert isinstance(lookup.answer(), Answer)
