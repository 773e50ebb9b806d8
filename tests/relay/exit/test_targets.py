"""The exit's dialler over real sockets: what is judged is dialled, failures have causes, a cancel leaves nothing."""

import errno
import os
import resource
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from relay.engine.descriptors import note_limit
from relay.exit.targets import CAUSES, CONNECT_LIMIT, MOST_TIMED, Dialled, Dialling
from relay.model.cause import Cause
from relay.model.network import Address, Proxy
from tests.relay.exit.dialling import Make, connected, outcome_of
from tests.world import Journal

pytestmark = pytest.mark.usefixtures("no_leak")


@pytest.fixture
def clock() -> MockClock:
    """Jumps over waits once nothing has happened for a moment; not over the engine's, which are the kernel's timers."""
    return MockClock(autojump_threshold=0.02)


SPELLINGS = ["127.0.0.1", "127.1", "0x7f000001", "2130706433", "[::ffff:127.0.0.1]", "127.0.0.1.", "１２７.０.０.１"]


@pytest.mark.parametrize("host", [*SPELLINGS, "target.test", "TARGET.test."])
async def test_a_target_is_connected(make: Make, listener: socket.socket, host: str) -> None:
    port = listener.getsockname()[1]
    dialled = await connected(make(), host, port)
    with dialled.sock as sock:
        assert sock.getpeername() == ("127.0.0.1", port)
        assert dialled.address == "127.0.0.1"
        assert 0 < dialled.took < 1
        assert not sock.getblocking()
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize(
    "host", [*SPELLINGS, "::1", "target.test", "inside.test", "localhost", "a.localhost", "fe80::1%lo"]
)
async def test_nothing_inside_is_dialled(make: Make, listener: socket.socket, host: str) -> None:
    assert await outcome_of(make(allow=()), host, listener.getsockname()[1]) is Cause.POLICY
    with pytest.raises(BlockingIOError):
        listener.accept()


async def test_our_own_nodes_are_not_dialled_even_where_the_range_is_open(make: Make, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    targets = make(own=[("127.0.0.1", port)])
    for host in ("127.0.0.1", "target.test", "::ffff:127.0.0.1"):
        assert await outcome_of(targets, host, port) is Cause.POLICY


async def test_only_the_permitted_addresses_of_a_name_are_dialled(make: Make, listener: socket.socket) -> None:
    dialled = await connected(make(), "mixed.test", listener.getsockname()[1])
    with dialled.sock:
        assert dialled.address == "127.0.0.1"


async def test_the_next_address_is_dialled_when_one_refuses(make: Make, listener: socket.socket) -> None:
    dialled = await connected(make(), "two.test", listener.getsockname()[1])  # nothing listens on ::1 at this port
    with dialled.sock:
        assert dialled.address == "127.0.0.1"


async def test_a_swallowing_address_costs_one_stagger(make: Make, black_hole: Address) -> None:
    with socket.create_server(("127.0.0.2", black_hole.port)):
        started = trio.current_time()
        dialled = await connected(make(), "swallows.test", black_hole.port)
        with dialled.sock:
            assert dialled.address == "127.0.0.2"
        assert 0.25 <= trio.current_time() - started < 5


async def test_a_refusal(make: Make, nobody: Address) -> None:
    assert await outcome_of(make(), nobody.host, nobody.port) is Cause.REFUSED


async def test_a_black_hole_is_given_up(make: Make, black_hole: Address, impatient: float) -> None:
    started = trio.current_time()
    assert await outcome_of(make(), black_hole.host, black_hole.port) is Cause.CONNECT_TIMEOUT
    assert trio.current_time() - started >= impatient


@pytest.mark.parametrize("host", ["x" * 64 + ".example", "a..b", "spa ce", "line\r\n.test", "1.2.3.4.5", ""])
async def test_what_is_no_name_is_not_found(make: Make, host: str) -> None:
    assert await outcome_of(make(), host, 443) is Cause.NAME_NOT_FOUND


async def test_a_port_that_is_none_is_refused(make: Make) -> None:
    assert await outcome_of(make(), "127.0.0.1", 0) is Cause.POLICY


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (errno.ECONNREFUSED, Cause.REFUSED),
        (errno.ENETUNREACH, Cause.NO_ROUTE),
        (errno.EHOSTUNREACH, Cause.HOST_UNREACHABLE),
        (errno.ETIMEDOUT, Cause.CONNECT_TIMEOUT),
        (errno.EADDRNOTAVAIL, Cause.NO_ROUTE),
        (errno.EAFNOSUPPORT, Cause.NO_ROUTE),
        (errno.EMFILE, Cause.LIMIT),
        (errno.EACCES, Cause.POLICY),
        (errno.EPROTO, Cause.INTERNAL),
    ],
)
def test_an_error_of_the_kernel_has_its_cause(code: int, cause: Cause) -> None:
    assert CAUSES.get(code, Cause.INTERNAL) is cause


