"""Each published format means what its own programs make of it, and no other is taken for it."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.lists.entries import Entries, Scope
from ingress.lists.formats import FORMATS, READERS, UnreadableList, guess, read_list
from ingress.lists.targets import TargetSet
from ingress.lists.v2fly import NotGeosite, geosite_names, read_geosite


def targets(content: str | bytes, format_: str | None = None, **more: object) -> TargetSet:
    data = content.encode() if isinstance(content, str) else content
    return TargetSet(read_list(data, format_, **more)[0])  # type: ignore[arg-type]


def matched(found: TargetSet, *names: str) -> list[str]:
    return [name for name in names if found.find_name(name) is not None]


ASKED = ("a.cn", "b.a.cn", "c.b.a.cn", "xa.cn")
ALL, ITSELF, BELOW, ONE = ["a.cn", "b.a.cn", "c.b.a.cn"], ["a.cn"], ["b.a.cn", "c.b.a.cn"], ["b.a.cn"]


@pytest.mark.parametrize(
    ("format_", "line", "expected"),
    [
        ("plain", "a.cn", ALL),
        ("plain", "A.CN.  # with a word", ALL),
        ("plain", "=a.cn", ITSELF),
        ("plain", "*.a.cn", BELOW),
        ("clash-domain", "a.cn", ITSELF),
        ("clash-domain", "*.a.cn", ONE),
        ("clash-domain", ".a.cn", BELOW),
        ("clash-domain", "+.a.cn", ALL),
        ("clash-domain", "*.*.a.cn", ["c.b.a.cn"]),
        ("clash-domain", "b.*.cn", ["b.a.cn"]),
        ("clash-domain", "+.*.cn", [*ALL, "xa.cn"]),
        ("clash-domain", "payload:\n  - '+.a.cn'", ALL),
        ("clash-domain", 'payload:\n- "a.cn"  # one\n', ITSELF),
        ("clash-domain", "payload:\n  - a.cn # one", ITSELF),
        ("clash-classical", "DOMAIN,a.cn", ITSELF),
        ("clash-classical", "DOMAIN-SUFFIX,a.cn", ALL),
        ("clash-classical", "DOMAIN-KEYWORD,B.A", BELOW),
        ("clash-classical", r"DOMAIN-REGEX,^b\.a\.(cn|com)$", ["b.a.cn"]),
        ("clash-classical", "DOMAIN-WILDCARD,?.a.cn", ONE),
        ("clash-classical", "payload:\n  - DOMAIN-SUFFIX,a.cn\n  - PROCESS-NAME,curl", ALL),
        ("surge-set", "a.cn", ITSELF),
        ("surge-set", ".a.cn", ALL),
        ("v2fly", "a.cn", ALL),
        ("v2fly", "domain:a.cn @cn # word", ALL),
        ("v2fly", "full:a.cn", ITSELF),
        ("v2fly", "keyword:b.a", BELOW),
        ("v2fly", r"regexp:^c\.", ["c.b.a.cn"]),
        ("dnsmasq", "server=/a.cn/114.114.114.114", ALL),
        ("dnsmasq", "nftset=/b.a.cn/xa.cn/4#inet#fw4#x", [*BELOW, "xa.cn"]),
        ("dnsmasq", "address=/a.cn/", ALL),
    ],
)
def test_a_name_means_what_its_format_says(format_: str, line: str, expected: list[str]) -> None:
    assert matched(targets(line, format_), *ASKED) == expected


def test_networks_of_every_format_that_has_them() -> None:
    import ipaddress

    inside, outside = ipaddress.ip_address("10.1.2.3"), ipaddress.ip_address("10.2.0.0")
    for format_, line in (
        ("plain", "10.1.0.0/16"),
        ("clash-ipcidr", "payload:\n  - '10.1.0.0/16'"),
        ("clash-classical", "IP-CIDR,10.1.0.0/16,no-resolve"),
    ):
        found = targets(line, format_)
        assert found.has_address(inside), format_
        assert not found.has_address(outside), format_
    assert targets("IP-CIDR6,2001:db8::/32", "clash-classical").has_address(ipaddress.ip_address("2001:db8::1"))


def test_what_has_no_meaning_here_is_counted_and_named() -> None:
    entries, _ = read_list(b"DOMAIN,a.cn\nPROCESS-NAME,x\nPROCESS-NAME,y\nGEOIP,CN\n", "clash-classical")
    assert entries.left_out == {"PROCESS-NAME": 2, "GEOIP": 1}
    assert read_list(b"include:other\na.cn\n", "v2fly")[0].left_out == {"include": 1}


def test_attributes_choose_among_the_lines_of_v2fly() -> None:
    text = b"a.cn @cn\nb.com @ads @cn\nc.com\n"
    assert matched(targets(text, "v2fly", attributes=["cn"]), "a.cn", "b.com", "c.com") == ["a.cn", "b.com"]
    assert matched(targets(text, "v2fly", attributes=["!cn"]), "a.cn", "b.com", "c.com") == ["c.com"]
    assert matched(targets(text, "v2fly", attributes=["cn", "ads"]), "a.cn", "b.com", "c.com") == ["b.com"]


GFWLIST = """[AutoProxy 0.2.9]
! a comment
||a.cn
@@||b.a.cn
|http://full.example/path
|https://*.wild.example/
.dotted.example
plain.example/path
/^https?:\\/\\/[^\\/]+blog/
justaword
||93.184.216.34
"""


@pytest.mark.parametrize("content", [GFWLIST.encode(), base64.encodebytes(GFWLIST.encode())])
def test_a_gfwlist_in_either_form(content: bytes) -> None:
    assert guess(content) == "gfwlist"
    entries, _ = read_list(content)
    found = TargetSet(entries)
    asked = ("a.cn", "x.a.cn", "b.a.cn", "full.example", "wild.example", "dotted.example", "plain.example", "other")
    assert matched(found, *asked) == [name for name in asked if name not in ("b.a.cn", "other")]
    assert entries.left_out == {"regular expression of a URL": 1, "part of a URL": 1}
    assert [str(network) for network in entries.networks] == ["93.184.216.34/32"]


# ---- geosite.dat


def field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def domain(kind: int, value: str, *attributes: str) -> bytes:
    marks = b"".join(field(3, field(1, mark.encode()) + field(2, 1)) for mark in attributes)
    return field(2, (field(1, kind) if kind else b"") + field(2, value.encode()) + marks)


def site(code: str, *domains: bytes) -> bytes:
    return field(1, field(1, code.encode()) + b"".join(domains))


GEOSITE = site("CN", domain(2, "a.cn"), domain(3, "b.com", "ads"), domain(0, "word"), domain(1, r"^r\d")) + site(
    "GOOGLE", domain(2, "google.com", "cn")
)


def test_a_geosite_is_many_lists() -> None:
    found = targets(GEOSITE, name="cn")
    asked = ("x.a.cn", "b.com", "x.b.com", "a-word.net", "r1.net", "google.com")
    assert matched(found, *asked) == ["x.a.cn", "b.com", "a-word.net", "r1.net"]
    assert geosite_names(GEOSITE) == ["cn", "google"]
    assert matched(targets(GEOSITE, name="cn", attributes=["ads"]), *asked) == ["b.com"]
    assert matched(targets(GEOSITE, name="CN", attributes=["!ads"]), "b.com", "a.cn") == ["a.cn"]


def test_a_geosite_without_a_name_or_with_a_wrong_one_is_refused_with_a_mend() -> None:
    with pytest.raises(UnreadableList) as wrong:
        targets(GEOSITE)
    assert "name =" in wrong.value.mend
    with pytest.raises(UnreadableList) as wrong:
        targets(GEOSITE, "geosite", name="goggle")
    assert "google" in wrong.value.mend


@given(content=st.binary(max_size=200), name=st.text(max_size=3))
def test_any_bytes_are_a_geosite_or_none(content: bytes, name: str) -> None:
    try:
        read_geosite(content, name)
    except NotGeosite as error:
        assert str(error)


@given(at=st.integers(0, len(GEOSITE) - 1), byte=st.integers(0, 255))
def test_a_damaged_geosite_is_read_or_refused(at: int, byte: int) -> None:
    damaged = GEOSITE[:at] + bytes([byte]) + GEOSITE[at + 1 :]
    try:
        read_geosite(damaged, "cn")
    except NotGeosite as error:
        assert str(error)


# ---- guessing


@pytest.mark.parametrize(
    ("content", "format_"),
    [
        ("+.a.cn\nb.cn\n", "clash-domain"),
        ("payload:\n  - '+.a.cn'\n", "clash-domain"),
        ("payload:\n  - .b.cn\n", "clash-domain"),
        ("payload:\n  - '10.0.0.0/8'\n", "clash-ipcidr"),
        ("DOMAIN-SUFFIX,a.cn\n", "clash-classical"),
        ("full:a.cn\nb.cn\n", "v2fly"),
        ("server=/a.cn/1.1.1.1\n", "dnsmasq"),
        ("=a.cn\nb.cn\n", "plain"),
        ("10.0.0.0/8\n2001:db8::/32\n", "plain"),
        ("a.cn\n10.0.0.0/8\n", "plain"),
    ],
)
def test_a_format_that_shows_itself_is_guessed(content: str, format_: str) -> None:
    assert guess(content.encode()) == format_


@pytest.mark.parametrize("content", ["a.cn\n", ".a.cn\n", "a.cn\nb.cn\n"])
def test_a_list_that_two_formats_read_differently_must_be_named(content: str) -> None:
    with pytest.raises(UnreadableList) as wrong:
        guess(content.encode())
    assert "can be read as" in wrong.value.what
    assert "format =" in wrong.value.mend


def test_lines_that_are_nothing_are_quoted_and_the_right_format_is_named() -> None:
    with pytest.raises(UnreadableList) as wrong:
        read_list(b"DOMAIN-SUFFIX,a.cn\n" * 5, "plain")
    assert '"DOMAIN-SUFFIX,a.cn"' in wrong.value.what
    assert "and 2 more" in wrong.value.what
    assert "clash-classical" in wrong.value.mend


@pytest.mark.parametrize("content", [b"", b"\n \n# nothing\n", b"payload:\n"])
def test_an_empty_list_is_refused(content: bytes) -> None:
    for format_ in ("clash-domain", None):
        with pytest.raises(UnreadableList, match="'is empty', 'fill it"):
            read_list(content, format_)


@given(
    content=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)), format_=st.sampled_from(FORMATS)
)
def test_any_bytes_are_a_list_or_are_refused_in_words(content: bytes, format_: str) -> None:
    for chosen in (format_, None):
        try:
            entries, found = read_list(content, chosen, name="cn" if format_ == "geosite" else None)
        except UnreadableList as wrong:
            assert wrong.what
            assert wrong.mend
        else:
            assert found in FORMATS
            TargetSet(entries)


LINES = st.lists(
    st.sampled_from(["a.cn", "+.b.cn", "10.0.0.0/8", "*.c.cn", ".d.cn", "DOMAIN,e.cn", "full:f.cn", "server=/g.cn/"]),
    min_size=1,
    max_size=6,
)


@given(lines=LINES, ending=st.sampled_from(["\n", "\r\n", "\r"]), format_=st.sampled_from(sorted(READERS)))
def test_line_endings_and_empty_lines_change_nothing(lines: list[str], ending: str, format_: str) -> None:
    reader = READERS[format_]
    one = reader("\n".join(lines).encode())
    other = reader((ending * 2).join(["", *lines, "# end", ""]).encode())
    assert (one.names, one.networks, one.wrong) == (other.names, other.networks, other.wrong)


def test_a_name_in_another_script_is_compared_as_dns_has_it() -> None:
    assert matched(targets("中国", "plain"), "xn--fiqs8s", "a.xn--fiqs8s", "cn") == ["xn--fiqs8s", "a.xn--fiqs8s"]
    assert read_list("例え.jp\n".encode(), "v2fly")[0].names[Scope.COVERED] == {"xn--r8jz45g.jp"}


def test_a_long_list_is_guessed_by_its_beginning_and_read_whole() -> None:
    content = b"".join(b"DOMAIN-SUFFIX,name-%d.example\n" % number for number in range(20_000))
    entries, format_ = read_list(content)
    assert (format_, entries.count) == ("clash-classical", 20_000)


def test_what_is_nearly_a_list_has_its_wrong_lines_quoted() -> None:
    with pytest.raises(UnreadableList, match="as clash-classical it has wrong lines: 'IP-CIDR,nonsense'"):
        guess(b"DOMAIN,a.cn\nDOMAIN-SUFFIX,b.cn\nIP-CIDR,nonsense\n")


def test_a_gfwlist_may_except_names_and_name_addresses_wrongly() -> None:
    entries = READERS["gfwlist"](b"[AutoProxy]\n||a.cn\n||999.1.1.1\n@@||b.a.cn\n")
    assert entries.wrong == ["||999.1.1.1"] and entries.wrong_count == 1


def test_only_what_looks_like_a_network_is_tried_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    monkeypatch.setattr(Entries, "add_network", lambda entries, text: not tried.append(text))
    read_list(b"4399.com\n163.com\n1.2.3.4\n10.0.0.0/8\n2001:db8::/32\n51job.com\n", "plain")
    assert tried == ["1.2.3.4", "10.0.0.0/8", "2001:db8::/32"]  # trying takes fifty times as long as reading a name


def test_a_line_that_is_quoted_says_nothing_to_a_terminal() -> None:
    with pytest.raises(UnreadableList) as unreadable:
        read_list(b"a.example\n\x1b]0;owned\x07!\n", "plain")
    assert '"\ufffd]0;owned\ufffd!"' in unreadable.value.what
