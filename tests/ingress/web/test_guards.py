"""Who is answered at all, as tables; and that no name is taken for ours that is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.web.exchange import Visitor, WebRequest
from ingress.web.guards import cookie_of, host_of, is_our_host, is_same_origin

HOSTS = frozenset({"proxy.example"})


def asked(**headers: str) -> WebRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return WebRequest("POST", "/", {}, named, b"", Visitor("127.0.0.1"))


@pytest.mark.parametrize(
    ("text", "local", "is_ours"),
    [
        ("127.0.0.1:9090", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1:8080", "127.0.0.1", True),  # by ssh -L
        ("localhost:9090", "127.0.0.1", True),
        ("LOCALHOST", "::1", True),
        ("[::1]:9090", "::1", True),
        ("[::1]", "::1", True),
        ("proxy.example", "127.0.0.1", True),
        ("Proxy.Example.:443", "192.168.1.2", True),
        ("192.168.1.2:9090", "192.168.1.2", True),
        ("192.168.1.2:9090", "::ffff:192.168.1.2", True),
        ("192.168.1.2:9090", "127.0.0.1", False),
        ("localhost:9090", "192.168.1.2", False),
        ("evil.example:9090", "127.0.0.1", False),
        ("127.0.0.1.evil.example", "127.0.0.1", False),
        ("proxy.example.evil.example", "127.0.0.1", False),
        ("evil.example@127.0.0.1:9090", "127.0.0.1", False),
        ("127.0.0.1:port", "127.0.0.1", False),
        ("127.0.0.1 evil", "127.0.0.1", False),
        ("a.localhost", "127.0.0.1", False),
        ("[::1", "::1", False),
        ("", "127.0.0.1", False),
    ],
)
def test_which_host_is_ours(text: str, local: str, is_ours: bool) -> None:
    assert is_our_host(text, local, HOSTS) is is_ours


@given(st.text(max_size=40))
def test_no_other_text_is_ours(text: str) -> None:
    if is_our_host(text, "127.0.0.1", HOSTS):
        assert host_of(text).strip("[]") in {"proxy.example", "localhost"} or "127" in text or "::" in text


@given(st.from_regex(r"[a-z][a-z0-9-]{0,20}(\.[a-z][a-z0-9]{1,8}){1,3}(:[0-9]{1,5})?", fullmatch=True))
def test_no_name_of_dns_is_ours_but_those_of_the_file(name: str) -> None:
    assert is_our_host(name, "127.0.0.1", HOSTS) is (name.partition(":")[0] == "proxy.example")


@pytest.mark.parametrize(
    ("headers", "is_same"),
    [
        ({"host": "a:1"}, True),
        ({"host": "a:1", "origin": "http://a:1"}, True),
        ({"host": "a", "origin": "https://a"}, True),
        ({"host": "A:1", "origin": "http://a:1", "sec_fetch_site": "same-origin"}, True),
        ({"host": "a:1", "sec_fetch_site": "none"}, True),
        ({"host": "a:1", "origin": "http://a:2"}, False),
        ({"host": "a:1", "origin": "http://b:1"}, False),
        ({"host": "a:1", "origin": "null"}, False),
        ({"host": "", "origin": "null"}, False),
        ({"host": "", "origin": "file://"}, False),
        ({"host": "a:1", "origin": "ftp://a:1"}, False),
        ({"host": "a:1", "origin": "http://[a:1"}, False),
        ({"host": "a:1", "sec_fetch_site": "cross-site"}, False),
        ({"host": "a:1", "origin": "http://a:1", "sec_fetch_site": "same-site"}, False),
    ],
)
def test_what_comes_from_our_own_page(headers: dict[str, str], is_same: bool) -> None:
    assert is_same_origin(asked(**headers)) is is_same


@pytest.mark.parametrize(
    ("header", "value"),
    [("a=1; ingress-9=xyz; b=2", "xyz"), ("ingress-9=x=y", "x=y"), ("ingress-90=x", ""), ("", ""), (";;=;", "")],
)
def test_one_cookie_of_many(header: str, value: str) -> None:
    assert cookie_of(header, "ingress-9") == value
