from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.config import DatagramForward, Forward, load, read_file
from ingress.config.rule import NamePattern, PortRange
from ingress.lists.entries import Scope
from relay.config import ConfigError
from relay.config.values import cidr
from relay.model.limits import Limits
from relay.model.network import Address

SAMPLE = Path(__file__).parents[3] / "paths.toml"

NODES = """\
[node.jp]
address = "203.0.113.10:1"
[node.us]
address = "203.0.113.20:1"
exit = true
[line.ix]
from = "sh"
to = "jp"
[line.pacific]
from = "jp"
to = "us"
"""
DOOR = '[ingress.sh]\nlisten = "127.0.0.1:1080"\n'
GOOD = "version = 1\n" + DOOR + NODES


def write(folder: Path, text: str) -> Path:
    path = folder / "paths.toml"
    path.write_text(text)
    return path


def mistakes(folder: Path, text: str, name: str | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(write(folder, text), name)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_the_example_is_right_and_each_of_its_comments_too(tmp_path: Path) -> None:
    found = read_file(SAMPLE)
    assert found.warnings == ()
    paths = [path.name for path in found.paths["shanghai"].used]
    assert paths[:3] == ["direct", "ix-dmit/dmit-pacific", "ix-dmit/dmit-nube"]
    commented = [line.removeprefix("# ") for line in SAMPLE.read_text().splitlines()]
    whole = [line for line in commented if " = " in line.split("#")[0] or line.startswith("[")]
    assert read_file(write(tmp_path, "\n".join(whole))).limits == Limits()


def test_the_least_file_has_all_defaults(tmp_path: Path) -> None:
    config = load(write(tmp_path, GOOD))
    assert (config.name, config.listen) == ("sh", (Address("127.0.0.1", 1080),))
    assert (config.users, config.clients, config.answer, config.via) == (None, (), "auto", None)
    assert (config.forwards, config.rules, config.limits, config.warnings) == ((), (), Limits(), ())
    assert config.state is None
    assert [path.name for path in config.paths.used] == ["ix/pacific"]


def test_everything_is_read(tmp_path: Path) -> None:
    text = GOOD.replace(DOOR, """
        [ingress.sh]
        listen = ["0.0.0.0:1080", "[::]:1080"]
        users = "users.toml"
        clients = "192.168.1.0/24"
        answer = "true"
        state = "kept"
        via = "gate-1"
        udp = false
        advertise = ["198.51.100.7"]
        [[forward]]
        listen = "127.0.0.1:443"
        protocol = "udp"
        target = "Game.Example:443"
        idle = "2h"
        [[forward]]
        listen = "192.168.1.1:443"
        target = "Game.Example:443"
        clients = ["192.168.1.0/24"]
        ingress = "sh"
        [[rule]]
        host = ["*.Broker.example", "one.example"]
        cidr = "192.0.2.0/24"
        port = [443, 8443]
        user = "bob"
        redundant = true
        [limits]
        handshake = "5s"
        drain = "0s"
        half_closed_idle = "1m"
        kept_idle = "2m"
        keepalive = "30s"
        memory = "1GiB"
        streams = 10
        """)  # fmt: skip
    config, lan = load(write(tmp_path, text), "sh"), cidr("192.168.1.0/24")
    assert config.listen == (Address("0.0.0.0", 1080), Address("::", 1080))
    assert (config.users, config.clients, config.answer) == (tmp_path / "users.toml", (lan,), "true")
    assert (config.via, config.state) == ("gate-1", tmp_path / "kept")
    assert config.forwards == (Forward(Address("192.168.1.1", 443), Address("game.example", 443), (lan,)),)
    udp = DatagramForward(Address("127.0.0.1", 443), Address("game.example", 443), (), 7200.0)
    assert (config.udp, config.advertise, config.datagram_forwards) == (False, ("198.51.100.7",), (udp,))
    assert config.find_listen("127.0.0.1:443") == udp.listen
    (rule,) = config.rules
    assert rule.hosts == (NamePattern(Scope.BELOW, "broker.example"), NamePattern(Scope.COVERED, "one.example"))
    assert (rule.cidrs, rule.users) == ((cidr("192.0.2.0/24"),), ("bob",))
    assert (rule.ports, rule.redundant) == ((PortRange(443, 443), PortRange(8443, 8443)), True)
    assert rule.place.startswith("rule 1 (line ")
    assert config.limits == Limits(5.0, 0.0, 60.0, 120.0, 30.0, 2**30, 10)


FORWARD = '[[forward]]\nlisten = "127.0.0.1:2000"\ntarget = "a.example:1"\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version = 1\n" + NODES, 'ingress: there is no ingress; add [ingress.NAME] with listen = "127.0.0.1:1080"'),
        (GOOD.replace("127.0.0.1", "0.0.0.0"), "ingress.sh.listen: 0.0.0.0:1080 is open to everybody who reaches it"),
        (GOOD.replace('listen = "127.0.0.1:1080"', "listen = []"), "ingress.sh.listen: is missing"),
        (GOOD.replace("127.0.0.1:1080", "127.0.0.1:0"), "ingress.sh.listen: "),
        (GOOD.replace(DOOR, DOOR + 'answer = "always"\n'), 'ingress.sh.answer: "always" is not known'),
        (GOOD.replace(DOOR, DOOR + 'via = "a b"\n'), 'ingress.sh.via: "a b" is not a name'),
        (GOOD.replace(DOOR, DOOR + "anwser = 1\n"), 'ingress.sh.anwser: is not a key here; did you mean "answer"?'),
        (GOOD.replace(DOOR, DOOR + 'clients = ["10.0.0.1/8"]\n'), "ingress.sh.clients[0]: "),
        (GOOD + FORWARD.replace("127.0.0.1", "192.0.2.1"), "forward[0].listen: 192.0.2.1:2000 is open to everybody"),
        (GOOD + FORWARD.replace("2000", "1080"), "forward: 127.0.0.1:1080 is taken: the same program listens at"),
        (GOOD + FORWARD + 'idle = "1m"\n', 'forward[0].idle: is not a key here'),
        (GOOD + FORWARD + 'protocol = "sctp"\n', 'forward[0].protocol: "sctp" is not known'),
        (GOOD + (FORWARD + 'protocol = "udp"\n') * 2, "forward: 127.0.0.1:2000 is taken: the same program listens at"),
        (GOOD.replace(DOOR, DOOR + 'advertise = "a.example"\n'), "ingress.sh.advertise: "),
        (GOOD + FORWARD + 'ingress = "sx"\n', 'forward[0].ingress: there is no ingress "sx"'),
        (GOOD + "[[forward]]\n", "forward[0].target: is missing"),
        (GOOD + "[forward]\n", "forward: is not a list of tables; write [[forward]] above it"),
        (GOOD + "forward = [1]\n", "line.pacific.forward: is not a key here"),
        (GOOD + '[[rule]]\nhost = "a.example"\n', "rule[0]: the rule does nothing; write exit, via, chain, direct,"),
        (GOOD + '[[rule]]\nexit = ["uss"]\n', 'rule[0].exit: there is no exit "uss"; did you mean "us"?'),
        (GOOD + '[[rule]]\nexit = "jp"\n', 'rule[0].exit: "jp" is no exit; write exit = true at node.jp'),
        (GOOD + "[[rule]]\nexit = []\n", "rule[0].exit: an empty list of exits lets nothing through"),
        *(
            (GOOD + f"[[rule]]\ndeny = true\n{condition} = []\n", f"rule[0].{condition}: is empty")
            for condition in ("host", "cidr", "country", "client", "user", "port", "protocol", "listen")
        ),
        (GOOD + '[[rule]]\ndeny = true\nuser = ""\n', "rule[0].user: is empty; write what it is to be"),
        (GOOD + '[[allowance]]\nuser = "bob"\nclient = []\nstreams = 5\n', "allowance[0].client: is empty"),
        (GOOD + '[[rule]]\nexit = "us"\ndeny = true\n', "rule[0].deny: the rule has exit already"),
        (GOOD + '[[rule]]\ndirect = false\n', "rule[0].direct: false says nothing"),
        (GOOD + '[[rule]]\ndeny = "never"\n', 'rule[0].deny: "never" is no way to deny'),
        (GOOD + "[[rule]]\ndeny = true\nredundant = true\n", "rule[0].redundant: what is denied is not carried"),
        (GOOD + '[[rule]]\nredundant = true\nelse = "any"\n', "rule[0].else: is for rules that leave some exits"),
        (GOOD + '[[rule]]\nvia = ["directt"]\n', 'rule[0].via: "directt" is no line, node or group of either'),
        (GOOD + "[[rule]]\nvia = []\n", "rule[0].via: an empty list lets nothing through"),
        (GOOD + '[[rule]]\nvia = ["us", "us"]\n', "rule[0].via: no path follows it (from sh: "),
        (GOOD + '[[rule]]\nvia = "us"\nexit = "us"\n', "rule[0].via: the rule has exit already"),
        (GOOD + '[[rule]]\nchain = "jp"\n', 'rule[0].chain: there is no chain "jp"; write [[chain]] with name = "jp"'),
        (GOOD + '[[chain]]\nname = "jp"\nvia = "us"\n[[rule]]\nchain = "jpp"\n', 'rule[0].chain: there is no chain'),
        (GOOD + '[[chain]]\nname = "jp"\nvia = "us"\n' * 2, 'chain[1].name: "jp" is already the name of another'),
        (GOOD + '[[rule]]\navoid = "nobody"\n', 'rule[0].avoid: "nobody" is no line, node, group of either'),
        (GOOD + "[[rule]]\navoid = []\n", "rule[0].avoid: an empty list avoids nothing"),
        (GOOD + '[[rule]]\ndirect = true\navoid = "us"\n', "rule[0].avoid: what goes direct goes over no line"),
        (GOOD + '[[rule]]\ndeny = true\navoid = "us"\n', "rule[0].avoid: what is denied is not carried"),
        (GOOD + '[[rule]]\ncountry = "China"\ndeny = true\n', 'rule[0].country: "China" is not a country'),
        (GOOD + '[[rule]]\ncountry = "cn"\ndeny = true\n', "rule[0].country: there is no database of countries"),
        (GOOD + "[[rule]]\ndirect = true\nredundant = true\n", "rule[0].redundant: what goes direct goes over no line"),
        (GOOD + '[[rule]]\ndeny = true\nport = "70000-80000"\n', 'rule[0].port: "70000-80000" is not a range'),
        (
            GOOD.replace('listen = "127.0.0.1:1080"', 'listen = { name = "us" }'),
            "ingress.sh.listen: an address to listen at without one",
        ),
        (
            GOOD.replace('listen = "127.0.0.1:1080"', 'listen = { adress = "127.0.0.1:1" }'),
            'ingress.sh.listen: "adress" is not a key of an address to listen at',
        ),
        (
            GOOD.replace(
                'listen = "127.0.0.1:1080"',
                'listen = [{ address = "127.0.0.1:1", name = "a" }, { address = "127.0.0.1:2", name = "a" }]',
            ),
            'ingress.sh.listen: two addresses are named "a"',
        ),
        (GOOD + '[[rule]]\ndeny = true\nhost = "1.2.3.4"\n', 'rule[0].host: "1.2.3.4" is an address; write cidr = "1'),
        (
            GOOD + '[[rule]]\ndeny = true\nhost = "a.example:443"\n',
            'rule[0].host: "a.example:443" has a port; write host = "a.example" and port = 443',
        ),
        (
            GOOD + '[[rule]]\ndeny = true\nhost = "1.2.3.4:443"\n',
            'rule[0].host: "1.2.3.4:443" has a port; write cidr = "1.2.3.4" and port = 443',
        ),
        (
            GOOD + '[[rule]]\ndeny = true\nhost = "https://a.example:8443/b?c"\n',
            'rule[0].host: "https://a.example:8443/b?c" is a URL; write host = "a.example"',
        ),
        (GOOD + '[[rule]]\ndeny = true\nhost = "."\n', 'rule[0].host: "." is neither a host name nor an address'),
        (GOOD + '[[rule]]\ndeny = true\nhost = "a:b:c"\n', 'rule[0].host: "a:b:c" is neither a host name nor an'),
        (
            GOOD + '[[rule]]\ndeny = true\nhost = "fe80::1%eth0"\n',
            'rule[0].host: "fe80::1%eth0" is an address; write cidr = "fe80::1"',
        ),
        (
            GOOD + '[[rule]]\ndeny = true\ncidr = "fe80::%eth0/64"\n',
            'rule[0].cidr: "fe80::%eth0/64" has a zone, which targets and clients are told without; write "fe80::/64"',
        ),
        (
            GOOD + '[[rule]]\ndeny = true\nuser = "*"\n',
            'rule[0].user: "*" is nobody\'s name; leave user out, or name some',
        ),
        (
            GOOD + '[[rule]]\ndeny = true\nhost = { url = "https://a.example/", every = "9999999d" }\n',
            'rule[0].host: every = "9999999d" is too seldom',
        ),
        (GOOD + '[[allowance]]\nuser = "*"\nrate = {}\n', "allowance[0].rate: bounds neither way; write "),
        (GOOD + '[[rule]]\nanswer = "aggregate"\n', "rule[0].answer: aggregate is a word for later"),
        (GOOD + '[[rule]]\ndeny = true\nport = "9-1"\n', 'rule[0].port: "9-1" is not a range of ports'),
        (GOOD + '[[rule]]\ndeny = true\nport = "web"\n', 'rule[0].port: "web" is not a range of ports'),
        (GOOD + '[[rule]]\ndeny = true\nlisten = "us"\n', 'rule[0].listen: no address to listen at is named "us"'),
        (GOOD + "[[rule]]\ndeny = true\nlisten = 9\n", "rule[0].listen: no ingress listens at port 9"),
        (GOOD + '[[rule]]\ndeny = true\nprotocol = "icmp"\n', 'rule[0].protocol: "icmp" is not known'),
        (GOOD + '[[rule]]\ndeny = true\nhost = { uri = "x" }\n', 'rule[0].host: "uri" is not a key of a list'),
        (GOOD + '[[rule]]\ndeny = true\nhost = { url = "x" }\n', 'rule[0].host: "x" is no URL of a list'),
        (GOOD + '[[rule]]\ndeny = true\nhost = { url = "https://a..b/" }\n', 'rule[0].host: "https://a..b/" is no URL'),
        (
            GOOD + '[[rule]]\ndeny = true\nhost = { url = "https://me:secret@a.example/" }\n',
            "rule[0].host: a URL with a name or a password, which are not sent",
        ),
        (GOOD + '[[rule]]\ndeny = true\nhost = { url = "http://a:x/" }\n', 'rule[0].host: "http://a:x/" is no URL'),
        (
            GOOD + '[[rule]]\ndeny = true\nhost = { url = "http://a/", every = "1s" }\n',
            'rule[0].host: every = "1s" is too often',
        ),
        (GOOD + '[[rule]]\ndeny = true\nhost = { url = "http://a/", file = "b" }\n', "rule[0].host: a list with a"),
        (GOOD + '[[rule]]\ndeny = true\nhost = { file = "b", every = "1d" }\n', "rule[0].host: only what is fetched"),
        (GOOD + "[[rule]]\ndeny = true\nhost = {}\n", "rule[0].host: a list without a file"),
        (GOOD + '[[rule]]\ndeny = true\nhost = { file = "x", format = "y" }\n', 'rule[0].host: "y" is not known'),
        (
            GOOD + '[[rule]]\ndeny = true\nhost = { file = "x", format = "plain", name = "cn" }\n',
            "rule[0].host: plain has no lists with names",
        ),
        (
            GOOD + '[[rule]]\ndeny = true\nhost = { file = "x", format = "plain", attributes = "cn" }\n',
            "rule[0].host: only geosite and v2fly have attributes",
        ),
        (
            GOOD + '[[rule]]\nname = "a"\ndeny = true\n' * 2,
            'rule[1].name: "a" is already the name of rule 1',
        ),
        (GOOD + '[[rule]]\nredundant = true\nhost = "*x.example"\n', 'rule[0].host: "*x.example" has its * in'),
        (GOOD + '[[rule]]\nredundant = true\nhost = "::1"\n', 'rule[0].host: "::1" is an address; write cidr = "::1"'),
        (GOOD + "[[rule]]\nredundant = true\nport = [1, 0]\n", "rule[0].port[1]: 0 is not a whole number"),
        (GOOD + '[[allowance]]\nstreams = 3\n', "allowance[0]: it does not say for whom it is"),
        (GOOD + '[[allowance]]\nuser = "*"\n', "allowance[0]: it bounds nothing; write rate, streams, associ"),
        (GOOD + '[[allowance]]\nuser = "*"\nrate = { upp = "1Mbit/s" }\n', 'allowance[0].rate: "upp" is no direction'),
        (GOOD + '[[allowance]]\nuser = "*"\nrate = "fast"\n', 'allowance[0].rate: "fast" is not a rate'),
        (GOOD + '[[allowance]]\nuser = "*"\nstreams = -1\n', "allowance[0].streams: -1 is not a whole number"),
        (GOOD + "[[chainn]]\n", "chainn: is not a key here; did you mean \"chain\"?"),
        (GOOD + "[limits]\ndrain = 10\n", "limits.drain: 10 is not a duration"),
        (GOOD + '[limits]\nkeepalive = "10ms"\n', 'limits.keepalive: "10ms" is no time that the kernel takes'),
        (GOOD + '[limits]\nhandshake = "0s"\n', 'limits.handshake: "0s" is no time at all'),
        (GOOD + '[limits]\nmemory = "64KiB"\n', 'limits.memory: "64KiB" is too little'),
        (GOOD + '[limits]\nstream = 1\n', 'limits.stream: is not a key here; did you mean "streams"?'),
        (GOOD.replace("exit = true\n", ""), "ingress.sh: no path leads from here to an exit; write exit = true"),
        (GOOD.replace('"jp"\nto = "us"', '"us"\nto = "jp"'), "ingress.sh: no path leads from here to an exit; add"),
    ],
)  # fmt: skip
def test_each_mistake_is_told(tmp_path: Path, text: str, expected: str) -> None:
    found = mistakes(tmp_path, text)
    assert any(mistake.startswith(expected) for mistake in found), found


