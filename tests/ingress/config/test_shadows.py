"""A rule that is said to be never reached is never reached."""

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from ingress.choice.rules import Query, Rules
from ingress.config.rule import NamePattern, PortRange, Rule
from ingress.config.shadows import shadowed, takes_all_of
from ingress.lists.entries import Scope
from tests.ingress.choice.test_rules import FOUND, HOSTS, RULES, network


@given(
    earlier=RULES,
    later=RULES,
    host=HOSTS,
    port=st.sampled_from([1, 80, 443, 500]),
    user=st.sampled_from(["", "ann"]),
    found=FOUND,
)
def test_what_takes_all_of_another_matches_whenever_that_does(
    earlier: Rule, later: Rule, host: str, port: int, user: str, found: list[str]
) -> None:
    query = Query(host, port, "10.9.1.1", user, addresses=tuple(map(ipaddress.ip_address, found)))
    if takes_all_of(earlier, later) and Rules([later]).match(query) is not None:
        assert Rules([earlier]).match(query) is not None


def test_the_plain_cases() -> None:
    everything = Rule(deny=None, redundant=True)
    cn = Rule(hosts=(NamePattern(Scope.COVERED, "cn"),))
    deeper = Rule(hosts=(NamePattern(Scope.ITSELF, "a.cn"), NamePattern(Scope.BELOW, "b.cn")))
    web, wide = Rule(ports=(PortRange(443, 443),)), Rule(ports=(PortRange(1, 1000),))
    lan, part = Rule(cidrs=(network("10.0.0.0/8"),)), Rule(cidrs=(network("10.1.0.0/16"),))
    for earlier, later in ((everything, cn), (cn, deeper), (wide, web), (lan, part), (cn, cn)):
        assert list(shadowed([earlier, later])) == [(later, earlier)]
        assert earlier is later or list(shadowed([later, earlier])) == []
    assert list(shadowed([cn, lan, web])) == []
