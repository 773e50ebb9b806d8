"""One spelling for each host (cases R02 to R07), and nothing but BadHost for what is none."""

import re
from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.doors.names import BadHost, parse_host, spell_ipv6
from relay.model.cause import Cause

SPELLINGS = {
    "example.com": [b"example.com", b"EXAMPLE.Com", b"example.com.", "ｅｘａｍｐｌｅ。com".encode()],
    "127.0.0.1": [
        b"::ffff:127.0.0.1", b"[::FFFF:7f00:1]",
        b"127.0.0.1", b"127.1", b"0x7f000001", b"2130706433", b"0177.0.0.1", b"127.0.0.1.", "１２７.０.０.１".encode(),
    ],
    "0.0.0.0": [b"0", b"0x", b"0.0.0.0"],
    "::1": [b"::1", b"[::1]", b"0:0:0:0:0:0:0:1", b"[0000::0001]"],
    "xn--bcher-kva.example": ["bücher.example".encode(), "BÜCHER.example".encode(), b"XN--bcher-kva.example"],
    "_dmarc.a-b.c_d": [b"_dmarc.a-b.c_d"],
    "1.example": [b"1.example"],
    "a" * 63: [b"a" * 63],
}  # fmt: skip


@pytest.mark.parametrize(("host", "raw"), [(host, raw) for host, raws in SPELLINGS.items() for raw in raws])
def test_r04_r05_r07_spellings_of_one_host(host: str, raw: bytes) -> None:
    assert parse_host(raw) == host


@pytest.mark.parametrize(
    "raw", [b"", b"a b", b"a\0", b"a\r\n", b"\x7f", b"a/b", b"a@b", b"[::1", b"::1]x", b"fe80::1%eth0", b"::\0",
            b"a:b", b"\xff\xfe", "é é".encode(), b"a%20b", b"#", b":"],
)  # fmt: skip
def test_r02_r06_what_is_no_host(raw: bytes) -> None:
    with pytest.raises(BadHost) as caught:
        parse_host(raw)
    assert caught.value.cause == Cause.PROTOCOL


@pytest.mark.parametrize(
    "raw", [b".", b"a..b", b".a", b"a" * 64, b"a." * 126 + b"ab", b"a" * 256, b"1.2.3.4.5", b"256.1.1.1", b"08",
            b"1.2.3.256", b"a.1", b"0xg.1", b"4294967296", "é..b".encode(), "💩.la".encode(), "é".encode() * 70],
)  # fmt: skip
def test_r03_r07_what_cannot_exist(raw: bytes) -> None:
    with pytest.raises(BadHost) as caught:
        parse_host(raw)
    assert caught.value.cause == Cause.NAME_NOT_FOUND


@given(raw=st.binary(max_size=60) | st.text(max_size=40).map(str.encode))
def test_any_bytes_are_one_host_in_one_spelling_or_none(raw: bytes) -> None:
    try:
        host = parse_host(raw)
    except BadHost:
        return
    assert re.fullmatch(r"[a-z0-9_.-]+|[0-9a-f:.]+", host)
    assert parse_host(host.encode()) == host


@given(
    packed=st.binary(min_size=16, max_size=16)
    | st.binary(min_size=4, max_size=4).map((b"\0" * 10 + b"\xff\xff").__add__)
)
def test_an_address_in_bytes_is_spelled_as_one_in_text(packed: bytes) -> None:
    assert spell_ipv6(packed) == parse_host(IPv6Address(packed).exploded.encode())