def test_mistakes_in_every_table_are_told_together(tmp_path: Path) -> None:
    text = GOOD.replace("exit = true", "exit = 1") + "[limits]\nx = 1\n[[rule]]\n[[forward]]\n[y]\n"
    places = {mistake.split(":")[0] for mistake in mistakes(tmp_path, text)}
    assert places == {"node.us.exit", "limits.x", "rule[0]", "forward[0].listen", "forward[0].target", "y"}


TWO = GOOD.replace(DOOR, DOOR + '[ingress.bj]\nlisten = "127.0.0.1:1080"\n') + '[line.bj-us]\nfrom = "bj"\nto = "us"\n'


def test_of_several_ingresses_one_is_named(tmp_path: Path) -> None:
    assert mistakes(tmp_path, TWO) == ["ingress: there are 2 of them; name one: sh, bj"]
    assert mistakes(tmp_path, TWO, "shh") == ['ingress: there is no ingress "shh"; did you mean "sh"?']
    assert mistakes(tmp_path, TWO, "us") == ['ingress: "us" is a node, not an ingress; run: relay serve us']
    assert [path.name for path in load(tmp_path / "paths.toml", "bj").paths.used] == ["bj-us"]


def test_a_forward_belongs_to_one_of_several_ingresses(tmp_path: Path) -> None:
    assert mistakes(tmp_path, TWO + FORWARD, "bj") == [
        "forward[0].ingress: is missing; say at which it listens: sh, bj"
    ]
    write(tmp_path, TWO + FORWARD + 'ingress = "bj"\n')
    assert load(tmp_path / "paths.toml", "sh").forwards == ()
    assert len(load(tmp_path / "paths.toml", "bj").forwards) == 1


