"""One association on real sockets: what waits for a look-up, which targets it remembers, and what it does without."""

import errno
import socket
from collections.abc import Iterator

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from relay.exit.association import MOST_WAITING, MOST_WAITING_BYTES, TRIES, Association, AssociationCounts
from relay.exit.datagram_targets import DatagramTargets, write_source
from relay.exit.targets import Targets
from relay.model.network import Address, UdpFilter
from relay.policy import Policy
from relay.wire.datagrams import ATYP_NAME
from tests.relay.exit.dialling import Make
from tests.relay.exit.dns_servers import DnsServer, fails
from tests.world import until


def name(host: str, port: int = 53) -> bytes:
    """A target as SOCKS5 has it."""
    return bytes([ATYP_NAME, len(host)]) + host.encode() + port.to_bytes(2, "big")


class Replied:
    """Keeps what comes back."""

    def __init__(self) -> None:
        self.got: list[tuple[bytes, bytes]] = []

    def reply(self, association: Association, source: bytes, data: memoryview, size: int) -> None:
        self.got.append((source, bytes(data)))


class Made:
    """An association of an exit, and what comes of it."""

    def __init__(self, targets: Targets, udp_filter: UdpFilter) -> None:
        self.targets = targets
        self.counts = AssociationCounts()
        self.replied = Replied()
        self.association = Association(1, DatagramTargets(targets), udp_filter, self.counts, self.replied)

    def send(self, address: bytes, payload: bytes = b"x") -> None:
        self.association.send(address, payload)

    @property
    def look_ups(self) -> int:
        """That go on."""
        return sum(target.look_up is not None for target in self.association._targets.values())


@pytest.fixture
def silent() -> Iterator[Address]:
    """A name server that never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield Address(*sock.getsockname())


@pytest.fixture
def made(make: Make, silent: Address) -> Iterator[Made]:
    made = Made(make(servers=[silent]), UdpFilter.ADDRESS)
    yield made
    made.association.close()


class Target:
    """A port that datagrams are sent to."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.bind((host, 0))
        self.written = write_source(host, self.sock.getsockname()[1])
        self.source: tuple[str, int] = ("", 0)

    def took(self) -> bytes | None:
        try:
            data, self.source = self.sock.recvfrom(65_535)
        except BlockingIOError:
            return None
        return data

    async def takes(self, expected: bytes) -> None:
        await until(lambda: self.took() == expected)


@pytest.fixture
def target() -> Iterator[Target]:
    made = Target()
    yield made
    made.sock.close()


@pytest.fixture
def targets() -> Iterator[list[Target]]:
    made = [Target() for _ in range(TRIES + 2)]
    yield made
    for one in made:
        one.sock.close()


async def test_what_waits_for_a_look_up_is_bounded_in_number(made: Made) -> None:
    for _ in range(MOST_WAITING):
        made.send(name("slow.test"))
    assert made.counts.unsent == 0
    for _ in range(3):
        made.send(name("slow.test"))
    assert made.counts.unsent == 3
    made.send(name("other.test"))  # has a bound of its own
    assert made.counts.unsent == 3 and made.look_ups == 2


