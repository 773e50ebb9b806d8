"""Names of targets, and the sites they belong to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.choice.sites import parse_client, parse_question, parse_target, site_of


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("www.Example.com.", "example.com"),
        ("example.com", "example.com"),
        ("localhost", "localhost"),
        ("a.b.example.co.jp", "example.co.jp"),
        ("example.com.cn", "example.com.cn"),
        ("co.jp", "co.jp"),
        ("www.example.gov.uk", "example.gov.uk"),
        ("one.github.io", "one.github.io"),
        ("a.two.github.io", "two.github.io"),
        ("www.xn--85x722f.com.cn", "xn--85x722f.com.cn"),
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::7"),
    ],
)
def test_the_site_of_a_host(host: str, site: str) -> None:
    assert site_of(host) == site


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("example.com", ("example.com", 443)),
        ("example.com:80", ("example.com", 80)),
        ("[2001:db8::7]:22", ("2001:db8::7", 22)),
        ("[2001:db8::7]", ("2001:db8::7", 443)),
        ("2001:db8::7", ("2001:db8::7", 443)),
        ("192.0.2.7:1", ("192.0.2.7", 1)),
    ],
)
def test_targets_as_people_write_them(text: str, expected: tuple[str, int]) -> None:
    assert parse_target(text) == expected


@pytest.mark.parametrize("text", ["", ":80", "a:0", "a:65536", "a:b", "a:", "a b", "a:²"])
def test_what_is_no_target(text: str) -> None:
    with pytest.raises(ValueError):
        parse_target(text)


def test_clients_as_people_write_them() -> None:
    assert parse_client("") == ""
    assert parse_client("192.0.2.7") == parse_client("::ffff:192.0.2.7") == "192.0.2.7"
    assert parse_client("FE80::1%eth0") == "fe80::1"
    for wrong in ("ann", "192.0.2.7:80", "192.0.2.0/24", " "):
        with pytest.raises(ValueError, match="is no address of a client; write one as 192"):
            parse_client(wrong)


def test_a_question_may_name_a_protocol() -> None:
    assert parse_question("example.com:53/udp") == ("example.com", 53, "udp")
    assert parse_question("[2001:db8::7]:53/udp") == ("2001:db8::7", 53, "udp")
    assert parse_question("example.com/tcp") == ("example.com", 443, "tcp")
    assert parse_question("example.com:80") == ("example.com", 80, "tcp")
    for wrong in ("example.com:53/icmp", "example.com:53/", "/udp", "a:b/udp"):
        with pytest.raises(ValueError):
            parse_question(wrong)


@given(st.text(max_size=30))
def test_any_text_is_a_target_or_an_error(text: str) -> None:
    try:
        host, port = parse_target(text)
    except ValueError:
        return
    assert host and 1 <= port <= 65535