def test_one_ingress_without_an_exit_is_named(tmp_path: Path) -> None:
    text = TWO.replace('from = "bj"', 'from = "jp"')
    assert mistakes(tmp_path, text, "sh") == [
        "ingress.bj: no path leads from here to an exit; add lines that lead to us"
    ]


def warnings(folder: Path, text: str) -> tuple[str, ...]:
    return load(write(folder, text)).warnings


def test_nodes_and_lines_that_no_path_takes_are_warned_of(tmp_path: Path) -> None:
    unused = GOOD + '[node.eu]\naddress = "a:1"\n[line.back]\nfrom = "us"\nto = "jp"\n'
    node, line = warnings(tmp_path, unused)
    assert node.startswith("node.eu: no path goes through it")
    assert line.startswith("line.back: no path walks it")


def test_a_redundant_rule_needs_two_paths_that_share_no_line(tmp_path: Path) -> None:
    rule = "[[rule]]\nredundant = true\n"
    (warning,) = warnings(tmp_path, GOOD + '[line.second]\nfrom = "jp"\nto = "us"\n' + rule)
    assert warning.startswith("ingress.sh: a rule asks for redundant streams")
    assert warnings(tmp_path, GOOD + '[line.direct]\nfrom = "sh"\nto = "us"\n' + rule) == ()


