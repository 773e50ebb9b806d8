"""The exit's dialler over real sockets: what is judged is dialled, failures have causes, a cancel leaves nothing."""

import errno
import os
import resource
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from relay.engine.happy_eyeballs import STAGGER
from relay.engine.loop import Loop
from relay.errors import OperatorError
from relay.exit.resolver import Resolver
from relay.exit.targets import CAUSES, CONNECT_LIMIT, MOST_TIMED, Dialled, Dialling, Targets
from relay.model.cause import Cause
from relay.model.network import Address, Allowed, Node, Proxy, Secret
from relay.policy import Policy
from tests.relay.conftest import swallow
from tests.world import Journal

pytestmark = pytest.mark.usefixtures("no_leak")

HERE = (Allowed(ip_network("127.0.0.0/8"), "the test's own targets"), Allowed(ip_network("::1/128"), "the same"))
NAMES = {
    "target.test": ("127.0.0.1",),
    "inside.test": ("10.0.0.1", "169.254.169.254", "::1"),
    "mixed.test": ("10.0.0.1", "127.0.0.1"),
    "two.test": ("::1", "127.0.0.1"),
    "swallows.test": ("127.0.0.1", "127.0.0.2"),
}
Make = Callable[..., Targets]


@pytest.fixture
def clock() -> MockClock:
    """Jumps over waits once nothing has happened for a moment; not over the engine's, which are the kernel's timers."""
    return MockClock(autojump_threshold=0.02)


def exit_node(upstream: Proxy | None = None) -> Node:
    return Node("us", Address("203.0.113.1", 48350), (), exit=True, upstream=upstream)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> float:
    """A time-out that a test can wait for, in seconds."""
    monkeypatch.setattr("relay.exit.targets.CONNECT_LIMIT", 0.2)
    return 0.2


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """Makes the targets of an exit whose engine runs until the test ends."""
    async with trio.open_nursery() as nursery:
        loop = Loop()
        nursery.start_soon(loop.run)

        def targets(
            allow: Sequence[Allowed] = HERE,
            upstream: Proxy | None = None,
            servers: Sequence[Address] = (),
            own: Sequence[tuple[str, int]] = (),
            base: Path = Path(),
            names: Mapping[str, tuple[str, ...]] = NAMES,
        ) -> Targets:
            policy = Policy(allow, [(ip_address(host), port) for host, port in own])
            return Targets(loop, exit_node(upstream), policy, Resolver(nursery, servers, names), nursery, base)

        yield targets
        nursery.cancel_scope.cancel()


async def outcome_of(targets: Targets, host: str, port: int) -> Dialled | Cause:
    """Dial, wait, and see that there is exactly one answer and that it comes from the loop."""
    outcomes: list[Dialled | Cause] = []
    told = trio.Event()

    def done(outcome: Dialled | Cause) -> None:
        outcomes.append(outcome)
        told.set()

    targets.dial(host, port, done)
    assert not outcomes
    await told.wait()
    await wait_all_tasks_blocked()
    (outcome,) = outcomes
    return outcome


async def connected(targets: Targets, host: str, port: int) -> Dialled:
    outcome = await outcome_of(targets, host, port)
    assert isinstance(outcome, Dialled)
    return outcome


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
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        keepalive = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        assert [sock.getsockopt(socket.IPPROTO_TCP, option) for option in keepalive] == [60, 10, 3]


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


