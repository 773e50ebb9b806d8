"""Files of names and servers: what makes sense is kept, the rest is skipped."""

from hypothesis import given
from hypothesis import strategies as st

from relay.exit.hostsfile import ResolvConf, parse_hosts, parse_resolv_conf
from relay.model.network import Address


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
    assert parse_resolv_conf(text) == ResolvConf((Address("192.0.2.1", 53),))
    assert len(parse_resolv_conf("nameserver 192.0.2.1\n" * 9).servers) == 3


def test_f6_without_a_server_this_machine_is_asked_and_use_vc_is_obeyed() -> None:
    here = (Address("127.0.0.1", 53),)
    assert parse_resolv_conf("") == ResolvConf(here)
    assert parse_resolv_conf("options edns0 use-vc\n#options\noptions\n") == ResolvConf(here, over_tcp=True)
    assert parse_resolv_conf("options no-use-vc\n; options use-vc") == ResolvConf(here)


@given(st.text())
def test_no_text_breaks_the_parsers(text: str) -> None:
    for host in parse_hosts(text):
        assert host == host.lower()
    assert parse_resolv_conf(text).servers