QUOTA = 'from = "jp"\nto = "us"\nquota = { amount = "1TB"%s }'
SECOND = '[ingress.bj]\nlisten = "127.0.0.1:1081"\n[line.other]\nfrom = "bj"\nto = "jp"\n'


def test_what_an_earlier_allowance_takes_whole_is_warned_of(tmp_path: Path) -> None:
    def allowances(*whose: str) -> tuple[str, ...]:
        good = GOOD.replace(DOOR, DOOR + 'users = "users.toml"\n')
        return warnings(tmp_path, good + "".join(f"[[allowance]]\n{one}\nstreams = 1\n" for one in whose))

    (warning,) = allowances('user = "*"', 'user = "ann"')
    assert warning.startswith("allowance 2 (line ") and "is never reached: allowance 1 (line " in warning
    (warning,) = allowances('client = "10.0.0.0/8"', 'client = ["10.1.0.0/16", "10.2.3.4"]\nuser = "ann"')
    assert "never reached" in warning
    for whose in (
        ('user = "ann"', 'user = "*"'),
        ('client = "10.0.0.0/8"', 'user = "ann"'),
        ('user = "ann"\nclient = "10.0.0.0/8"', 'user = "ann"'),
        ('user = "ann"', 'client = "10.0.0.0/8"'),
    ):
        assert allowances(*whose) == ()


