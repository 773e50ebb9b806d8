"""The SOCKS5 of a line's port: whole messages or nothing, whatever the bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.demo.emulator.socks import NotSocks, parse_connect, parse_greeting

GREETING = b"\x05\x02\x00\x02"
IPV4 = b"\x05\x01\x00\x01\x7f\x00\x00\x01\x1f\x90"
IPV6 = b"\x05\x01\x00\x04" + bytes(15) + b"\x01\x1f\x90"


def test_whole_messages_give_their_size_and_leave_what_is_behind() -> None:
    assert parse_greeting(GREETING + IPV4) == len(GREETING)
    assert parse_connect(IPV4 + b"more") == (("127.0.0.1", 8080), len(IPV4))
    assert parse_connect(IPV6) == (("::1", 8080), len(IPV6))


@pytest.mark.parametrize("message", [IPV4, IPV6])
def test_a_message_cut_anywhere_is_waited_for(message: bytes) -> None:
    assert all(parse_connect(message[:cut]) is None for cut in range(len(message)))
    assert all(parse_greeting(GREETING[:cut]) is None for cut in range(len(GREETING)))


@pytest.mark.parametrize("wrong", [b"GET / HTTP/1.1", b"\x05\x02\x00\x01", b"\x05\x01\x00\x03\x04name"])
def test_what_no_line_gives_is_refused(wrong: bytes) -> None:
    with pytest.raises(NotSocks):
        parse_connect(wrong)


def test_a_line_takes_no_password() -> None:
    with pytest.raises(NotSocks):
        parse_greeting(b"\x05\x01\x02")


@given(st.binary(max_size=40))
def test_any_bytes_give_a_value_or_a_refusal(data: bytes) -> None:
    for parse in (parse_greeting, parse_connect):
        try:
            found = parse(data)
        except NotSocks:
            continue
        size = found[1] if isinstance(found, tuple) else found
        assert size is None or 0 < size <= len(data)
