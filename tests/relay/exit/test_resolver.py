"""Names over a real socket: a DNS server on loopback, which answers, lies, is silent, or is not there."""

import errno
import socket
from collections.abc import Sequence
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from relay.exit.dnsquery import look_up
from relay.exit.dnsservers import Servers
from relay.exit.resolver import LIMIT, Resolver
from relay.model.addresses import LOCALHOST_ADDRESSES
from relay.model.cause import Cause
from relay.model.network import Address, Node
from tests.relay.exit.dns_servers import BOTH, DnsServer, Reply, cause_of, fails, is_silent, knows, start

UNKNOWN = (Cause.DNS_TIMEOUT, Cause.DNS_FAILED, Cause.NAME_NOT_FOUND)


@pytest.fixture
def clock() -> MockClock:
    """Jumps over waits once nothing has happened for a moment of real time, so that datagrams can still arrive."""
    return MockClock(autojump_threshold=0.02)


async def test_a_name_is_asked_for_once_and_then_known(nursery: trio.Nursery, clock: MockClock) -> None:
    server = DnsServer(knows)
    resolver = await start(nursery, server)
    assert resolver.cached("www.example", trio.current_time()) is None
    assert await resolver.resolve("www.example") == BOTH
    for host in ("www.example", "WWW.Example.", "ｗｗｗ.example"):
        assert resolver.cached(host, trio.current_time()) == BOTH
        assert await resolver.resolve(host) == BOTH
    assert server.asked == {"www.example": 2}
    assert resolver.cached("www.example", trio.current_time() + 61) is None
    assert repr(resolver) == "<Resolver 1 names known, 0 in flight>"


@pytest.mark.parametrize("host", ["jow-.github.io", "-a.example", "_service._tcp.example"])
async def test_names_in_use_that_are_no_host_names_are_asked_for(
    nursery: trio.Nursery, clock: MockClock, host: str
) -> None:
    server = DnsServer(knows)
    assert await (await start(nursery, server)).resolve(host) == BOTH
    assert server.asked == {host: 2}


async def test_a_second_answer_is_not_asked_for_behind_the_first(nursery: trio.Nursery, clock: MockClock) -> None:
    """DNS rebinding: a name that is public at first and private at the second query is dialled as it was judged."""
    server = DnsServer(lambda query: knows(query, ttl=0))
    resolver = await start(nursery, server)
    first = await resolver.resolve("rebind.example")
    server.answer = lambda query: fails(query, dns.rcode.NXDOMAIN)
    assert resolver.cached("rebind.example", trio.current_time()) == first
    assert server.asked == {"rebind.example": 2}


async def test_files_and_localhost_need_no_server(nursery: trio.Nursery) -> None:
    resolver = Resolver(nursery, (), {"known.example": ("192.0.2.1",)})
    assert await resolver.resolve("Known.example") == ("192.0.2.1",)
    assert await resolver.resolve("localhost") == LOCALHOST_ADDRESSES
    assert await resolver.resolve("app.localhost.") == LOCALHOST_ADDRESSES


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example", "line\r\n.example", "1.2.3.4.5", "x" * 300])
async def test_what_is_no_name_is_never_asked_for(nursery: trio.Nursery, host: str) -> None:
    assert await cause_of(Resolver(nursery, ()), host) is Cause.NAME_NOT_FOUND


async def test_one_look_up_serves_all_who_ask(nursery: trio.Nursery, clock: MockClock) -> None:
    server = DnsServer(is_silent)
    resolver = await start(nursery, server)
    found: list[Sequence[str]] = []

    async def ask() -> None:
        found.append(await resolver.resolve("www.example"))

    async with trio.open_nursery() as askers:
        for _ in range(50):
            askers.start_soon(ask)
        await wait_all_tasks_blocked()
        server.answer = knows  # the datagrams sent again find it
    assert found == [BOTH] * 50
    assert server.asked == {"www.example": 4}


async def test_one_who_leaves_does_not_end_it_for_the_others(nursery: trio.Nursery, clock: MockClock) -> None:
    server = DnsServer(is_silent)
    resolver = await start(nursery, server)
    async with trio.open_nursery() as askers:
        left = trio.CancelScope()

        async def leave() -> None:
            with left:
                await resolver.resolve("www.example")

        async def stay() -> None:
            assert await resolver.resolve("www.example") == BOTH

        askers.start_soon(leave)
        askers.start_soon(stay)
        await wait_all_tasks_blocked()
        left.cancel()
        server.answer = knows
    assert left.cancelled_caught