async def test_what_waits_for_a_look_up_is_bounded_in_bytes(made: Made) -> None:
    for _ in range(MOST_WAITING_BYTES // 20_000):
        made.send(name("slow.test"), bytes(20_000))
    assert made.counts.unsent == 0
    made.send(name("slow.test"), bytes(20_000))
    made.send(name("slow.test"), b"small, and fits")
    assert made.counts.unsent == 1


async def test_what_is_looked_up_cannot_be_sent_to_the_short_way(made: Made, target: Target) -> None:
    assert made.association.sending(name("slow.test")) is None
    made.send(name("slow.test"))
    assert made.association.sending(name("slow.test")) is None
    made.send(target.written, b"first")
    await target.takes(b"first")
    short = made.association.sending(target.written)
    assert short is not None
    short([b"second"])
    await target.takes(b"second")


async def test_the_end_ends_look_ups(made: Made) -> None:
    made.send(name("slow.test"))
    await wait_all_tasks_blocked()
    running = len(made.targets.nursery.child_tasks)
    made.association.close()
    made.association.close()
    await until(lambda: len(made.targets.nursery.child_tasks) < running)
    assert "0 sockets, 0 targets" in repr(made.association)
    assert made.counts.refused == 0  # nobody is told of what waited


async def test_a_policy_that_changes_ends_look_ups_too(made: Made, target: Target) -> None:
    made.send(name("slow.test"))
    made.send(target.written, b"allowed")
    await target.takes(b"allowed")
    made.targets.policy = Policy()
    made.send(target.written, b"no more")
    assert made.counts.refused == 1
    assert made.look_ups == 0 and "1 targets" in repr(made.association)


async def test_a_target_makes_room_and_takes_its_look_up_along(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.exit.association.MOST_TARGETS", 2)
    for host in ("a.test", "b.test", "c.test", "d.test"):
        made.send(name(host))
    assert made.look_ups == 2
    assert list(made.association._targets) == [name("c.test"), name("d.test")]


async def test_who_is_used_stays_longer_but_not_for_ever(
    made: Made, targets: list[Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.exit.association.MOST_TARGETS", TRIES + 1)
    *first, last = targets
    for one in first:
        made.send(one.written, b"x")
        await one.takes(b"x")
    made.send(last.written, b"new")  # all were used: after some tries the next goes all the same
    await last.takes(b"new")
    known = set(made.association._targets)
    assert known == {one.written for one in (*first[:TRIES], last)}


async def test_a_host_is_known_while_one_of_its_ports_is(
    made: Made, targets: list[Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.exit.association.MOST_TARGETS", 2)
    stranger = targets[5]
    for one in targets[:3]:
        made.send(one.written, b"x")
        await one.takes(b"x")
    stranger.sock.sendto(b"of a known host", targets[0].source)
    await until(lambda: made.replied.got == [(stranger.written, b"of a known host")])


async def test_the_last_port_of_a_host_takes_it_along(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.exit.association.MOST_TARGETS", 1)
    first, second = Target("127.0.0.1"), Target("127.0.0.2")
    with first.sock, second.sock:
        for one in (first, second):
            made.send(one.written, b"x")
            await one.takes(b"x")
        port = first.source[1]
        first.sock.sendto(b"forgotten", ("127.0.0.1", port))
        await until(lambda: made.counts.unasked == 1)
        first.sock.sendto(b"", ("127.0.0.1", port))  # nothing counts as well
        await until(lambda: made.counts.unasked == 2)
        second.sock.sendto(b"known", ("127.0.0.1", port))
        await until(lambda: made.replied.got)
    assert made.replied.got == [(second.written, b"known")]


async def test_each_family_has_a_socket_of_its_own(made: Made, target: Target) -> None:
    other = Target("::1")
    with other.sock:
        made.send(target.written, b"four")
        made.send(other.written, b"six")
        await target.takes(b"four")
        await other.takes(b"six")
        assert "2 sockets" in repr(made.association)
        other.sock.sendto(b"back", other.source)
        await until(lambda: made.replied.got == [(other.written, b"back")])


async def test_the_reserve_of_descriptors_is_left_alone(
    made: Made, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_reserved(descriptor: int) -> None:
        refused.append(descriptor)
        raise OSError(errno.EMFILE, "Too many open files")

    refused: list[int] = []
    with monkeypatch.context() as short:
        short.setattr("relay.exit.association.spare_reserve", is_reserved)
        made.send(target.written, b"x")
    assert len(refused) == 1 and made.counts.refused == 1
    with pytest.raises(OSError, match="Bad file descriptor"):
        socket.socket(fileno=refused[0]).close()
    assert "0 sockets" in repr(made.association)


async def test_what_the_kernel_did_not_take_is_counted_beyond_the_end(made: Made, target: Target) -> None:
    made.send(target.written, bytes(65_508))
    made.send(target.written, b"goes on")
    await target.takes(b"goes on")
    assert made.association.unsent == 1
    made.association.close()
    assert (made.association.unsent, made.counts.unsent) == (0, 1)


async def test_a_known_name_is_sent_to_at_once_and_one_of_inner_addresses_never(made: Made, target: Target) -> None:
    port = target.sock.getsockname()[1]
    for _ in range(2):
        made.send(name("target.test", port), b"named")
        await target.takes(b"named")
    made.targets.policy = Policy()
    made.send(name("inside.test", port), b"no")
    await until(lambda: made.counts.refused == 1)


def here(query: dns.message.Message) -> dns.message.Message:
    """Every name is this machine; but "none.test" is none."""
    question = query.question[0]
    if question.name.to_text() == "none.test.":
        return fails(query, dns.rcode.NXDOMAIN)
    reply = dns.message.make_response(query)
    if question.rdtype == dns.rdatatype.A:
        reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", "127.0.0.1"))
    return reply


async def test_what_waited_for_a_look_up_goes_in_order(make: Make, target: Target) -> None:
    """And what is known not to be there is refused at once."""
    port = target.sock.getsockname()[1]
    async with trio.open_nursery() as nursery:
        server = DnsServer(here)
        made = Made(make(servers=[await nursery.start(server.serve)]), UdpFilter.ADDRESS)
        for number in range(3):
            made.send(name("far.test", port), b"%d" % number)
        for number in range(3):
            await target.takes(b"%d" % number)
        made.send(name("none.test", port))
        await until(lambda: made.counts.refused == 1)
        asked = sum(server.asked.values())
        again = Association(2, DatagramTargets(made.targets), UdpFilter.ADDRESS, made.counts, made.replied)
        again.send(name("none.test", port), memoryview(b"x"))
        assert made.counts.refused == 2 and sum(server.asked.values()) == asked
        again.close()
        made.association.close()
        nursery.cancel_scope.cancel()
