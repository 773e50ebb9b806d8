"""Files of names and servers: what makes sense is kept, the rest is skipped."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.errors import OperatorError
from relay.exit.hostsfile import parse_hosts, parse_resolv_conf, read_hosts, read_servers
from relay.model.network import Address, Node


def node(dns: tuple[str, ...] = (), hosts: str | None = None) -> Node:
    return Node("us", Address("203.0.113.1", 48350), (), exit=True, dns=dns, hosts=hosts)


def test_a_hosts_file_names_addresses() -> None:
    text = """
        # a comment
        127.0.0.1\tlocalhost  Alias.Example.   # trailing
        ::1 localhost
        not-an-address name.example
        192.0.2.1
        192.0.2.7 bad..name good.example
        127.0.0.1 localhost
    """
    assert parse_hosts(text) == {
        "localhost": ("127.0.0.1", "::1"),
        "alias.example": ("127.0.0.1",),
        "good.example": ("192.0.2.7",),
    }


def test_resolv_conf_names_at_most_three_servers() -> None:
    text = "search example.com\nnameserver 192.0.2.1\nnameserver nonsense\n;nameserver 192.0.2.9\n"
    assert parse_resolv_conf(text) == (Address("192.0.2.1", 53),)
    assert len(parse_resolv_conf("nameserver 192.0.2.1\n" * 9)) == 3
    assert parse_resolv_conf("") == (Address("127.0.0.1", 53),)


@given(st.text())
def test_no_text_breaks_the_parsers(text: str) -> None:
    for host in parse_hosts(text):
        assert host == host.lower()
    assert parse_resolv_conf(text)


def test_the_nodes_own_names_count_before_the_systems(tmp_path: Path) -> None:
    (tmp_path / "system").write_text("192.0.2.1 a.example b.example\n")
    (tmp_path / "hosts").write_text("192.0.2.2 b.example\n")
    known = read_hosts(node(hosts="hosts"), tmp_path, tmp_path / "system")
    assert known == {"a.example": ("192.0.2.1",), "b.example": ("192.0.2.2",)}
    assert read_hosts(node(), tmp_path, tmp_path / "absent") == {}
    with pytest.raises(OperatorError, match="absent: No such file"):
        read_hosts(node(hosts="absent"), tmp_path, tmp_path / "system")


def test_the_nodes_own_servers_replace_the_systems(tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text("nameserver 192.0.2.1\n")
    assert read_servers(node(dns=("9.9.9.9",)), tmp_path / "resolv.conf") == (Address("9.9.9.9", 53),)
    assert read_servers(node(), tmp_path / "resolv.conf") == (Address("192.0.2.1", 53),)
    assert read_servers(node(), tmp_path / "absent") == (Address("127.0.0.1", 53),)