@pytest.mark.parametrize("table", ["rule", "allowance"])
def test_what_is_for_users_where_nobody_logs_in_is_warned_of(tmp_path: Path, table: str) -> None:
    said = f'[[{table}]]\nuser = "ann"\n' + ("deny = true\n" if table == "rule" else "streams = 1\n")
    (warning,) = warnings(tmp_path, GOOD + said)
    assert warning.startswith(f"{table} 1 (line ")
    assert warning.endswith('is for users, and nobody logs in: write users = "users.toml" at the ingress')
    assert warnings(tmp_path, GOOD.replace(DOOR, DOOR + 'users = "users.toml"\n') + said) == ()


def test_a_rule_that_avoids_the_exits_that_it_names_is_warned_of(tmp_path: Path) -> None:
    (warning,) = warnings(tmp_path, GOOD + '[[rule]]\nexit = "us"\navoid = "us"\n')
    assert warning.startswith("rule 1 (line ") and "leaves no path of sh" in warning


def test_a_quota_of_a_month_without_a_day_is_warned_of(tmp_path: Path) -> None:
    (warning,) = warnings(tmp_path, GOOD.replace('from = "jp"\nto = "us"', QUOTA % ""))
    assert warning.startswith("line.pacific.quota: no day is said, so that it begins on the 1st; write day = 5")
    for said in (", day = 1", ', each = "day"'):
        assert warnings(tmp_path, GOOD.replace('from = "jp"\nto = "us"', QUOTA % said)) == ()


