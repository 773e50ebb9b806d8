"""Every door, through real relays, to a target in the US."""

import socket

import pytest

from tests.network.clients import read_all, read_head
from tests.network.network import Network

pytestmark = pytest.mark.network
DOORS = ["socks5", "socks4", "connect"]


@pytest.mark.parametrize("door", DOORS)
def test_a_name_that_only_exits_know_is_reached(network: Network, door: str) -> None:
    assert b"through the exit us-" in network.get("/", door=door)


@pytest.mark.parametrize("door", DOORS)
def test_an_address_is_reached(network: Network, door: str) -> None:
    with network.connect(door, network.target_by_address) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 200")


def test_plain_requests_go_to_several_hosts_on_one_connection(network: Network) -> None:
    host, port = network.target
    with socket.create_connection(network.proxy, timeout=30) as sock, sock.makefile("rb") as file:
        for name in (host, "127.0.0.1"):
            sock.sendall(f"GET http://{name}:{port}/sha256/10 HTTP/1.1\r\nHost: {name}:{port}\r\n\r\n".encode())
            status = file.readline()
            assert status.startswith(b"HTTP/1.1 200"), status
            fields = dict(line.rstrip().lower().split(b": ", 1) for line in iter(file.readline, b"\r\n"))
            if fields.get(b"transfer-encoding") == b"chunked":
                assert len(file.read(int(file.readline(), 16)).strip()) == 64
                assert file.readline() + file.readline() + file.readline() == b"\r\n0\r\n\r\n"
            else:
                assert len(file.read(int(fields[b"content-length"])).strip()) == 64


@pytest.mark.parametrize(("version", "length"), [("1.0", 0), ("1.1", 0), ("1.1", 300_000)])
def test_e1_what_windows_programs_send_opens_a_tunnel(network: Network, version: str, length: int) -> None:
    """WinINet says 0, WinHTTP the length of the request to come; neither sends a body, and none of it is waited for."""
    host, port = network.target
    with socket.create_connection(network.proxy, timeout=30) as sock:
        sock.sendall(f"CONNECT {host}:{port} HTTP/{version}\r\nContent-Length: {length}\r\n\r\n".encode())
        assert read_head(sock) == f"HTTP/{version} 200 Connection established\r\n\r\n".encode()
        sock.sendall(b"GET /bytes/10 HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
        assert read_all(sock).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(("door", "code"), [("socks5", 4), ("connect", 502)])
def test_a_name_that_nobody_knows_is_refused_with_its_cause(network: Network, door: str, code: int) -> None:
    with pytest.raises(ConnectionError) as refused:
        network.connect(door, ("nobody.invalid", 7777))
    assert refused.value.args == (code,)


@pytest.mark.parametrize(("door", "code"), [("socks5", 5), ("connect", 502)])
def test_a_closed_port_is_refused_with_its_cause(network: Network, door: str, code: int) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionError) as refused:
            network.connect(door, unused.getsockname())
    assert refused.value.args == (code,)


@pytest.mark.parametrize("host", ["10.1.2.3", "169.254.169.254", "192.168.1.1"])
def test_what_a_public_exit_must_not_dial_is_refused(network: Network, host: str) -> None:
    with pytest.raises(ConnectionError) as refused:
        network.connect("socks5", (host, 80))
    assert refused.value.args == (2,)


@pytest.mark.parametrize("rubbish", [b"\x16\x03\x01\x02\x00\x01", b"\0" * 50, b"GET \xff\r\n\r\n"])
def test_rubbish_is_let_go_and_harms_nobody(network: Network, rubbish: bytes) -> None:
    with socket.create_connection(network.proxy, timeout=30) as sock:
        sock.sendall(rubbish)
        while sock.recv(1000):
            pass
    assert network.get("/bytes/10")
