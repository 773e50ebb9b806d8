"""ConnectTimes, sites, early answers, affinity, rules: what is remembered, for how long, and how much of it."""

import ipaddress

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.choice.affinity import KEEP, MOST, Affinity, is_given_up
from ingress.choice.connect_times import MOST_SITES, MOST_TIMED, PROBES_AT_ONCE, ConnectTimes, Probe
from ingress.choice.reached import Reached
from ingress.choice.rules import Rules
from ingress.choice.sites import parse_target, site_of
from ingress.lru import Lru
from ingress.measure.figures import Source
from relay.model.network import IpNetwork


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("www.Example.com.", "example.com"),
        ("example.com", "example.com"),
        ("localhost", "localhost"),
        ("a.b.example.co.jp", "example.co.jp"),
        ("example.com.cn", "example.com.cn"),
        ("co.jp", "co.jp"),
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


@given(st.text(max_size=30))
def test_any_text_is_a_target_or_an_error(text: str) -> None:
    try:
        host, port = parse_target(text)
    except ValueError:
        return
    assert host and 1 <= port <= 65535


@pytest.mark.parametrize(
    ("port", "reached", "failed", "now", "early"),
    [
        (443, None, None, 0.0, True),
        (8443, None, None, 0.0, True),
        (22, None, None, 0.0, False),
        (22, 0.0, None, 599.0, True),
        (22, 0.0, None, 600.0, False),
        (443, 0.0, 0.0, 59.0, False),
        (443, 0.0, 0.0, 60.0, True),
        (22, 50.0, 0.0, 59.0, False),
    ],
)
def test_early_answers(port: int, reached: float | None, failed: float | None, now: float, early: bool) -> None:
    memory = Reached()
    if reached is not None:
        memory.reached("Example.com", port, reached)
    if failed is not None:
        memory.failed("example.COM", port, failed)
    assert memory.may_answer_early("example.com", port, now) is early


def test_unknown_sites_take_the_median_of_the_exit() -> None:
    targets = ConnectTimes(["us1", "us2", "us3"])
    assert targets.assumed("us1") == 0.0
    for took in (0.01, 0.02, 0.5):
        targets.connected("a.example", "us1", took, 0.0)
    targets.connected("a.example", "us2", 0.04, 0.0)
    assert targets.assumed("us1") == 0.02
    assert targets.assumed("us3") == pytest.approx(0.03)
    assert targets.connect("other.example", "us1").source is Source.ASSUMED


def test_a_used_site_is_known_by_what_its_connects_took() -> None:
    targets = ConnectTimes(["us1", "us2"])
    targets.used("www.example.com", 443, 0.0)
    for took in (0.010, 0.030, 0.012):
        targets.connected("img.example.com", "us1", took, 1.0)
    connect = targets.connect("example.com", "us1")
    assert (connect.time, connect.source) == (0.012, Source.USED)
    assert set(targets.known("x.example.com")) == {"us1"}


def test_a_site_used_three_times_is_timed_once_by_each_other_exit_and_again_ten_minutes_later() -> None:
    targets = ConnectTimes(["us1", "us2", "us3"])
    for at in (0.0, 500.0):
        targets.used("www.example.com", 443, at)
        targets.connected("www.example.com", "us1", 0.01, at)
    assert targets.probes_wanted(500.0) == []
    targets.used("api.example.com", 8443, 590.0)
    wanted = [Probe("us2", "api.example.com", 8443), Probe("us3", "api.example.com", 8443)]
    assert targets.probes_wanted(590.0) == wanted
    assert targets.probes_wanted(591.0) == []
    targets.connected("api.example.com", "us2", 0.02, 592.0, probed=True)
    targets.probe_failed("api.example.com", "us3")
    assert targets.connect("example.com", "us2").source is Source.MEASURED
    assert targets.connect("example.com", "us3").time == 1.0
    assert targets.assumed("us2") == targets.assumed("us1")  # a probe says nothing of other sites
    for at in (1000.0, 1001.0, 1002.0):
        targets.used("www.example.com", 443, at)
    assert {probe.exit for probe in targets.probes_wanted(1191.0)} == {"us1", "us3"}
    assert targets.probes_wanted(1700.0) == []