async def test_the_last_to_leave_ends_it(nursery: trio.Nursery, clock: MockClock) -> None:
    server = DnsServer(is_silent)
    resolver = await start(nursery, server)
    with trio.move_on_after(0.5):
        await resolver.resolve("www.example")
    assert "0 in flight" in repr(resolver)
    server.answer = knows
    assert await resolver.resolve("www.example") == BOTH


async def test_a_silent_server_costs_five_seconds_and_nobody_else(nursery: trio.Nursery, clock: MockClock) -> None:
    def only_one(query: dns.message.Message) -> Reply:
        return knows(query) if "good" in query.question[0].name.to_text() else None

    resolver = await start(nursery, DnsServer(only_one))
    await resolver.resolve("cached.good.example")
    started = trio.current_time()

    async def fail(number: int) -> None:
        assert await cause_of(resolver, f"{number}.example") is Cause.DNS_TIMEOUT
        assert trio.current_time() == pytest.approx(started + LIMIT, abs=0.1)

    async with trio.open_nursery() as askers:
        for number in range(200):
            askers.start_soon(fail, number)
        await wait_all_tasks_blocked()
        assert resolver.cached("cached.good.example", trio.current_time()) == BOTH
        assert await resolver.resolve("good.example") == BOTH
        assert trio.current_time() == pytest.approx(started, abs=0.1)
    assert resolver.cached("7.example", trio.current_time()) is Cause.DNS_TIMEOUT


@pytest.mark.parametrize(
    ("rcode", "cause"),
    [
        (dns.rcode.NXDOMAIN, Cause.NAME_NOT_FOUND),
        (dns.rcode.SERVFAIL, Cause.DNS_FAILED),
        (dns.rcode.REFUSED, Cause.DNS_FAILED),
    ],
)
async def test_a_name_without_addresses(
    nursery: trio.Nursery, clock: MockClock, rcode: dns.rcode.Rcode, cause: Cause
) -> None:
    server = DnsServer(lambda query: fails(query, rcode))
    resolver = await start(nursery, server)
    assert await cause_of(resolver, "absent.example") is cause
    assert await cause_of(resolver, "absent.example") is cause
    assert server.asked == {"absent.example": 2}


async def test_the_next_server_answers_where_the_first_does_not(nursery: trio.Nursery, clock: MockClock) -> None:
    first, second = DnsServer(is_silent), DnsServer(knows)
    resolver = await start(nursery, first, second)
    started = trio.current_time()
    assert await resolver.resolve("a.example") == BOTH
    assert trio.current_time() == pytest.approx(started + 1.0, abs=0.1)
    assert await resolver.resolve("b.example") == BOTH
    assert first.asked == {"a.example": 2}
    assert second.asked == {"a.example": 2, "b.example": 2}


async def test_a_server_that_fails_hands_over_at_once(nursery: trio.Nursery, clock: MockClock) -> None:
    resolver = await start(nursery, DnsServer(fails), DnsServer(knows))
    started = trio.current_time()
    assert await resolver.resolve("a.example") == BOTH
    assert trio.current_time() == pytest.approx(started, abs=0.1)


async def test_servers_where_nobody_listens_are_given_up_at_once(nursery: trio.Nursery, clock: MockClock) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = Address("127.0.0.1", taken.getsockname()[1])
    started = trio.current_time()
    assert await cause_of(Resolver(nursery, [nobody, nobody]), "a.example") is Cause.DNS_TIMEOUT
    assert trio.current_time() == pytest.approx(started, abs=0.1)


async def test_a_family_that_gets_no_answer_is_not_waited_for(nursery: trio.Nursery, clock: MockClock) -> None:
    def only_ipv4(query: dns.message.Message) -> Reply:
        return knows(query) if query.question[0].rdtype == dns.rdatatype.A else None

    resolver = await start(nursery, DnsServer(only_ipv4))
    started = trio.current_time()
    assert await resolver.resolve("a.example") == ("198.51.100.1",)
    assert trio.current_time() == pytest.approx(started + 0.25, abs=0.1)


async def test_what_does_not_fit_is_fetched_over_tcp(nursery: trio.Nursery, clock: MockClock) -> None:
    server = DnsServer(lambda query: knows(query, flags=dns.flags.TC))
    resolver = await start(nursery, server)
    assert await resolver.resolve("long.example") == BOTH
    assert server.over_tcp == 2


