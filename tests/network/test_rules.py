"""Rules, through every door: denied, dropped, bound to an exit, by list, by the door that a client came in by."""

import socket

import pytest

from tests.network.clients import PATIENCE, open_connect, open_socks4, open_socks5, read_all, receive
from tests.network.files import with_entry, with_table
from tests.network.network import INGRESS, Network

pytestmark = pytest.mark.network
GET = b"GET /bytes/10 HTTP/1.1\r\nHost: t\r\n\r\n"


def ruled(network: Network, *rules: tuple[str, ...]) -> None:
    text = network.original
    for rule in rules:
        text = with_table(text, "[[rule]]", *rule)
    network.reload(text)


def dial(network: Network) -> socket.socket:
    return socket.create_connection(network.proxy, timeout=PATIENCE)


def plain_answer(network: Network) -> bytes:
    host, port = network.target
    with dial(network) as sock:
        sock.sendall(f"GET http://{host}:{port}/bytes/10 HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode())
        return read_all(sock)


def status(network: Network) -> int:
    return int(plain_answer(network).split()[1])


def target_of(network: Network) -> str:
    return f"port = {network.target[1]}"


def test_what_is_denied_is_refused_at_once_in_every_doors_words(breakable: Network) -> None:
    ruled(breakable, ('name = "no-tests"', target_of(breakable), "deny = true"))
    for open_by, told in ((open_socks5, 2), (open_socks4, 0x5B), (open_connect, 403)):
        with dial(breakable) as sock, pytest.raises(ConnectionError) as refused:
            open_by(sock, *breakable.target)
        assert refused.value.args == (told,)
    answer = plain_answer(breakable)
    assert answer.startswith(b"HTTP/1.0 403 ")
    assert b"http_request_denied" in answer and b"It is rule no-tests." in answer


def test_what_is_dropped_ends_without_a_word(breakable: Network) -> None:
    ruled(breakable, (target_of(breakable), 'deny = "drop"'))
    host, port = breakable.target
    with dial(breakable) as sock:
        sock.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        assert read_all(sock) == b""
    with dial(breakable) as sock:
        sock.sendall(b"\x05\x01\x00")
        assert receive(sock, 2) == b"\x05\x00"
        sock.sendall(b"\x05\x01\x00\x01" + socket.inet_aton("127.0.0.1") + port.to_bytes(2, "big"))
        assert read_all(sock) == b""
    assert plain_answer(breakable) == b""


def test_a_rule_binds_its_targets_to_its_exits_and_says_so_when_they_are_down(breakable: Network) -> None:
    ruled(breakable, ('name = "landing"', target_of(breakable), 'exit = "us-two"'))
    with breakable.connect():
        breakable.until(
            lambda answer: [path["streams"] for path in answer["paths"] if path["exit"] == "us-two"].count(1) == 1
        )
    told = breakable.run("ingress", "paths", "--admin", breakable.admin, "--why", f"127.0.0.1:{breakable.target[1]}")
    assert "> us-two" in told.stdout.splitlines()[0]
    assert "rule landing (rule 1 (line " in told.stdout
    breakable.kill("us-two")
    breakable.until(lambda answer: all(path["state"] != "up" for path in answer["paths"] if path["exit"] == "us-two"))
    answer = plain_answer(breakable)
    assert answer.startswith(b"HTTP/1.0 503 ") and b"rule landing" in answer
    ruled(breakable, ('name = "landing"', target_of(breakable), 'exit = "us-two"', 'else = "any"'))
    assert status(breakable) == 200


def test_a_list_decides_and_is_read_again_on_reload_if_it_is_valid(breakable: Network) -> None:
    listed = breakable.config.parent / "names.txt"
    listed.write_text("DOMAIN-SUFFIX,other.example\nIP-CIDR,192.0.2.0/24\n")
    ruled(breakable, ('host = { file = "names.txt" }', "deny = true"))
    assert status(breakable) == 200
    listed.write_text("DOMAIN-SUFFIX,test\n")
    assert breakable.run("ingress", "reload", "--admin", breakable.admin).returncode == 0
    assert status(breakable) == 403
    listed.write_text("DOMAIN-SUFFIX,test\nDOMAIN,a.example\nIP-CIDR,nonsense\n")
    failed = breakable.run("ingress", "reload", "--admin", breakable.admin)
    assert failed.returncode == 1 and "names.txt: " in failed.stderr and "IP-CIDR,nonsense" in failed.stderr
    assert status(breakable) == 403  # the last good one is in force


def test_which_rule_is_told_offline(breakable: Network) -> None:
    (breakable.config.parent / "cn.txt").write_text("+.cn\n")
    text = with_table(breakable.original, "[[rule]]", 'name = "cn"', 'host = { file = "cn.txt" }', 'exit = "us-one"')
    breakable.config.write_text(with_table(text, "[[rule]]", 'user = "kid"', "port = 22", "deny = true"))
    told = breakable.run("ingress", "rules", "www.site.cn")
    assert told.stdout.startswith("rule cn (rule 1 (line ") and "exit us-one" in told.stdout
    assert "by cn in cn.txt" in told.stdout
    assert "denied" in breakable.run("ingress", "rules", "site.com:22", "--user", "kid").stdout
    assert "no rule matches" in breakable.run("ingress", "rules", "site.com:22").stdout
    every = breakable.run("ingress", "rules").stdout
    assert "1 names" in every and "clash-domain" in every and "user kid, port 22: denied" in every
    breakable.restore()


def test_direct_is_dialled_from_here_through_every_door(breakable: Network) -> None:
    allow = 'allow = [{ cidr = "127.0.0.0/8", reason = "the tests\' targets" }]'
    text = with_entry(breakable.original, f"[ingress.{INGRESS}]", allow)
    breakable.reload(with_table(text, "[[rule]]", 'name = "near"', 'cidr = "127.0.0.0/8"', "direct = true"))
    breakable.order("cut *")
    host, port = "127.0.0.1", breakable.target[1]
    for open_by in (open_socks5, open_socks4, open_connect):
        with dial(breakable) as sock:
            open_by(sock, host, port)
            sock.sendall(GET)
            assert receive(sock, 12) == b"HTTP/1.1 200"
    with dial(breakable) as sock:
        sock.sendall(f"GET http://{host}:{port}/bytes/10 HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode())
        assert b" 200 " in read_all(sock)[:16]
    told = breakable.run("ingress", "paths", "--admin", breakable.admin, "--why", f"{host}:{port}").stdout
    assert told.splitlines()[0] == f"{host}:{port}: direct"
    assert "rule near" in told and "by cidr" in told