def test_each_of_several_ingresses_over_a_quota_has_its_share(tmp_path: Path) -> None:
    for said in ("", ", share = { sh = 0.5 }"):
        (told,) = mistakes(
            tmp_path, GOOD.replace('from = "jp"\nto = "us"', QUOTA % (", day = 5" + said)) + SECOND, "sh"
        )
        assert told == (
            "line.pacific.quota: sh and bj use this line, and each counts its own part alone; "
            "say what part each may use: share = { sh = 0.5, bj = 0.5 }"
        )
    whole = GOOD.replace('from = "jp"\nto = "us"', QUOTA % ", day = 5, share = { sh = 0.7, bj = 0.3 }") + SECOND
    found = load(write(tmp_path, whole), "bj").network.lines["pacific"].quota
    assert found is not None and found.share("bj") == 0.3
    rated = GOOD.replace('from = "jp"\nto = "us"', 'from = "jp"\nto = "us"\nquota = { counts = "p95", day = 5 }')
    assert load(write(tmp_path, rated + SECOND), "sh").warnings == ()


def test_more_paths_than_are_used_are_warned_of(tmp_path: Path) -> None:
    lines = "".join(f'[line.a{count}]\nfrom = "sh"\nto = "us"\n' for count in range(66))
    (warning,) = warnings(tmp_path, GOOD + lines)
    assert "67 paths lead to exits, the 64 with the fewest lines are used and 3 are spare" in warning