@pytest.mark.parametrize("silent", [["::1"], ["127.0.0.1"], ["::1", "127.0.0.1", "127.0.0.3"]])
async def test_f3_f8_an_address_that_is_silent_is_waited_for_once(make: Make, silent: list[str]) -> None:
    """A dead AAAA, or the first of several A records: each has its turn, and what answered goes first next time."""
    with ExitStack() as holes, socket.create_server(("127.0.0.2", 0)) as answers:
        port = answers.getsockname()[1]
        for host in silent:
            hole = holes.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET))
            hole.bind((host, port))
            swallow(hole)
            hole.listen()
        targets = make(names={"dead.test": (*silent, "127.0.0.2")})
        first = await connected(targets, "dead.test", port)
        second = await connected(targets, "dead.test", port)
        with first.sock, second.sock:
            assert first.address == second.address == "127.0.0.2"
            assert first.took >= len(silent) * STAGGER  # the wait is a part of what a connect takes
            assert second.took < STAGGER


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
    yield 512
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


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
    assert "connecting" in repr(dialling)
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
    assert "1 in flight" in repr(targets.resolver)
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


# an upstream proxy

Serve = Callable[[bytes], Awaitable[Proxy]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a SOCKS5 proxy that gives one reply to every request, and shows what was asked for in `asked`."""
    async with trio.open_nursery() as nursery:

        async def start(reply: bytes) -> Proxy:
            async def script(stream: trio.SocketStream) -> None:
                await stream.receive_some(3)
                await stream.send_all(b"\x05\x00")
                asked.append(await stream.receive_some(300))
                await stream.send_all(reply)
                with suppress(trio.BrokenResourceError):  # the client may go without having read all of it
                    await stream.receive_some()

            with socket.create_server(("127.0.0.1", 0)) as made:
                listening = trio.SocketListener(trio.socket.from_stdlib_socket(made.dup()))
            nursery.start_soon(trio.serve_listeners, script, [listening])
            return Proxy("socks5", Address(*listening.socket.getsockname()))

        asked.clear()
        yield start
        nursery.cancel_scope.cancel()


asked: list[bytes] = []
GRANTED = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50"


async def test_an_upstream_is_given_names_unresolved(make: Make, serve: Serve) -> None:
    dialled = await connected(make(upstream=await serve(GRANTED + b"hello")), "Somewhere.example.", 443)
    with dialled.sock as sock:
        assert sock.recv(100) == b"hello"
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert asked == [b"\x05\x01\x00\x03\x11somewhere.example\x01\xbb"]


async def test_an_upstream_gets_no_address_of_the_inside(make: Make, serve: Serve) -> None:
    targets = make(allow=(), upstream=await serve(GRANTED))
    for host in ("127.1", "::ffff:10.0.0.1", "localhost", "a.localhost."):
        assert await outcome_of(targets, host, 443) is Cause.POLICY
    assert await outcome_of(targets, "a..b", 443) is Cause.NAME_NOT_FOUND
    assert asked == []
    (await connected(targets, "0x08080808", 443)).sock.close()
    assert asked == [b"\x05\x01\x00\x01\x08\x08\x08\x08\x01\xbb"]


@pytest.mark.parametrize(
    ("reply", "cause"), [(5, Cause.REFUSED), (4, Cause.HOST_UNREACHABLE), (2, Cause.POLICY), (1, Cause.INTERNAL)]
)
async def test_an_upstreams_refusal_has_its_cause(make: Make, serve: Serve, reply: int, cause: Cause) -> None:
    targets = make(upstream=await serve(bytes([5, reply]) + GRANTED[2:]))
    assert await outcome_of(targets, "somewhere.example", 443) is cause


async def test_a_cancelled_dial_through_an_upstream_leaves_nothing(make: Make, serve: Serve) -> None:
    outcomes: list[Dialled | Cause] = []
    dialling = make(upstream=await serve(b"")).dial("somewhere.example", 443, outcomes.append)
    await wait_all_tasks_blocked(0.02)
    dialling.cancel()
    await wait_all_tasks_blocked()
    assert outcomes == []


async def test_an_upstreams_password_is_read_at_the_start(make: Make, tmp_path: Path) -> None:
    proxy = Proxy("socks5", Address("127.0.0.1", 1), "anna", Secret(file="absent.password"))
    with pytest.raises(OperatorError, match=r"absent\.password"):
        make(upstream=proxy, base=tmp_path)