@pytest.mark.parametrize("each", [1, 2])
async def test_f6_where_udp_is_refused_tcp_is_asked_at_once(nursery: trio.Nursery, clock: MockClock, each: int) -> None:
    """Both questions in one connection; a server that closes after each answer gets another."""
    server = DnsServer(knows, udp="refused", each=each)
    resolver, started = await start(nursery, server), trio.current_time()
    assert await resolver.resolve("a.example") == BOTH
    assert trio.current_time() - started < 1.0
    assert (server.over_tcp, server.connections) == (2, 2 // each)


async def test_f6_where_udp_is_silent_tcp_is_asked_after_a_second_and_at_once_from_then_on(
    nursery: trio.Nursery, clock: MockClock
) -> None:
    server = DnsServer(knows, udp="swallowed", each=2)
    resolver, started = await start(nursery, server), trio.current_time()
    assert await resolver.resolve("a.example") == BOTH
    assert trio.current_time() == pytest.approx(started + 1.0, abs=0.2)
    assert await resolver.resolve("b.example") == BOTH
    assert trio.current_time() == pytest.approx(started + 1.0, abs=0.4)


async def test_f6_of_two_silent_servers_each_is_asked_over_tcp_within_the_limit(
    nursery: trio.Nursery, clock: MockClock
) -> None:
    dead = DnsServer(is_silent, udp="swallowed", each=9)
    resolver = await start(nursery, dead, DnsServer(knows, udp="swallowed", each=2))
    assert await resolver.resolve("a.example") == BOTH


async def test_f6_a_server_that_cuts_answers_short_over_tcp_too_is_asked_once(
    nursery: trio.Nursery, clock: MockClock
) -> None:
    def cut(query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.TC
        return reply

    server = DnsServer(cut, strips=False)
    assert await cause_of(await start(nursery, server), "a.example") in (
        Cause.DNS_TIMEOUT,
        Cause.DNS_FAILED,
        Cause.NAME_NOT_FOUND,
    )
    assert server.connections <= 2 * LIMIT


async def test_f6_with_use_vc_nothing_is_asked_over_udp(nursery: trio.Nursery, clock: MockClock) -> None:
    server = DnsServer(knows, each=2)
    resolver = Resolver(nursery, [await nursery.start(server.serve)], over_tcp=True)
    assert await resolver.resolve("a.example") == BOTH
    assert (server.asked, server.over_tcp) == ({}, 2)


async def test_a_fault_of_ours_ends_one_look_up_only(
    nursery: trio.Nursery, clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver = await start(nursery, DnsServer(knows))
    with monkeypatch.context() as faulty:
        faulty.setattr("relay.exit.lookup.Lookup.receive", lambda *_: 1 / 0)
        assert await cause_of(resolver, "a.example") is Cause.INTERNAL
    assert await resolver.resolve("a.example") == BOTH


async def test_no_descriptor_left_says_nothing_of_the_name(
    nursery: trio.Nursery, clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    resolver = await start(nursery, DnsServer(knows))
    with monkeypatch.context() as full:
        full.setattr("relay.exit.dnsquery.trio.socket.socket", fail)
        assert await cause_of(resolver, "a.example") is Cause.LIMIT
    assert await resolver.resolve("a.example") == BOTH


def test_a_nodes_files_are_read(tmp_path: Path) -> None:
    async def make() -> None:
        async with trio.open_nursery() as nursery:
            node = Node(
                "us", Address("203.0.113.1", 48350), (), exit=True, dns=("127.0.0.1",), hosts=str(tmp_path / "hosts")
            )
            resolver = Resolver.of_node(nursery, node, tmp_path)
            assert await resolver.resolve("target.test") == ("192.0.2.8",)

    (tmp_path / "hosts").write_text("192.0.2.8 target.test\n")
    trio.run(make)


async def test_a_server_that_closes_within_its_answer_counts_as_none(nursery: trio.Nursery, clock: MockClock) -> None:
    async def cut(stream: trio.SocketStream) -> None:
        await stream.receive_some(100)
        await stream.send_all(b"\0\x20only a part")

    def truncated(query: dns.message.Message) -> Reply:
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.TC
        return reply

    server = DnsServer(truncated)
    server._serve_tcp = cut  # type: ignore[method-assign]
    assert await cause_of(await start(nursery, server), "a.example") in (
        Cause.NAME_NOT_FOUND,
        Cause.DNS_TIMEOUT,
        Cause.DNS_FAILED,
    )


async def test_without_any_server_there_is_nobody_to_ask() -> None:
    with pytest.raises(ValueError, match="no DNS server"):
        await look_up("a.example", Servers(()))