def test_more_paths_than_are_looked_for_are_warned_of_and_of_the_others_nothing_is_said(tmp_path: Path) -> None:
    lines = "".join(
        f'[line.a{count}]\nfrom = "sh"\nto = "jp"\n[line.b{count}]\nfrom = "jp"\nto = "us"\n' for count in range(40)
    )
    (warning,) = warnings(tmp_path, GOOD + lines)
    assert "more than 1000 paths lead to exits" in warning and "936 are spare; all behind a" in warning
    assert "are left out, and lines and nodes that only they use" in warning


@given(st.lists(st.sampled_from((GOOD + FORWARD + "[[rule]]\n[limits]\n").splitlines()), max_size=20))
def test_any_jumble_of_lines_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    path = write(tmp_path_factory.getbasetemp(), "\n".join(lines))
    try:
        read_file(path)
    except ConfigError as error:
        assert error.mistakes


def test_what_goes_direct_and_may_not_be_dialled_from_here_is_named(tmp_path: Path) -> None:
    rule = '[[rule]]\nname = "lan"\ncidr = ["192.168.0.0/16", "8.8.8.0/24", "fd00::1/128"]\ndirect = true\n'
    lan, own = warnings(tmp_path, GOOD + rule)
    assert lan.startswith("rule lan: sends 192.168.0.0/16 direct, and sh may not dial that: it is refused")
    assert 'allow = [{ cidr = "fd00::1/128"' in own
    opened = GOOD.replace("[node.", 'allow = [{ cidr = "192.168.1.0/24", reason = "r" }]\n[node.', 1)
    (only,) = warnings(tmp_path, opened + rule)
    assert "fd00::1/128" in only
    assert warnings(tmp_path, GOOD + rule.replace("direct", 'exit = "us" # ', 1)) == ()


def test_f7_a_range_that_is_allowed_in_vain_is_named(tmp_path: Path) -> None:
    allow = 'allow = [{ cidr = "::1/128", reason = "r" }, { cidr = "fe80::/64", reason = "r" }]\n'
    (warning,) = warnings(tmp_path, GOOD.replace("exit = true\n", "exit = true\n" + allow))
    assert warning.startswith("node.us.allow: fe80::/64 does nothing: a link-local IPv6 address is reached by its zone")
