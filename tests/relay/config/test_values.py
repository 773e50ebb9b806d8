import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.config import values
from relay.model.network import Address


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10s", 10.0), ("5m", 300.0), ("1h", 3600.0), ("2d", 172_800.0), ("250ms", 0.25), ("1.5 s", 1.5)],
)
def test_durations(text: str, seconds: float) -> None:
    assert values.duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(("text", "count"), [("256MiB", 2**28), ("1GB", 10**9), ("1TB", 10**12), ("7B", 7)])
def test_sizes(text: str, count: int) -> None:
    assert values.size(text) == count


@pytest.mark.parametrize(("text", "count"), [("200Mbit/s", 25e6), ("1Gbit/s", 125e6), ("8 bit/s", 1.0)])
def test_rates(text: str, count: float) -> None:
    assert values.rate(text) == pytest.approx(count)


@pytest.mark.parametrize("value", [10, 10.0, "10", "s", "-1s", "10 sec", "10S", "", None, True, ["10s"], "١s"])
def test_what_is_no_duration(value: object) -> None:
    with pytest.raises(values.Wrong, match=r"10s, 5m, 1h, 2d or 250ms"):
        values.duration(value)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.10:48350", Address("203.0.113.10", 48350)),
        ("[2001:DB8::1]:1", Address("2001:db8::1", 1)),
        ("Relay.Example.:65535", Address("relay.example", 65535)),
        ("bücher.example:80", Address("xn--bcher-kva.example", 80)),
        ("my_host:80", Address("my_host", 80)),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    assert values.address(text) == address


@pytest.mark.parametrize(
    "value",
    [
        *("host", "host:", ":80", "host:0", "host:65536", "host:+80", "host:８０", "::1:80", "[::1]", "[1.2.3.4]:80"),
        *("256.1.1.1:80", "1.2.3:80", "-a:80", "a..b:80", "a b:80", "x" * 64 + ":80", "\u2028:80"),
        *("", 80, None, ["a:1"]),
    ],
)
def test_what_is_no_address(value: object) -> None:
    with pytest.raises(values.Wrong):
        values.address(value)


def test_an_ipv6_address_without_brackets_is_shown_how() -> None:
    with pytest.raises(values.Wrong) as caught:
        values.address("2001:db8::1:80")
    assert caught.value.mend == "write [2001:db8::1]:80"


def test_to_listen_takes_an_address_of_this_machine() -> None:
    assert values.listen_address("[::]:80") == Address("::", 80)
    for port in (1080, "1080"):
        with pytest.raises(values.Wrong, match=r'is a port without an address.*write "127.0.0.1:1080"'):
            values.listen_address(port)
    with pytest.raises(values.Wrong, match=r"localhost.*127\.0\.0\.1:80"):
        values.listen_address("localhost:80")


def test_a_range_with_host_bits_is_shown_its_own() -> None:
    assert str(values.cidr("192.168.7.9")) == "192.168.7.9/32"
    with pytest.raises(values.Wrong, match=r"did you mean 192\.168\.7\.0/24\?"):
        values.cidr("192.168.7.9/24")
    with pytest.raises(values.Wrong, match="write one as"):
        values.cidr("192.168.7.0/33")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:192.0.2.1", "192.0.2.1/32"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("::fffe:0:0/95", "::fffe:0:0/95"),
        ("64:ff9b::/96", "64:ff9b::/96"),
    ],
)
def test_f7_a_range_of_ipv4_in_ipv6_is_one_of_ipv4(written: str, meant: str) -> None:
    assert str(values.cidr(written)) == meant


def test_plain_values() -> None:
    assert values.flag(False) is False
    assert values.amount(1) == 1.0
    assert values.whole(1, 5)(5) == 5
    assert values.one_of("auto", "true")("true") == "true"
    assert values.name("jp-1") == "jp-1"
    assert values.ip("2001:DB8::1") == "2001:db8::1"


@pytest.mark.parametrize(
    ("parse", "value"),
    [
        *((values.flag, value) for value in (0, "true", None)),
        *((values.amount, value) for value in (-0.1, float("nan"), float("inf"), "1", True)),
        *((values.whole(1, 5), value) for value in (0, 6, 1.0, True, "1")),
        *((values.name, value) for value in ("", "JP", "a.b", "a_b", "x" * 33, 1)),
        *((values.text, value) for value in ("", "  ", 1)),
        *((values.ip, value) for value in ("relay.example", "1.2.3.4:53", "")),
        *((values.rate, value) for value in ("0bit/s", "5MB/s", 5)),
        *((values.size, value) for value in ("5MBit", "5mb", 5)),
        (values.one_of("auto", "true"), True),
    ],
)
def test_what_is_wrong_is_said(parse: object, value: object) -> None:
    assert callable(parse)
    with pytest.raises(values.Wrong) as caught:
        parse(value)
    assert caught.value.what
    assert caught.value.mend


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)
NEARLY = st.text(st.sampled_from("0123456789abcxyz.:[]-_/%sm iBG"), max_size=20)


@given(ANYTHING | NEARLY)
def test_any_value_is_understood_or_wrong(value: object) -> None:
    for parse in (values.listen_address, values.cidr, values.duration, values.size, values.rate, values.ip):
        try:
            parse(value)
        except values.Wrong as wrong:
            assert len(str(wrong)) < 1000
