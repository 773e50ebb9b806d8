"""Connecting to names and literals: the first address that answers, honest errors, nothing left open."""

import errno
import socket
from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from relay.dial.racing import DialError, connect
from relay.engine.happy_eyeballs import STAGGER
from relay.model.network import Address

pytestmark = pytest.mark.usefixtures("no_leak")


@pytest.fixture
def clock() -> MockClock:
    return MockClock(autojump_threshold=0.02)


Names = Callable[..., None]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Tells what the system's resolver answers: addresses, all at one port."""

    def answer(*hosts: str) -> None:
        def getaddrinfo(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
            families = [socket.AF_INET6 if ":" in one else socket.AF_INET for one in hosts]
            return [(family, 1, 6, "", (one, port)) for family, one in zip(families, hosts, strict=True)]

        monkeypatch.setattr("relay.dial.racing.socket.getaddrinfo", getaddrinfo)

    return answer


def address_of(listener: socket.socket, host: str = "127.0.0.1") -> Address:
    return Address(host, listener.getsockname()[1])


async def test_a_literal_is_connected(listener: socket.socket) -> None:
    sock, took = await connect(address_of(listener))
    with sock:
        assert sock.getpeername() == listener.getsockname()
        assert not sock.getblocking()
        assert 0 <= took < 1


async def test_a_refusal_says_what_and_why_in_one_line(nobody: Address) -> None:
    with pytest.raises(DialError) as caught:
        await connect(nobody)
    assert caught.value.errno == errno.ECONNREFUSED
    assert str(caught.value) == f"{nobody}: Connection refused"


async def test_the_next_address_is_tried_at_once_when_one_refuses(listener: socket.socket, names: Names) -> None:
    names("::1", "127.0.0.1")  # nothing listens on ::1 at this port
    sock, _ = await connect(address_of(listener, "line.example"))
    with sock:
        assert sock.getpeername() == listener.getsockname()


async def test_an_address_that_swallows_costs_one_stagger(black_hole: Address, clock: MockClock, names: Names) -> None:
    with socket.create_server(("127.0.0.2", black_hole.port)):
        names("127.0.0.1", "127.0.0.2")
        started = trio.current_time()
        sock, took = await connect(Address("line.example", black_hole.port))
        with sock:
            assert sock.getpeername()[0] == "127.0.0.2"
        assert trio.current_time() - started == pytest.approx(STAGGER, abs=0.1)
        assert took < 0.1


async def test_f8_the_address_that_answered_goes_first_next_time(
    black_hole: Address, clock: MockClock, names: Names
) -> None:
    with socket.create_server(("127.0.0.2", black_hole.port)):
        names("127.0.0.1", "127.0.0.2")
        (await connect(Address("line.example", black_hole.port)))[0].close()
        started = trio.current_time()
        sock, _ = await connect(Address("line.example", black_hole.port))
        with sock:
            assert sock.getpeername()[0] == "127.0.0.2"
        assert trio.current_time() - started < STAGGER / 2


async def test_a_cancel_leaves_nothing_open(black_hole: Address) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connect, black_hole)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".example", "nul\0.example"])
async def test_what_is_no_name_is_an_error_of_the_name(host: str) -> None:
    with pytest.raises(DialError, match=r"not a name|not known|resolution"):
        await connect(Address(host, 1))


async def test_a_name_that_the_system_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("relay.dial.racing.socket.getaddrinfo", fail)
    with pytest.raises(DialError) as caught:
        await connect(Address("absent.example", 1))
    assert str(caught.value) == "absent.example: Name or service not known"


async def test_of_several_failures_the_one_that_says_most_is_told(nobody: Address, names: Names) -> None:
    names("255.255.255.255", "127.0.0.1", "255.255.255.255")  # nothing may be sent to the first and the last
    with pytest.raises(DialError) as caught:
        await connect(Address("line.example", nobody.port))
    assert caught.value.errno == errno.ECONNREFUSED
