"""Which rule a connection falls under, against a plain reading of the rules."""

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.choice.rules import Match, Query, Rules
from ingress.config.rule import NamePattern, PortRange, Rule
from ingress.lists.entries import Scope
from ingress.lists.formats import read_list
from ingress.lists.load import Lists, load_lists
from ingress.lists.source import ListSource, LoadedList
from ingress.lists.targets import TargetSet
from relay.model.network import Address
from tests.ingress.lists.test_countries import database

AT, OTHER = Address("127.0.0.1", 1080), Address("::1", 1081)
NAMES = {OTHER: "us"}


def network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text)


def names(*patterns: tuple[Scope, str]) -> tuple[NamePattern, ...]:
    return tuple(NamePattern(*pattern) for pattern in patterns)


def ports(*numbers: int) -> tuple[PortRange, ...]:
    return tuple(PortRange(number, number) for number in numbers)


def matched(rules: Rules, host: str, port: int, user: str = "", **more: object) -> Rule | None:
    found = rules.match(Query(host, port, user=user, **more))  # type: ignore[arg-type]
    return None if found is None else found.rule


BROKER = Rule(
    hosts=names((Scope.BELOW, "broker.example"), (Scope.ITSELF, "bank.example"), (Scope.COVERED, "both.example"))
)
LAN = Rule(cidrs=(network("192.0.2.0/24"), network("2001:db8::/32")))
SSH = Rule(ports=ports(22), users=("ann", "bob"))
REST = Rule(ports=(PortRange(22, 443),))


@pytest.mark.parametrize(
    ("host", "port", "user", "expected"),
    [
        ("api.broker.example", 1, "", BROKER),
        ("API.Broker.Example.", 1, "", BROKER),
        ("broker.example", 1, "", None),
        ("notbroker.example", 1, "", None),
        ("bank.example", 443, "", BROKER),
        ("x.bank.example", 1, "", None),
        ("both.example", 1, "", BROKER),
        ("x.both.example", 1, "", BROKER),
        ("192.0.2.9", 22, "ann", LAN),
        ("0xc0000209", 9, "", LAN),
        ("::ffff:192.0.2.9", 9, "", LAN),
        ("2001:db8::1", 9, "", LAN),
        ("192.0.3.9", 9, "", None),
        ("x.example", 22, "ann", SSH),
        ("x.example", 22, "eve", REST),
        ("x.example", 100, "eve", REST),
        ("x.example", 444, "eve", None),
    ],
)
def test_the_first_rule_that_matches_wins(host: str, port: int, user: str, expected: Rule | None) -> None:
    rules = Rules([BROKER, LAN, SSH, REST])
    assert matched(rules, host, port, user) is expected
    assert matched(rules, host, port, user) is expected  # remembered
    assert matched(Rules([]), host, port, user) is None


def test_who_asks_and_by_which_door_and_protocol() -> None:
    child = Rule(clients=(network("192.168.1.64/26"),), protocols=("udp",))
    landing = Rule(listens=("us",))
    by_port = Rule(listens=(1080,))
    rules = Rules([child, landing, by_port], listen_names=NAMES)
    assert matched(rules, "a.example", 1, client="192.168.1.70", protocol="udp") is child
    assert matched(rules, "a.example", 1, client="::ffff:192.168.1.70", protocol="udp") is child
    assert matched(rules, "a.example", 1, client="192.168.1.70") is None
    assert matched(rules, "a.example", 1, client="192.168.1.7", protocol="udp") is None
    assert matched(rules, "a.example", 1, listen=OTHER) is landing
    assert matched(rules, "a.example", 1, listen=AT) is by_port
    assert matched(rules, "a.example", 1) is None


def test_a_list_is_asked_and_named() -> None:
    source = ListSource(Path("/etc/cn.txt"), "plain")
    entries, format_ = read_list(b"cn\n10.0.0.0/8\n", "plain")
    loaded = LoadedList(source, TargetSet(entries), format_, 0.0, source.file)
    rules = Rules([Rule(lists=(source,), ports=ports(443))], Lists({source: loaded}))
    found = rules.match(Query("www.site.cn", 443))
    assert found is not None
    assert found.because == "cn in cn.txt, port 443"
    assert rules.match(Query("10.1.1.1", 443)) == Match(found.rule, "a network in cn.txt, port 443")
    assert rules.match(Query("www.site.cn", 80)) is None
    assert rules.match(Query("", 443)) is None


def test_a_country_is_that_of_a_literal_address(tmp_path: Path) -> None:
    lists = load_lists([], database(tmp_path))
    rule = Rule(countries=("CN",), hosts=names((Scope.COVERED, "cn")))
    rules = Rules([rule], lists)
    assert rules.match(Query("1.2.3.4", 443)) == Match(rule, "country CN")
    assert rules.match(Query("site.cn", 443)) == Match(rule, "host cn")
    assert rules.match(Query("192.0.2.1", 443)) is None
    assert rules.match(Query("site.example", 443)) is None


def test_a_rule_without_conditions_is_for_everything() -> None:
    rule = Rule(redundant=True)
    assert Rules([rule]).match(Query("a.example", 1)) == Match(rule, "")


