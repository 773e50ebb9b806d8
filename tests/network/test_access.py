"""Who may come in: users by every door, addresses that need no password, port forwards."""

import base64
import socket

import pytest

from ingress.demo.ports import free_ports
from tests.network.clients import (
    PATIENCE,
    http_over,
    open_connect,
    open_socks4,
    open_socks5,
    open_socks5_as,
    read_head,
    receive,
)
from tests.network.files import with_entry, with_table
from tests.network.network import INGRESS, PASSWORD, Network

pytestmark = pytest.mark.network
DOORS = f"[ingress.{INGRESS}]"
GET = b"GET /bytes/10 HTTP/1.1\r\nHost: t\r\n\r\n"


@pytest.fixture
def guarded(breakable: Network) -> Network:
    """It has one user, alice, and an address that needs no password."""
    text = with_entry(breakable.original, DOORS, 'users = "users.toml"')
    breakable.config.write_text(with_entry(text, DOORS, 'clients = ["127.0.0.2"]'))
    add(breakable, "alice")
    return breakable


def add(network: Network, name: str) -> None:
    """As a person does."""
    done = network.run("ingress", "user", "add", name, "--password-stdin", input=f"{PASSWORD}\n")
    assert done.returncode == 0, done.stderr
    reload(network)


def reload(network: Network) -> None:
    done = network.run("ingress", "reload", "--admin", network.admin)
    assert done.returncode == 0, done.stderr


def dial(network: Network, source: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(network.proxy, timeout=PATIENCE, source_address=(source, 0))


def basic(user: str, password: str) -> str:
    return f"Proxy-Authorization: Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}\r\n"


def is_let_in(network: Network, user: str, password: str = PASSWORD) -> bool:
    with dial(network) as sock:
        try:
            open_socks5_as(sock, *network.target, user, password)
        except PermissionError:
            assert sock.recv(1) == b""  # RFC 1929 section 2: it must close the connection
            return False
        sock.sendall(GET)
        return receive(sock, 12) == b"HTTP/1.1 200"


def test_a_user_is_let_in_from_the_reload_on_and_until_taken_out(guarded: Network) -> None:
    assert is_let_in(guarded, "alice") and not is_let_in(guarded, "bob")
    add(guarded, "bob")
    assert is_let_in(guarded, "bob")
    assert guarded.run("ingress", "user", "remove", "bob").returncode == 0
    reload(guarded)
    assert is_let_in(guarded, "alice") and not is_let_in(guarded, "bob")


def test_passwords_at_every_door(guarded: Network) -> None:
    assert not is_let_in(guarded, "alice", "guessed")
    with dial(guarded) as sock:
        sock.sendall(b"\x05\x01\x00")
        assert receive(sock, 2) == b"\x05\xff"
    with dial(guarded) as sock, pytest.raises(ConnectionError):  # it has no password to send
        open_socks4(sock, *guarded.target)
    for fields, status in (("", 407), (basic("alice", "guessed"), 407)):
        with dial(guarded) as sock, pytest.raises(ConnectionError) as refused:
            open_connect(sock, *guarded.target, fields)
        assert refused.value.args == (status,)
    with dial(guarded) as sock:
        open_connect(sock, *guarded.target, basic("alice", PASSWORD))
        sock.sendall(GET)
        assert receive(sock, 12) == b"HTTP/1.1 200"


def test_plain_requests_are_asked_for_the_password_and_do_not_pass_it_on(guarded: Network) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, dial(guarded) as sock:
        listener.settimeout(PATIENCE)
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        sock.sendall(f"GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        head = read_head(sock)
        assert head.split()[1] == b"407" and b"proxy-authenticate: basic" in head.lower()
        with dial(guarded) as again:
            again.sendall(f"GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n{basic('alice', PASSWORD)}\r\n".encode())
            target, _ = listener.accept()
            with target:
                target.settimeout(PATIENCE)
                assert b"authorization" not in read_head(target).lower()


def test_an_address_of_clients_needs_no_password(guarded: Network) -> None:
    with dial(guarded, "127.0.0.2") as sock:
        open_socks5(sock, *guarded.target)
        sock.sendall(GET)
        assert receive(sock, 12) == b"HTTP/1.1 200"


def test_d4_an_address_of_clients_may_send_any_password(guarded: Network) -> None:
    with dial(guarded, "127.0.0.2") as sock:
        open_socks5_as(sock, *guarded.target, "anybody", "a guess")
        sock.sendall(GET)
        assert receive(sock, 12) == b"HTTP/1.1 200"
    with dial(guarded, "127.0.0.2") as sock:
        open_connect(sock, *guarded.target, basic("anybody", "a guess"))
        sock.sendall(GET)
        assert receive(sock, 12) == b"HTTP/1.1 200"


def test_d4_without_users_any_password_is_good(breakable: Network) -> None:
    with dial(breakable) as sock:
        open_socks5_as(sock, *breakable.target, "anybody", "a guess")
        sock.sendall(GET)
        assert receive(sock, 12) == b"HTTP/1.1 200"


def test_a_wrong_password_is_logged_without_it(guarded: Network) -> None:
    assert not is_let_in(guarded, "mallory", "a guess of mine")
    assert any(event["event"] == "password-wrong" for event in guarded.log(INGRESS))
    assert "a guess of mine" not in (guarded.folder / f"{INGRESS}.log").read_text()


def test_a_forward_leads_to_its_target_until_it_is_taken_out(breakable: Network) -> None:
    (port,) = free_ports(1)
    host, target_port = breakable.target
    entries = (f'listen = "127.0.0.1:{port}"', f'target = "{host}:{target_port}"')
    breakable.reload(with_table(breakable.original, "[[forward]]", *entries))
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as sock:
        http = http_over(sock)
        http.request("POST", "/echo", b"a word")
        assert http.getresponse().read() == b"a word"
        breakable.reload(breakable.original)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        http.request("POST", "/echo", b"another")  # what is open stays
        assert http.getresponse().read() == b"another"
