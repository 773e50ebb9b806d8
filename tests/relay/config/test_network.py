from pathlib import Path

import pytest

from relay.config import ConfigError, find_node, load_network, read_secret
from relay.config.values import cidr
from relay.errors import OperatorError
from relay.model.limits import Limits
from relay.model.network import Address, Allowed, IpNetwork, Proxy, Secret, UdpFilter
from relay.model.walk import hops_from
from relay.private import write_private

GOOD = """\
version = 1
unknown = "left unread by a relay"
[ingress.shanghai]
option-of-tomorrow = 1
[node.jp]
address = "203.0.113.10:48350"
[node.us]
address = "us.example:48350"
listen = "0.0.0.0:7443"
exit = true
allow = [{ cidr = "192.168.7.0/24", reason = "the broker" }]
upstream = { url = "socks5h://landing.example:1080", user = "u", password = { file = "landing.password" } }
dns = "9.9.9.9"
hosts = "hosts"
[line.ix]
from = "shanghai"
to = "jp"
address = "ix.example:1"
group = "sh-jp"
provider = "seller"
rate = "200Mbit/s"
cost = 0.8
backup = true
proxy = { url = "socks4://192.0.2.9:1080", user = "u", password = { env = "IX_PASSWORD" } }
[line.pacific]
from = "jp"
to = "us"
both = true
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "paths.toml"
    path.write_text(text)
    return path


def mistakes(folder: Path, text: str) -> list[str]:
    """What is wrong with the file, each with its line in front."""
    with pytest.raises(ConfigError) as caught:
        load_network(write(folder, text))
    return [f"{mistake.line} {mistake}" for mistake in caught.value.mistakes]


def test_g15_a_node_has_limits_of_its_own(tmp_path: Path) -> None:
    own = GOOD.replace("[node.us]\n", '[node.us]\nlimits = { memory = "64MiB", keepalive = "30s" }\n')
    assert load_network(write(tmp_path, own)).nodes["us"].limits == Limits(memory=64 << 20, keepalive=30.0)
    assert load_network(write(tmp_path, own)).nodes["jp"].limits == Limits()
    table = GOOD.replace("[node.us]\n", '[node.jp.limits]\nhandshake = "20s"\ndrain = "1m"\n[node.us]\n')
    assert load_network(write(tmp_path, table)).nodes["jp"].limits == Limits(handshake=20.0, drain=60.0)


@pytest.mark.parametrize(
    ("node", "limits", "said"),
    [
        ("us", 'memory = "1kB"', 'node.us.limits.memory: "1kB" is too little'),
        ("us", 'keepalive = "500ms"', 'node.us.limits.keepalive: "500ms" is no time that the kernel takes'),
        ("us", 'memory = "1025GiB"', 'node.us.limits.memory: "1025GiB" is more than a machine has'),
        ("us", f'memory = "{"9" * 400}GiB"', f'node.us.limits.memory: "{"9" * 58}… is not a size; write a shorter'),
        ("us", f'drain = "{"9" * 400}h"', f'node.us.limits.drain: "{"9" * 58}… is not a duration; write a shorter'),
        ("us", 'keepalive = "10h"', 'node.us.limits.keepalive: "10h" is no time that the kernel takes'),
        ("us", 'handshake = "0s"', 'node.us.limits.handshake: "0s" is no time at all'),
        ("us", "stream = 1", 'node.us.limits.stream: is not a key here; did you mean "streams"'),
        ("jp", "streams = 5", "node.jp.limits.streams: streams end at exits only"),
        ("jp", 'memory = "64MiB"', "node.jp.limits.memory: streams end at exits only"),
    ],
)
def test_g15_limits_that_do_nothing_are_mistakes(tmp_path: Path, node: str, limits: str, said: str) -> None:
    wrong = GOOD.replace(f"[node.{node}]\n", f"[node.{node}]\nlimits = {{ {limits} }}\n")
    (mistake,) = mistakes(tmp_path, wrong)
    assert mistake.partition(" ")[2].startswith(said), mistake


def test_a_serial_is_a_whole_number_and_may_be_left_out(tmp_path: Path) -> None:
    assert load_network(write(tmp_path, GOOD)).serial == 0
    assert load_network(write(tmp_path, f"serial = 20261127\n{GOOD}")).serial == 20261127
    for wrong in ("-1", "1.5", "true", '"5"', "9223372036854775808"):
        (said,) = mistakes(tmp_path, f"serial = {wrong}\n{GOOD}")
        assert "serial" in said and "whole number" in said


def test_f5_an_exit_behind_nat_says_where_the_world_reaches_it(tmp_path: Path) -> None:
    text = GOOD.replace('hosts = "hosts"', 'advertise = ["198.51.100.9", "2001:db8::9"]')
    assert load_network(write(tmp_path, text)).nodes["us"].advertise == ("198.51.100.9", "2001:db8::9")
    (said,) = mistakes(tmp_path, text.replace('"198.51.100.9"', '"us.example"'))
    assert 'node.us.advertise[0]: "us.example" is not an IP address' in said
    relay = GOOD.replace('address = "203.0.113.10:48350"', 'address = "203.0.113.10:48350"\nadvertise = "192.0.2.1"')
    (said,) = mistakes(tmp_path, relay)
    assert "node.jp.advertise: only exits connect to targets" in said


def test_a_network_is_read_whole(tmp_path: Path) -> None:
    network = load_network(write(tmp_path, GOOD))
    assert network.ingresses == ("shanghai",)
    assert list(network.nodes) == ["jp", "us"]
    us, ix, pacific = network.nodes["us"], network.lines["ix"], network.lines["pacific"]
    wide: IpNetwork = cidr("192.168.7.0/24")
    assert (us.address, us.listen, us.exit) == (Address("us.example", 48350), (Address("0.0.0.0", 7443),), True)
    assert us.allow == (Allowed(wide, "the broker"),)
    password = Secret(file=str(tmp_path / "landing.password"))
    assert us.upstream == Proxy("socks5", Address("landing.example", 1080), "u", password)
    assert (us.dns, us.hosts) == (("9.9.9.9",), str(tmp_path / "hosts"))
    assert (ix.start, ix.end, ix.address, ix.both) == ("shanghai", "jp", Address("ix.example", 1), False)
    assert (ix.group, ix.provider, ix.rate, ix.cost, ix.backup) == ("sh-jp", "seller", 25e6, 0.8, True)
    assert ix.proxy == Proxy("socks4", Address("192.0.2.9", 1080), "u", Secret(env="IX_PASSWORD"))
    assert (pacific.address, pacific.both, pacific.rate) == (Address("us.example", 48350), True, None)


def test_a_line_of_which_each_byte_is_paid_is_probed_leanly(tmp_path: Path) -> None:
    assert not load_network(write(tmp_path, GOOD)).lines["ix"].is_lean
    assert load_network(write(tmp_path, GOOD.replace("cost = 0.8", 'probe = "lean"'))).lines["ix"].is_lean
    assert not load_network(write(tmp_path, GOOD.replace("cost = 0.8", 'probe = "full"'))).lines["ix"].is_lean
    (wrong,) = mistakes(tmp_path, GOOD.replace("cost = 0.8", "probe = true"))
    assert wrong == '22 line.ix.probe: true is no way to probe a line; write "lean", or "full", which is the usual one'


def test_a_node_listens_everywhere_at_its_port_unless_it_says_where(tmp_path: Path) -> None:
    node = load_network(write(tmp_path, GOOD)).nodes["jp"]
    assert node.listen == (Address("0.0.0.0", 48350), Address("::", 48350))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("version = 1", "version = 2", '1 version: 2 is not a version this program reads'),
        ("version = 1\n", "", "None version: is missing"),
        ("[node.jp]", "[node.JP]", '5 node.JP: "JP" is not a name'),
        ("[node.jp]", '[node."j–p"]', '5 node.j–p: "j–p" is not a name; write - in place of – (U+2013)'),
        ('address = "203.0.113.10:48350"\n', "", "5 node.jp.address: is missing"),
        ('address = "203.0.113.10:48350"', 'adress = "203.0.113.10:48350"', '6 node.jp.adress: is not a key here; did'),
        ('listen = "0.0.0.0:7443"', 'listen = ["0.0.0.0:1", "192.0.2.1:1"]', "9 node.us.listen: 192.0.2.1:1 is taken"),
        ('listen = "0.0.0.0:7443"', 'listen = ["us.example:1"]', '9 node.us.listen[0]: "us.example" is a name'),
        ("exit = true", "exit = 1", "10 node.us.exit: 1 is neither true nor false"),
        ("exit = true", "exit = false", "11 node.us.allow: only exits connect to targets"),
        (', reason = "the broker"', "", "11 node.us.allow[0].reason: is missing"),
        ('"192.168.7.0/24"', '"192.168.7.1/24"', "11 node.us.allow[0].cidr: "),
        ("socks5h://", "http://", '12 node.us.upstream.url: "http://landing.example:1080" is not a SOCKS proxy'),
        ("socks5h://", "socks5h://u:p@", "12 node.us.upstream.url: the URL holds a password"),
        ("example:1080", "example:1080/x", '12 node.us.upstream.url: "socks5h://landing.example:1080/x" goes on'),
        ("socks5h://landing.example:1080", "socks5h://[", '12 node.us.upstream.url: "socks5h://["'),
        ('{ file = "landing.password" }', '"secret"', "12 node.us.upstream.password: a password does not"),
        ('{ file = "landing.password" }', '{ file = "a", env = "b" }', "12 node.us.upstream.password: not one of"),
        ('user = "u", password = { env', "password = { env", "24 line.ix.proxy.user: is missing, but"),
        ('dns = "9.9.9.9"', 'dns = ["9.9.9.9", "dns.example"]', '13 node.us.dns[1]: "dns.example" is not'),
        ('from = "shanghai"', 'from = "shangai"', '16 line.ix.from: there is no node or ingress "shangai"; did'),
        ('to = "jp"', 'to = "jpp"', '17 line.ix.to: there is no node "jpp"; did you mean "jp"?'),
        ('to = "jp"', 'to = "shanghai"', '17 line.ix.to: "shanghai" is an ingress; a line leads to a node'),
        ('to = "jp"', 'to = "jp"\nboth = true', "18 line.ix.both: nobody can walk a line to an ingress"),
        ('from = "jp"', 'from = "us"', "27 line.pacific.to: the line ends where it starts"),
        ('rate = "200Mbit/s"', "rate = 200", "21 line.ix.rate: 200 is not a rate"),
        ("cost = 0.8", "cost = -1", "22 line.ix.cost: -1 is not a number from 0 up"),
        ('group = "sh-jp"', 'group = "pacific"', '19 line.ix.group: "pacific" is already the name of a line'),
        ("[line.pacific]", "[line.jp]", '25 line.jp: "jp" is already the name of a node'),
        ("[node.jp]", "[node.shanghai]\n[node.jp]", '5 node.shanghai: "shanghai" is already the name of an ingress'),
        ("[ingress.shanghai]\noption-of-tomorrow = 1", "[ingress]\nshanghai = 1", "4 ingress.shanghai: is not a table"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_with_its_line(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in GOOD
    found = mistakes(tmp_path, GOOD.replace(old, new, 1))
    assert any(mistake.startswith(expected) for mistake in found), found


def test_all_mistakes_are_told_at_once_and_in_order(tmp_path: Path) -> None:
    text = (
        GOOD.replace("cost = 0.8", "cost = -1").replace("exit = true", "exit = 1").replace("version = 1", "version = 7")
    )
    assert [mistake.split()[1] for mistake in mistakes(tmp_path, text)][:2] == ["version:", "node.us.exit:"]
    assert mistakes(tmp_path, text)[-1].startswith("22 line.ix.cost")


def test_a_mistake_in_a_node_makes_none_in_its_lines(tmp_path: Path) -> None:
    assert len(mistakes(tmp_path, GOOD.replace('"us.example:48350"', '"us.example"'))) == 1


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a = 1\na = 2", "paths.toml:2: is not TOML: Cannot overwrite a value"),
        (b"\na =", "paths.toml:2: is not TOML: Invalid value;"),
        (b"\nx = '\xff'", "paths.toml:2: is not UTF-8 text"),
        (b"x = " + b"[" * 100_000, "is nested too deeply"),
        (b"\nx = 1" + b"0" * 5000, "paths.toml:2: has a number of more than 4,300 digits"),
        (b"node = 5\nversion = 1", "paths.toml:1: node: is not a table"),
    ],
)
def test_a_file_that_is_not_toml_is_told_so(tmp_path: Path, data: bytes, expected: str) -> None:
    path = tmp_path / "paths.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        load_network(path)
    assert expected in str(caught.value)


def test_a_file_that_is_not_there_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="absent: there is no such file; name it with --config"):
        load_network(tmp_path / "absent")
    with pytest.raises(ConfigError, match="is a folder and no file"):
        load_network(tmp_path)


def test_what_the_file_holds_cannot_break_the_line(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace('to = "jp"', r'to = "a\nb\u001b"').replace("cost", r'"c\nost"'))
    with pytest.raises(ConfigError) as caught:
        load_network(path)
    assert all(line.isprintable() for line in str(caught.value).splitlines())
    assert len(str(caught.value).splitlines()) == len(caught.value.mistakes) == 2


def test_a_node_is_found_or_its_neighbour_named(tmp_path: Path) -> None:
    network = load_network(write(tmp_path, GOOD))
    assert find_node(network, "jp").name == "jp"
    with pytest.raises(OperatorError, match=r'no node "jpp" .* did you mean "jp"'):
        find_node(network, "jpp")
    with pytest.raises(OperatorError, match="run: ingress serve shanghai"):
        find_node(network, "shanghai")


def test_secrets_are_read_from_files_of_ours_and_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "password"
    write_private(path, "geheim ü\n".encode())
    assert read_secret(Secret(file=str(path))) == "geheim ü"
    write_private(path, b"\xef\xbb\xbfgeheim\r\n")  # as Notepad saves it
    assert read_secret(Secret(file=str(path))) == "geheim"
    path.chmod(0o644)
    with pytest.raises(OperatorError, match="chmod 600"):
        read_secret(Secret(file=str(path)))
    write_private(path, b"\xff")
    with pytest.raises(OperatorError, match="is not UTF-8"):
        read_secret(Secret(file=str(path)))
    monkeypatch.setenv("A_PASSWORD", "p")
    assert read_secret(Secret(env="A_PASSWORD")) == "p"
    monkeypatch.delenv("A_PASSWORD")
    with pytest.raises(OperatorError, match="the environment has no A_PASSWORD"):
        read_secret(Secret(env="A_PASSWORD"))


@pytest.mark.parametrize(
    ("line", "written", "expected"),
    [
        ("pacific", "", True),
        ("pacific", "udp = false", False),
        ("pacific", 'udp = "udp.example:9"', Address("udp.example", 9)),
        ("ix", "", False),
        ("ix", 'udp = "203.0.113.10:48350"', Address("203.0.113.10", 48350)),
    ],
)
def test_where_datagrams_of_a_line_go(tmp_path: Path, line: str, written: str, expected: Address | bool) -> None:
    network = load_network(write(tmp_path, GOOD.replace(f"[line.{line}]\n", f"[line.{line}]\n{written}\n")))
    assert network.lines[line].udp == expected
    plain = load_network(write(tmp_path, GOOD))
    assert [network.digest_for(node) for node in ("jp", "us")] == [plain.digest_for(node) for node in ("jp", "us")]


def test_a_line_that_is_walked_back_leads_to_the_node_itself(tmp_path: Path) -> None:
    with_udp = GOOD.replace("[line.pacific]\n", '[line.pacific]\nudp = "udp.example:9"\n')
    network = load_network(write(tmp_path, with_udp))
    (forth,), (back,) = hops_from(network, "jp"), hops_from(network, "us")
    assert (forth.udp, back.udp) == (Address("udp.example", 9), True)
    deaf = load_network(write(tmp_path, with_udp.replace('"udp.example:9"', "false")))
    assert [next(iter(hops_from(deaf, node))).udp for node in ("jp", "us")] == [False, False]


@pytest.mark.parametrize("word", UdpFilter)
def test_from_whom_an_exit_takes_replies(tmp_path: Path, word: UdpFilter) -> None:
    network = load_network(write(tmp_path, GOOD.replace("exit = true\n", f'exit = true\nudp_filter = "{word}"\n')))
    assert network.nodes["us"].udp_filter is word
    assert network.nodes["jp"].udp_filter is UdpFilter.NONE


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("exit = true\n", 'exit = true\nudp_filter = "all"\n', '"all" is no filter of replies'),
        ("exit = true\n", "exit = true\nudp_filter = true\n", "true is no filter of replies"),
        ("[line.ix]\n", "[line.ix]\nudp = true\n", "no datagrams go through a proxy"),
        ("[line.ix]\n", "[line.ix]\nudp = 7\n", "7 is not"),
    ],
)
def test_what_is_wrong_about_datagrams(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert said in "\n".join(mistakes(tmp_path, GOOD.replace(old, new, 1)))