def test_a_name_that_is_looked_up_matches_by_what_it_means_and_by_nothing_else() -> None:
    source = ListSource(Path("/etc/nets.txt"), "plain")
    entries, format_ = read_list(b"192.0.2.0/24\n", "plain")
    lists = Lists({source: LoadedList(source, TargetSet(entries), format_, 0.0, source.file)})
    web = Rule(hosts=names((Scope.COVERED, "web.example")))
    near = Rule(cidrs=(network("10.0.0.0/8"),), ports=ports(443), resolve=True)
    listed = Rule(lists=(source,), resolve=True)
    rest = Rule(cidrs=(network("0.0.0.0/0"),))
    rules = Rules([web, near, listed, rest], lists)
    ten, listed_one, other = (ipaddress.ip_address(one) for one in ("10.1.1.1", "192.0.2.1", "8.8.8.8"))
    assert rules.resolve and not Rules([web, rest]).resolve
    assert rules.asking(Query("a.web.example", 443)) == ()
    assert rules.asking(Query("a.example", 443)) == (near, listed)
    assert rules.asking(Query("a.example", 80)) == (listed,)
    assert rules.asking(Query("8.8.8.8", 443)) == ()
    assert rules.match(Query("a.example", 443)) is None
    assert rules.match(Query("a.example", 443, addresses=(other,))) is None  # not even by what is below, unasked
    found = rules.match(Query("a.example", 443, addresses=(other, ten)))
    assert found == Match(near, "cidr, by its address 10.1.1.1, port 443")
    found = rules.match(Query("a.example", 443, addresses=(listed_one,)))
    assert found == Match(listed, "a network in nets.txt, by its address 192.0.2.1")


def test_without_networks_nothing_is_looked_up() -> None:
    source = ListSource(Path("/etc/names.txt"), "plain")
    entries, format_ = read_list(b"a.example\n", "plain")
    lists = Lists({source: LoadedList(source, TargetSet(entries), format_, 0.0, source.file)})
    assert not Rules([Rule(lists=(source,), resolve=True)], lists).resolve


HOSTS = st.sampled_from(["a.cn", "b.a.cn", "cn", "a.com", "10.0.0.1", "10.0.1.1", "2001:db8::1", "A.CN.", "not a host"])
RULES = st.builds(
    Rule,
    hosts=st.lists(
        st.builds(
            NamePattern, st.sampled_from([Scope.ITSELF, Scope.COVERED, Scope.BELOW]), st.sampled_from(["cn", "a.cn"])
        ),
        max_size=2,
    ).map(tuple),
    cidrs=st.lists(st.sampled_from([network("10.0.0.0/24"), network("2001:db8::/32")]), max_size=2).map(tuple),
    ports=st.lists(st.sampled_from([PortRange(1, 80), PortRange(443, 443)]), max_size=2).map(tuple),
    users=st.lists(st.sampled_from(["ann", "bob"]), max_size=2).map(tuple),
    clients=st.lists(st.sampled_from([network("10.9.0.0/16")]), max_size=1).map(tuple),
    resolve=st.booleans(),
)
FOUND = st.lists(st.sampled_from(["10.0.0.1", "10.0.1.1", "2001:db8::1"]), max_size=2)


def holds(rule: Rule, query: Query) -> bool:
    """The same, as plainly as it can be said."""
    host = query.host.lower().rstrip(".")
    inside = False
    for cidr in rule.cidrs:
        try:
            inside |= ipaddress.ip_address(host) in cidr
        except ValueError:
            inside |= rule.resolve and " " not in host and any(one in cidr for one in query.addresses)
    named = any(
        {
            Scope.ITSELF: host == pattern.name,
            Scope.COVERED: host == pattern.name or host.endswith("." + pattern.name),
            Scope.BELOW: host.endswith("." + pattern.name),
        }[pattern.scope]
        for pattern in rule.hosts
    )
    return (
        (not (rule.hosts or rule.cidrs) or inside or named)
        and (not rule.ports or any(one.first <= query.port <= one.last for one in rule.ports))
        and (not rule.users or query.user in rule.users)
        and (not rule.clients or any(ipaddress.ip_address(query.client) in one for one in rule.clients))
    )


@given(
    rules=st.lists(RULES, max_size=5),
    queries=st.lists(
        st.builds(
            Query,
            HOSTS,
            st.sampled_from([1, 80, 443, 500]),
            st.sampled_from(["10.9.1.1", "10.8.1.1"]),
            st.sampled_from(["", "ann", "eve"]),
            addresses=FOUND.map(lambda found: tuple(map(ipaddress.ip_address, found))),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_any_rules_match_as_read_one_by_one(rules: list[Rule], queries: list[Query]) -> None:
    compiled = Rules(rules)
    for query in queries:
        expected = next((rule for rule in rules if holds(rule, query)), None)
        found = compiled.match(query)
        assert (found is None) == (expected is None)
        assert found is None or found.rule == expected


def test_a_client_of_whom_nothing_is_known_is_in_no_network() -> None:
    rules = Rules([Rule(clients=(network("0.0.0.0/0"), network("::/0")))])
    assert matched(rules, "a.example", 1, client="10.0.0.1") is not None
    assert matched(rules, "a.example", 1, client="") is None


LABELS = st.lists(st.sampled_from(["a", "b", "cn"]), min_size=1, max_size=3).map(".".join)
PATTERNS = st.builds(NamePattern, st.sampled_from([Scope.COVERED, Scope.BELOW, Scope.ITSELF]), LABELS)
SOME = st.builds(
    Rule,
    hosts=st.lists(PATTERNS, max_size=2).map(tuple),
    cidrs=st.sampled_from([(), (), (network("10.0.0.0/8"),)]),
    ports=st.sampled_from([(), (), (PortRange(1, 100),)]),
)


@given(
    rules=st.lists(SOME, max_size=6), host=LABELS | st.sampled_from(["10.0.0.1", "11.0.0.1"]), port=st.integers(99, 102)
)
def test_of_many_rules_the_first_that_fits_alone_is_found(rules: list[Rule], host: str, port: int) -> None:
    query = Query(host, port)
    found = Rules(rules).match(query)
    expected = next((rule for rule in rules if Rules((rule,)).match(query) is not None), None)
    assert (None if found is None else found.rule) is expected
