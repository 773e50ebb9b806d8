"""Dialling through SOCKS proxies, which are scripted byte by byte: what we send, what we make of the answer."""

import errno
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from relay.dial.racing import DialError
from relay.dial.socks import dial, dial_through, read_secret
from relay.errors import OperatorError
from relay.model.network import Address, Proxy, Secret

pytestmark = pytest.mark.usefixtures("no_leak")

TARGET = Address("jp.example", 48350)
REQUEST = b"\x05\x01\x00\x03\x0ajp.example\xbc\xde"
GRANTED = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50"
Script = Callable[[trio.SocketStream], Awaitable[None]]
Serve = Callable[..., Awaitable[Proxy]]


@pytest.fixture
def clock() -> MockClock:
    return MockClock(autojump_threshold=0.02)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a proxy that follows a script with each client, and tells where it is."""
    async with trio.open_nursery() as nursery:

        async def start(script: Script, scheme: str = "socks5", user: str | None = None) -> Proxy:
            with socket.create_server(("127.0.0.1", 0)) as made:
                listener = trio.SocketListener(trio.socket.from_stdlib_socket(made.dup()))
            nursery.start_soon(trio.serve_listeners, script, [listener])
            return Proxy(scheme, Address("127.0.0.1", listener.socket.getsockname()[1]), user)

        yield start
        nursery.cancel_scope.cancel()


async def expect(stream: trio.SocketStream, data: bytes) -> None:
    received = b""
    while len(received) < len(data):
        more = await stream.receive_some(len(data) - len(received))
        assert more, received
        received += more
    assert received == data


def answering(*turns: tuple[bytes, bytes]) -> Script:
    """Expects the first of each pair, answers with the second; then waits for the client to go."""

    async def script(stream: trio.SocketStream) -> None:
        for expected, answer in turns:
            await expect(stream, expected)
            await stream.send_all(answer)
        with suppress(trio.BrokenResourceError):  # it may go without having read all of a refusal
            assert await stream.receive_some() == b""

    return script


async def test_a_name_goes_to_the_proxy_unresolved_and_no_byte_behind_the_reply_is_lost(serve: Serve) -> None:
    proxy = await serve(answering((b"\x05\x01\x00", b"\x05\x00"), (REQUEST, GRANTED + b"first bytes")))
    sock = await dial_through(proxy, TARGET, None, 5.0)
    with sock:
        assert sock.recv(100) == b"first bytes"
        assert not sock.getblocking()


async def test_the_dial_time_lasts_until_the_proxy_is_connected(serve: Serve, clock: MockClock) -> None:
    async def slow(stream: trio.SocketStream) -> None:
        await expect(stream, b"\x05\x01\x00")
        await stream.send_all(b"\x05\x00")
        await expect(stream, REQUEST)
        await trio.sleep(0.3)
        await stream.send_all(GRANTED)

    sock, took = await dial(TARGET, 5.0, await serve(slow))
    sock.close()
    assert took == pytest.approx(0.3, abs=0.1)


async def test_a_user_and_a_password_are_offered(serve: Serve) -> None:
    turns = [(b"\x05\x02\x00\x02", b"\x05\x02"), (b"\x01\x04anna\x06secret", b"\x01\x00"), (REQUEST, GRANTED)]
    sock, _ = await dial(TARGET, 5.0, await serve(answering(*turns), user="anna"), "secret")
    sock.close()


async def test_socks4_asks_for_the_name_as_well(serve: Serve) -> None:
    asked = b"\x04\x01\xbc\xde\x00\x00\x00\x01anna\x00jp.example\x00"
    proxy = await serve(answering((asked, b"\x00\x5a" + bytes(6))), scheme="socks4", user="anna")
    sock, _ = await dial(TARGET, 5.0, proxy)
    sock.close()


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (1, errno.EPROTO),
        (2, errno.EACCES),
        (3, errno.ENETUNREACH),
        (4, errno.EHOSTUNREACH),
        (5, errno.ECONNREFUSED),
        (6, errno.ETIMEDOUT),
        (7, errno.EOPNOTSUPP),
        (8, errno.EAFNOSUPPORT),
        (99, errno.EPROTO),
    ],
)
async def test_a_refusal_of_the_proxy_is_an_error_with_its_errno(serve: Serve, reply: int, code: int) -> None:
    refused = bytes([5, reply]) + GRANTED[2:]
    proxy = await serve(answering((b"\x05\x01\x00", b"\x05\x00"), (REQUEST, refused)))
    with pytest.raises(DialError, match=f"^socks5 proxy {proxy.address}: ") as caught:
        await dial(TARGET, 5.0, proxy)
    assert caught.value.errno == code
    assert "\n" not in str(caught.value)


async def test_a_refusal_of_socks4(serve: Serve) -> None:
    async def refuse(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"\x00\x5b" + bytes(6))

    with pytest.raises(DialError) as caught:
        await dial(TARGET, 5.0, await serve(refuse, scheme="socks4"))
    assert caught.value.errno == errno.ECONNREFUSED


@pytest.mark.parametrize(
    "answer", [b"", b"\x05", b"\x05\xff", b"\x04\x00", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x05\x09"]
)
async def test_what_is_no_socks_answer_is_an_error(serve: Serve, answer: bytes) -> None:
    async def answer_and_go(stream: trio.SocketStream) -> None:
        await expect(stream, b"\x05\x01\x00")
        if answer:
            await stream.send_all(answer)

    with pytest.raises(DialError, match=r"^socks5 proxy "):
        await dial(TARGET, 5.0, await serve(answer_and_go))


@pytest.mark.parametrize(
    ("user", "password", "address"),
    [("ünal", "secret", TARGET), ("u" * 256, "secret", TARGET), ("anna", "p" * 256, TARGET)],
)
async def test_what_the_protocol_cannot_say_is_an_error(
    serve: Serve, user: str, password: str, address: Address
) -> None:
    async def ask_for_password(stream: trio.SocketStream) -> None:
        await expect(stream, b"\x05\x02\x00\x02")
        await stream.send_all(b"\x05\x02")

    with pytest.raises(DialError, match="cannot be asked"):
        await dial(TARGET, 5.0, await serve(ask_for_password, user=user), password)


async def test_a_name_that_no_protocol_can_say(serve: Serve) -> None:
    proxy = await serve(answering((b"\x05\x01\x00", b"\x05\x00")))
    with pytest.raises(DialError, match="cannot be asked"):
        await dial(Address("x" * 64 + ".example", 1), 5.0, proxy)


async def test_a_proxy_that_is_not_there(nobody: Address) -> None:
    with pytest.raises(DialError) as caught:
        await dial(TARGET, 5.0, Proxy("socks5", nobody))
    assert str(caught.value) == f"socks5 proxy {nobody}: Connection refused"


async def test_a_silent_proxy_is_given_up(serve: Serve, clock: MockClock) -> None:
    proxy = await serve(answering((b"\x05\x01\x00", b"")))
    started = trio.current_time()
    with pytest.raises(DialError) as caught:
        await dial(TARGET, 5.0, proxy)
    assert caught.value.errno == errno.ETIMEDOUT
    assert str(caught.value) == f"{TARGET} through socks5 proxy {proxy.address}: no answer within 5 s"
    assert trio.current_time() - started == pytest.approx(5.0, abs=0.1)


async def test_a_black_hole_is_given_up(black_hole: Address, clock: MockClock) -> None:
    with pytest.raises(DialError, match=f"^{black_hole}: no answer within 3 s$"):
        await dial(black_hole, 3.0)


async def test_a_cancel_leaves_nothing_open(serve: Serve) -> None:
    proxy = await serve(answering((b"\x05\x01\x00", b"")))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(dial, TARGET, 60.0, proxy)
        await wait_all_tasks_blocked(0.02)
        nursery.cancel_scope.cancel()


async def test_without_a_proxy_it_is_a_plain_connect(listener: socket.socket) -> None:
    sock, took = await dial(Address(*listener.getsockname()), 5.0)
    with sock:
        assert sock.getpeername() == listener.getsockname()
    assert took < 1


def test_a_secret_is_read_from_its_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "line.password"
    path.touch(mode=0o600)
    path.write_text("secret\n")
    assert read_secret(Secret(file="line.password"), tmp_path) == "secret"
    assert read_secret(Secret(file=str(path)), Path("elsewhere")) == "secret"
    monkeypatch.setenv("LINE_PASSWORD", "from the environment")
    assert read_secret(Secret(env="LINE_PASSWORD"), tmp_path) == "from the environment"


def test_a_secret_that_is_missing_or_open_to_others_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "line.password"
    with pytest.raises(OperatorError, match=r"line\.password"):
        read_secret(Secret(file="line.password"), tmp_path)
    path.write_text("secret\n")
    os.chmod(path, 0o644)
    with pytest.raises(OperatorError, match=r"line\.password"):
        read_secret(Secret(file="line.password"), tmp_path)
    with pytest.raises(OperatorError, match="NOT_SET"):
        read_secret(Secret(env="NOT_SET"), tmp_path)
