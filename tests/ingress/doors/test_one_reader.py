"""One text, one meaning (fault E9): a door, an exit, the file and `--why` read every host alike, or none of them does.

What a part may refuse beyond that is stated here, and nowhere is a name to one part an address to another.
"""

import ipaddress
import random
import re
from collections.abc import Iterator
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.choice.sites import parse_target
from ingress.doors.names import BadHost, parse_host
from ingress.doors.refusal import RequestRefused
from ingress.doors.request import Request
from ingress.doors.strict import plain_head
from relay.config import values
from relay.model.cause import Cause
from relay.model.hosts import parse_literal, parse_name
from relay.policy import Policy

TEXTS = 200_000

LABELS = [
    *("a", "example", "com", "EXAMPLE", "jow-", "-a", "-", "--", "_", "_dmarc", "a_b", "a-b", "xn--mnchen-3ya", "xn--"),
    *("", "x" * 63, "x" * 64, "0", "1", "127", "255", "256", "08", "0177", "0x", "0x7f", "0X1", "0xg", "4294967296"),
    *("bücher", "ｅｘ", "１２７", "①", "ß", "💩", "\u00ad", "é-", "_é", "x\u200d", "\u0378", "a b", "a/b", "a%b", "\0"),
]
WHOLE = [
    *("jow-.github.io", "127.1", "0x7f000001", "2130706433", "[127.0.0.1]", "[127.1]", "127.0.0.1.", "::1", "[::1]"),
    *("[::1", "::1]", "::1.", "[::1].", "[[::1]]", "[a.example]", "::ffff:127.0.0.1", "::7f00:1", "fe80::1%eth0"),
    *(
        "：：１",
        "[：：１]",
        "127。0．0｡1",
        "",
        ".",
        "..",
        "a.",
        "a..",
        "é:1",
        "a:b",
        ":",
        "1::2::3",
        "x" * 253,
        "x." * 127,
    ),
    *(("x" * 63 + ".") * 3 + "x" * 61, ("x" * 63 + ".") * 3 + "x" * 62, "é" * 127, "é" * 128, "a" * 256, "[]", "0."),
    *("x" * 253, "x." * 127),
]
DOTS = [".", ".", ".", ".", ".", ".", "。", "．", "｡", ".."]
CHARACTERS = "aZ09.-_xX:[]%/ @１。é\u00ad"


def texts() -> Iterator[str]:
    """Crafted and random, always the same."""
    dice = random.Random("one reader")
    yield from WHOLE
    for count in range(TEXTS - len(WHOLE)):
        if count % 2:
            yield "".join(dice.choices(CHARACTERS, k=dice.randrange(1, 14)))
        else:
            yield dice.choice(DOTS).join(dice.choices(LABELS, k=dice.randrange(1, 5))) + dice.choice(
                ["", "", ".", "。"]
            )


def door(text: str) -> str | None:
    try:
        return parse_host(text.encode())
    except BadHost as bad:
        assert bad.cause in (Cause.PROTOCOL, Cause.NAME_NOT_FOUND)
        return None


def exit_(text: str) -> str | None:
    """What the exit would ask DNS for, or dial if its policy permits; an address with a zone it never does."""
    literal, name = parse_literal(text), parse_name(text)
    assert literal is None or name is None
    if literal is not None and Policy().refusal(text, 443) != "an address with a zone":
        return str(literal)
    return name


def with_port(text: str) -> str:
    return f"[{text}]:443" if ":" in text and not text.startswith("[") else f"{text}:443"


def http(text: str) -> str | None:
    """By CONNECT; an absolute URL says the same."""
    found = []
    for line in (f"CONNECT {with_port(text)}", f"GET http://{with_port(text)}/"):
        try:
            target = Request(plain_head(f"{line} HTTP/1.1\r\n\r\n".encode()), "x").target
            found.append(None if target is None else target.host)
        except RequestRefused:
            found.append(None)
    assert found[0] == found[1] or any(mark in text for mark in "/?#@"), "these divide a URL"
    return found[0]


def why(text: str) -> str | None:
    try:
        return parse_target(with_port(text))[0]
    except ValueError:
        return None


def file(text: str) -> str | None:
    try:
        return values.address(with_port(text)).host
    except values.Wrong:
        return None


def is_left_to_the_file(text: str, host: str | None) -> bool:
    """Where the file differs on purpose.

    Its addresses are written in full, IPv6 alone in brackets, and may have a zone, since a line can be dialled over a
    named link; no name in it begins with a hyphen.
    """
    if host is None:
        return "%" in text and parse_literal(text) is not None
    if parse_literal(host) is None:
        return host.startswith("-")
    bare = text.removeprefix("[").removesuffix("]")
    try:
        return ipaddress.ip_address(bare).version == 4 and "[" in text
    except ValueError:
        return True


def test_doors_exits_why_and_the_file_agree_on_200_000_texts() -> None:
    disagreements = []
    for text in texts():
        host, written = door(text), file(text)
        if exit_(text) != host or why(text) != host:
            disagreements.append((text, host, exit_(text), why(text)))
        if written != host and not ((written is None or host is None) and is_left_to_the_file(text, host)):
            disagreements.append((text, host, "the file", written))
    assert not disagreements, f"{len(disagreements)}, as {disagreements[:10]}"


def test_e9_the_http_door_reads_a_host_as_socks_does() -> None:
    for text in islice(texts(), 20_000):
        in_brackets = with_port(text).startswith("[") and not text.isascii()  # nobody writes those in full width
        assert http(text) == (None if in_brackets else door(text))


@given(st.text(st.one_of(st.sampled_from(CHARACTERS), st.characters(exclude_categories=["Cs"])), max_size=20))
def test_e9_any_text_is_one_host_to_all_or_to_none(text: str) -> None:
    assert door(text) == exit_(text) == why(text)
    assert http(text) in (door(text), None), "a request line has its own delimiters"


def test_what_a_door_gives_is_read_as_the_same_by_all_behind_it() -> None:
    for host in filter(None, map(door, list(texts())[:20_000])):
        assert door(host) == exit_(host) == why(host) == host
        assert re.fullmatch(r"[a-z0-9_.-]{1,253}|[0-9a-f:.]+", host)


@pytest.mark.parametrize("host", ["0x7f.1", "127.1", "0177.0.0.1", "2130706433", "[1.2.3.4]", "１２７.0.0.1"])
def test_an_address_of_the_file_that_is_not_written_in_full_is_a_mistake(host: str) -> None:
    with pytest.raises(values.Wrong, match="is not an IPv"):
        values.address(f"{host}:80")


def test_a_rule_may_name_what_clients_ask_for() -> None:
    assert values.host_name("jow-.github.io") == "jow-.github.io"
    assert values.host_name("-a.example") == "-a.example"
