"""Targets behind somebody's SOCKS5 proxy: what it is asked for, and what its refusals mean."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from relay.errors import OperatorError
from relay.exit.targets import Dialled
from relay.model.cause import Cause
from relay.model.network import Address, Proxy, Secret
from tests.relay.exit.dialling import Make, connected, outcome_of

pytestmark = pytest.mark.usefixtures("no_leak")


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
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
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


async def test_f1_an_upstream_that_is_not_there_is_no_way_out(make: Make) -> None:
    """It is not the target that refuses: another exit may reach it."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        at = Address(*gone.getsockname())
    assert await outcome_of(make(upstream=Proxy("socks5", at)), "somewhere.example", 443) is Cause.NO_ROUTE


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
