"""Datagrams of clients through real processes, over loopback: U01 to U09, U12, U16, U19."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingress.demo.ports import free_ports
from tests.network.network import until
from tests.network.udp_place import EchoServer, UdpClient, UdpPlace, address, running_place

pytestmark = pytest.mark.network
LOCAL = address("127.0.0.1", 53)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UdpPlace]:
    with running_place(tmp_path_factory.mktemp("udp")) as place:
        until(place.can_associate, place.logs)
        yield place


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def echo(stack: contextlib.ExitStack) -> EchoServer:
    found = EchoServer()
    stack.callback(found.close)
    return found


@pytest.fixture
def client(place: UdpPlace, stack: contextlib.ExitStack) -> UdpClient:
    found = UdpClient(place.proxy)
    stack.callback(found.close)
    return found


@pytest.mark.parametrize("host", ["127.0.0.1", "target.test"])
def test_u01_an_echo_by_address_and_by_name(client: UdpClient, echo: EchoServer, host: str) -> None:
    assert client.ask(host, echo.port, b"hello") == ("127.0.0.1", echo.port, b"hello")


def test_u01_an_echo_over_ipv6(client: UdpClient, stack: contextlib.ExitStack) -> None:
    echo = EchoServer(socket.AF_INET6)
    stack.callback(echo.close)
    assert client.ask("::1", echo.port, b"hello") == ("::1", echo.port, b"hello")


def test_u02_u03_where_to_send_is_the_address_of_the_connection(place: UdpPlace, stack: contextlib.ExitStack) -> None:
    for host in ("127.0.0.1", "::1"):
        client = UdpClient((host, place.ports["shanghai"]))
        stack.callback(client.close)
        assert client.bound[0] == host and client.bound[1] > 0


def test_u04_u05_nobody_else_may_use_it(client: UdpClient, echo: EchoServer) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.2", 0))
        stranger.sendto(b"\0\0\0" + address("127.0.0.1", echo.port) + b"stranger", client.bound)
        client.ask("127.0.0.1", echo.port, b"mine")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(b"\0\0\0" + address("127.0.0.1", echo.port) + b"other port", client.bound)
            client.ask("127.0.0.1", echo.port, b"mine again")
    assert {data for _, data in echo.came} == {b"mine", b"mine again"}


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\1\1\x7f\0\0\1\0\x35x",
        b"\0\1\0\1\x7f\0\0\1\0\x35x",
        b"\0\0\0\1\x7f",
        b"\0\0\0\3\0\0\x35x",
        b"\0\0\0\7x",
        b"",
    ],
    ids=["U06 fragment", "reserved", "cut short", "empty name", "bad type", "nothing"],
)
def test_u06_u07_what_is_malformed_is_dropped(client: UdpClient, echo: EchoServer, data: bytes) -> None:
    client.sock.sendto(data, client.bound)
    assert client.ask("127.0.0.1", echo.port, b"well")[2] == b"well"
    assert {data for _, data in echo.came} == {b"well"}


def test_u08_an_empty_payload_arrives(client: UdpClient, echo: EchoServer) -> None:
    assert client.ask("127.0.0.1", echo.port, b"") == ("127.0.0.1", echo.port, b"")


@pytest.mark.parametrize("size", [1, 1200, 1472, 9000, 65_497])
def test_u12_what_fits_into_a_datagram_arrives_whole(client: UdpClient, echo: EchoServer, size: int) -> None:
    payload = bytes(index % 251 for index in range(size))
    client.ask("127.0.0.1", echo.port, b"first")
    assert client.ask("127.0.0.1", echo.port, payload)[2] == payload


def test_u16_each_arrives_once_and_from_one_port(client: UdpClient, echo: EchoServer) -> None:
    client.ask("127.0.0.1", echo.port, b"first")
    for number in range(500):
        assert client.ask("127.0.0.1", echo.port, b"%d" % number)[2] == b"%d" % number
    assert len(echo.sources) == 1
    assert len({data for _, data in echo.came}) == 501


def test_u32_every_target_sees_one_port_and_any_port_of_theirs_may_answer(
    client: UdpClient, echo: EchoServer, stack: contextlib.ExitStack
) -> None:
    others = [EchoServer(), EchoServer(host="127.0.0.2")]  # another port, another address: RFC 5780 section 4.3
    for other in others:
        stack.callback(other.close)
    for one in (echo, *others):
        host, port = one.sock.getsockname()
        assert client.ask(host, port, b"who am I?") == (host, port, b"who am I?")
    (source,) = {*echo.sources, *others[0].sources, *others[1].sources}
    for host in ("127.0.0.1", "127.0.0.2"):  # of which nothing was asked: section 4.4
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind((host, 0))
            other.sendto(b"from there", source)
            assert client.receive() == (*other.getsockname(), b"from there")


def test_u11_anybody_may_answer(client: UdpClient, echo: EchoServer) -> None:
    client.ask("127.0.0.1", echo.port, b"first")
    (source,) = echo.sources
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        other.sendto(b"from elsewhere", source)
        assert client.receive() == (*other.getsockname(), b"from elsewhere")


def test_u09_the_end_of_the_connection_ends_it(place: UdpPlace, echo: EchoServer) -> None:
    client = UdpClient(place.proxy)
    client.ask("127.0.0.1", echo.port, b"first")
    (source,) = echo.sources
    client.control.close()
    client.sock.settimeout(0.05)
    client.sock.connect(client.bound)

    def is_gone() -> bool:
        try:
            client.sock.send(b"\0\0\0" + address("127.0.0.1", echo.port) + b"after")
            client.sock.recv(100)
        except TimeoutError:
            return False
        except ConnectionRefusedError:
            return True
        return False

    until(is_gone, place.logs)

    def is_free() -> bool:
        """The exit has let go of its port."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.05)
            sock.connect(("127.0.0.1", source[1]))
            try:
                sock.send(b"x")
                sock.recv(10)
            except ConnectionRefusedError:
                return True
            except TimeoutError:
                return False
        return False

    until(is_free, place.logs)
    client.sock.close()


def test_u35_the_network_itself_is_no_target(client: UdpClient, echo: EchoServer, place: UdpPlace) -> None:
    client.send("127.0.0.1", place.ports["us"], b"to the exit itself")
    client.send("169.254.169.254", 53, b"metadata")
    assert client.ask("127.0.0.1", echo.port, b"well")[2] == b"well"


@pytest.mark.parametrize("host", ["127.0.0.1", "target.test"])
def test_a_forward_carries_datagrams(tmp_path: Path, echo: EchoServer, host: str) -> None:
    (port,) = free_ports(1)
    forward = f'[[forward]]\nlisten = "0.0.0.0:{port}"\nprotocol = "udp"\ntarget = "{host}:{echo.port}"\n'
    with running_place(tmp_path, behind=forward + 'clients = ["127.0.0.0/8"]\n') as place:
        for payload in (b"first", b"", bytes(9000)):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(0.5)
                client.connect(("127.0.0.3", port))  # it answers from where it was asked

                def comes_back(client: socket.socket = client, payload: bytes = payload) -> bool:
                    client.send(payload)
                    with contextlib.suppress(TimeoutError):
                        return client.recv(65536) == payload
                    return False

                until(comes_back, place.logs)
        assert len(echo.sources) == 3, "each client has a port of its own"


def test_u19_switched_off(tmp_path: Path) -> None:
    with running_place(tmp_path, ingress="udp = false") as place:
        client = UdpClient(place.proxy)
        client.close()
        assert client.code == 7