def test_probes_and_memory_are_bounded() -> None:
    targets = ConnectTimes(["us1", "us2"])
    for number in range(MOST_SITES + 100):
        for _ in range(3):
            targets.used(f"s{number}.test", 443, 0.0)
    assert len(targets._sites) == MOST_SITES
    asked = 0
    while wanted := targets.probes_wanted(1.0):
        assert len(wanted) <= PROBES_AT_ONCE
        asked += len(wanted)
    assert asked == 2 * MOST_TIMED


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=60))
def test_what_was_used_longest_ago_is_forgotten_first(steps: list[tuple[int, bool]]) -> None:
    kept, order = Lru[int, int](4), list[int]()
    for key, is_put in steps:
        if is_put:
            kept.put(key, key)
        assert kept.use(key) == (key if is_put or key in order else None)
        if key in order or is_put:
            order = ([one for one in order if one != key] + [key])[-4:]
    assert [key for key, _ in kept.items()] == order


def test_a_client_keeps_its_exit_for_half_an_hour_after_the_last_use() -> None:
    affinity = Affinity()
    affinity.use("10.0.0.1", "example.com", "us1", 0.0)
    affinity.use("10.0.0.2", "example.com", "us2", 0.0)
    assert affinity.exit("10.0.0.1", "example.com", KEEP - 1) == "us1"
    assert affinity.exit("10.0.0.1", "example.com", KEEP) is None
    assert affinity.exit("10.0.0.3", "example.com", 0.0) is None
    assert affinity.count("example.com", 1.0) == {"us1": 1, "us2": 1}


def test_affinity_is_bounded() -> None:
    affinity = Affinity()
    for number in range(MOST + 5):
        affinity.use(str(number), "example.com", "us1", 0.0)
    assert len(affinity) == MOST
    assert affinity.exit("0", "example.com", 0.0) is None


@pytest.mark.parametrize(
    ("kept", "other", "gives_way"),
    [(0.2, 0.165, False), (0.1, 0.071, False), (0.2, 0.159, True), (0.13, 0.5, False), (0.101, 0.07, True)],
)
def test_an_exit_gives_way_to_one_30_ms_and_20_percent_better(kept: float, other: float, gives_way: bool) -> None:
    assert is_given_up(kept, other) is gives_way


@attrs.frozen
class Rule:
    hosts: tuple[str, ...] = ()
    cidrs: tuple[IpNetwork, ...] = ()
    ports: tuple[int, ...] = ()
    users: tuple[str, ...] = ()
    redundant: bool = True


BROKER = Rule(hosts=("*.broker.example", "bank.example"))
LAN = Rule(cidrs=(ipaddress.ip_network("192.0.2.0/24"), ipaddress.ip_network("2001:db8::/32")))
SSH = Rule(ports=(22,), users=("ann", "bob"), redundant=False)
REST = Rule(ports=(22, 443), redundant=False)


@pytest.mark.parametrize(
    ("host", "port", "user", "expected"),
    [
        ("api.broker.example", 1, "", BROKER),
        ("API.Broker.Example.", 1, "", BROKER),
        ("broker.example", 1, "", None),
        ("notbroker.example", 1, "", None),
        ("bank.example", 443, "", BROKER),
        ("192.0.2.9", 22, "ann", LAN),
        ("2001:db8::1", 9, "", LAN),
        ("192.0.3.9", 9, "", None),
        ("x.example", 22, "ann", SSH),
        ("x.example", 22, "eve", REST),
    ],
)
def test_the_first_rule_that_matches_wins(host: str, port: int, user: str, expected: Rule | None) -> None:
    rules = Rules([BROKER, LAN, SSH, REST])
    assert rules.match(host, port, user) is expected
    assert rules.match(host, port, user) is expected
    assert Rules([]).match(host, port, user) is None
