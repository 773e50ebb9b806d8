"""The order of servers, and how long one is known to answer over TCP alone."""

from relay.exit.dnsservers import TCP_FOR, Servers
from relay.model.network import Address

A, B = Address("192.0.2.1", 53), Address("192.0.2.2", 53)


def test_who_answered_last_is_asked_first() -> None:
    servers = Servers((A, B))
    servers.answered(B, 0.0, over_tcp=False)
    assert servers.order == (B, A)


def test_f6_who_answered_over_tcp_alone_is_asked_so_for_a_while() -> None:
    servers = Servers((A, B))
    assert not servers.answers_over_tcp_alone(A, 0.0)
    servers.answered(A, 0.0, over_tcp=True)
    assert servers.answers_over_tcp_alone(A, TCP_FOR - 1)
    assert not servers.answers_over_tcp_alone(B, 1.0)
    assert not servers.answers_over_tcp_alone(A, TCP_FOR)
    servers.answered(A, 1.0, over_tcp=True)
    servers.answered(A, 2.0, over_tcp=False)
    assert not servers.answers_over_tcp_alone(A, 3.0)