@pytest.fixture
def five_hundred_and_twelve() -> Iterator[int]:
    """Descriptors of this process."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, limits[1]))
    note_limit()
    yield 512
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    note_limit()


@pytest.mark.parametrize("through", ["address", "name", "upstream"])
async def test_d5_targets_that_do_not_answer_leave_two_reserves_to_others_and_are_told_of_once(
    make: Make, black_hole: Address, five_hundred_and_twelve: int, through: str, journal: Journal
) -> None:
    upstream = Proxy("socks5", black_hole) if through == "upstream" else None
    targets = make(servers=[black_hole], upstream=upstream)
    hosts = {"address": "127.0.0.1", "name": "n{}.example", "upstream": "n{}.example"}
    outcomes: list[Dialled | Cause] = []
    dialling = [targets.dial(hosts[through].format(number), black_hole.port, outcomes.append) for number in range(1500)]
    await wait_all_tasks_blocked()
    in_use = len(os.listdir("/proc/self/fd"))
    assert in_use <= 512 - 2 * 64 + 1  # the one more lists them
    assert set(outcomes) - {Cause.DNS_TIMEOUT} == {Cause.LIMIT}  # the clock jumps over what names may take
    assert targets.statistics().shortages == outcomes.count(Cause.LIMIT)
    with socket.create_server(("127.0.0.1", 0)):
        pass
    assert journal.of("descriptors-short") == [{"level": "warning", "limit": 512, "for_targets": 384}]
    for one in dialling:
        one.cancel()
    await wait_all_tasks_blocked()


async def test_no_descriptor_left_is_a_limit(make: Make, listener: socket.socket) -> None:
    targets = make()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as spare:
        spare.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 8, hard))
        with pytest.raises(OSError, match="Too many open files"):
            while True:
                spare.enter_context(socket.socket())
        outcome = await outcome_of(targets, "127.0.0.1", listener.getsockname()[1])
    assert outcome is Cause.LIMIT


# names that have to be asked for


class Names:
    """A DNS server on loopback: swallows, or answers every A question with an address and every other with none."""

    def __init__(self) -> None:
        self.addresses: list[str] = []

    async def serve(self, task_status: trio.TaskStatus[Address]) -> None:
        with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            await sock.bind(("127.0.0.1", 0))
            task_status.started(Address(*sock.getsockname()))
            while True:
                query, client = await sock.recvfrom(512)
                if self.addresses:
                    await sock.sendto(self._reply(query), client)

    def _reply(self, query: bytes) -> bytes:
        """RFC 1035 section 4: the question again, and records that point to its name (offset 12)."""
        question = query[12:]
        found = self.addresses if question[-4:-2] == b"\0\1" else []
        head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, len(found), 0, 0)
        records = (b"\xc0\x0c\0\1\0\1" + struct.pack("!IH", 0, 4) + socket.inet_aton(address) for address in found)
        return head + question + b"".join(records)


async def test_a_name_is_asked_for_then_dialled(make: Make, listener: socket.socket, nursery: trio.Nursery) -> None:
    names = Names()
    names.addresses = ["10.0.0.1", "127.0.0.1"]
    targets = make(servers=[await nursery.start(names.serve)])
    dialled = await connected(targets, "asked.test", listener.getsockname()[1])
    dialled.sock.close()
    names.addresses = ["192.168.0.1"]  # rebinding: a second question would be answered with this
    again = await connected(targets, "asked.test", listener.getsockname()[1])
    with again.sock:
        assert again.address == dialled.address == "127.0.0.1"


async def test_a_name_that_resolves_to_the_inside_is_refused(make: Make, nursery: trio.Nursery) -> None:
    names = Names()
    names.addresses = ["10.0.0.1", "169.254.169.254"]
    targets = make(servers=[await nursery.start(names.serve)])
    assert await outcome_of(targets, "evil.test", 80) is Cause.POLICY


async def test_silent_servers_delay_nobody_else(
    make: Make, listener: socket.socket, nursery: trio.Nursery, clock: MockClock
) -> None:
    targets = make(servers=[await nursery.start(Names().serve)])
    started = trio.current_time()
    causes: list[Dialled | Cause] = []
    for number in range(1000):
        targets.dial(f"{number}.test", 443, causes.append)
    await wait_all_tasks_blocked()
    for host in ("127.0.0.1", "target.test"):
        (await connected(targets, host, listener.getsockname()[1])).sock.close()
    assert trio.current_time() - started < 0.5
    await trio.sleep(6)
    assert causes == [Cause.DNS_TIMEOUT] * 1000


# cancelling


async def test_a_cancelled_connect_stops_at_once(make: Make, black_hole: Address, clock: MockClock) -> None:
    outcomes: list[Dialled | Cause] = []
    dialling = make().dial(black_hole.host, black_hole.port, outcomes.append)
    await wait_all_tasks_blocked()
    assert "connecting" in repr(dialling) and dialling.waits_for is Cause.CONNECT_TIMEOUT
    before = len(os.listdir("/proc/self/fd"))
    dialling.cancel()
    dialling.cancel()
    assert len(os.listdir("/proc/self/fd")) == before - 1
    await trio.sleep(2 * CONNECT_LIMIT)
    assert outcomes == []
    assert "over" in repr(dialling)


async def test_a_cancelled_resolution_stops_at_once(make: Make, nursery: trio.Nursery, clock: MockClock) -> None:
    targets = make(servers=[await nursery.start(Names().serve)])
    outcomes: list[Dialled | Cause] = []
    at_once = targets.dial("a.test", 443, outcomes.append)
    at_once.cancel()
    dialling = targets.dial("b.test", 443, outcomes.append)
    await wait_all_tasks_blocked()
    assert "1 in flight" in repr(targets.resolver) and dialling.waits_for is Cause.DNS_TIMEOUT
    dialling.cancel()
    await wait_all_tasks_blocked()
    assert "0 in flight" in repr(targets.resolver)
    await trio.sleep(60)
    assert outcomes == []


async def test_what_is_refused_may_be_cancelled_before_it_is_told(make: Make, clock: MockClock) -> None:
    outcomes: list[Dialled | Cause] = []
    make(allow=()).dial("127.0.0.1", 443, outcomes.append).cancel()
    await trio.sleep(1)
    assert outcomes == []


async def test_a_callback_may_cancel_its_own_dial(make: Make, listener: socket.socket) -> None:
    told = trio.Event()
    kept: list[Dialling] = []

    def done(outcome: Dialled | Cause) -> None:
        assert isinstance(outcome, Dialled)
        kept[0].cancel()
        outcome.sock.close()
        told.set()

    kept.append(make().dial("127.0.0.1", listener.getsockname()[1], done))
    await told.wait()


# timing


async def test_a_connect_is_timed_and_closed(make: Make, listener: socket.socket) -> None:
    targets = make()
    answers: list[float | Cause] = []
    targets.connect_time("target.test", listener.getsockname()[1], answers.append)
    targets.connect_time("10.0.0.1", 443, answers.append)
    await wait_all_tasks_blocked(0.02)
    cause, took = sorted(answers, key=lambda answer: isinstance(answer, float))
    assert cause is Cause.POLICY
    assert isinstance(took, float)
    assert 0 < took < 1
    client, _ = listener.accept()
    with client:
        assert client.recv(1) == b""


async def test_few_connects_are_timed_at_once(make: Make, black_hole: Address, impatient: float) -> None:
    targets = make()
    answers: list[float | Cause] = []
    all_told = trio.Event()

    def answer(outcome: float | Cause) -> None:
        answers.append(outcome)
        if len(answers) == MOST_TIMED + 3:
            all_told.set()

    for _ in range(MOST_TIMED + 3):
        targets.connect_time(black_hole.host, black_hole.port, answer)
    await all_told.wait()
    assert answers == [Cause.LIMIT] * 3 + [Cause.CONNECT_TIMEOUT] * MOST_TIMED
    targets.connect_time("10.0.0.1", 443, answers.append)
    await wait_all_tasks_blocked(0.02)
    assert answers[-1] is Cause.POLICY
