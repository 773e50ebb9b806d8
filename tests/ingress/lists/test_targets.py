"""A list is asked as its entries say, read one by one."""

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from ingress.lists.entries import Entries, Scope
from ingress.lists.targets import TargetSet

LABELS = st.sampled_from(["a", "b", "cn", "com", "xn--fiqs8s", "a-b"])
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
ENTRIES = st.lists(st.tuples(st.sampled_from(Scope), NAMES), max_size=12)
NETWORKS = st.one_of(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(
        lambda pair: ipaddress.ip_network((pair[0], pair[1]), strict=False)
    ),
    st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 128)).map(
        lambda pair: ipaddress.ip_network((pair[0], pair[1]), strict=False)
    ),
)


def stands_for(scope: Scope, entry: str, name: str) -> bool:
    """The meaning of one entry, label by label."""
    own, others = entry.split("."), name.split(".")
    more = len(others) - len(own)
    if more < 0 or others[more:] != own:
        return False
    return {Scope.ITSELF: more == 0, Scope.COVERED: True, Scope.BELOW: more > 0, Scope.ONE_BELOW: more == 1}[scope]


def make(names: list[tuple[Scope, str]], excepted: list[tuple[Scope, str]] | None = None) -> Entries:
    entries = Entries()
    for scope, name in names:
        assert entries.add_name(scope, name)
    for scope, name in excepted or []:
        assert entries.except_name(scope, name)
    return entries


@given(names=ENTRIES, excepted=ENTRIES, asked=NAMES)
def test_a_name_is_on_the_list_if_an_entry_stands_for_it_and_no_exception(
    names: list[tuple[Scope, str]], excepted: list[tuple[Scope, str]], asked: str
) -> None:
    targets = TargetSet(make(names, excepted))
    expected = any(stands_for(*entry, asked) for entry in names) and not any(
        stands_for(*entry, asked) for entry in excepted
    )
    assert (targets.find_name(asked) is not None) == expected


@given(names=ENTRIES, asked=NAMES)
def test_what_is_told_is_an_entry_that_stands_for_the_name(names: list[tuple[Scope, str]], asked: str) -> None:
    found = TargetSet(make(names)).find_name(asked)
    spelled = {
        {
            Scope.ITSELF: f"={name}",
            Scope.COVERED: name,
            Scope.BELOW: f"*.{name}",
            Scope.ONE_BELOW: f"*.{name} (one level)",
        }[scope]
        for scope, name in names
        if stands_for(scope, name, asked)
    }
    assert found is None if not spelled else found in spelled


@given(networks=st.lists(NETWORKS, max_size=20), number=st.integers(0, 2**128 - 1), data=st.data())
def test_an_address_is_on_the_list_if_a_network_has_it(
    networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network], number: int, data: st.DataObject
) -> None:
    entries = Entries()
    for network in networks:
        assert entries.add_network(str(network))
    edges = [int(network.network_address) + step for network in networks for step in (-1, 0)]
    edges += [int(network.broadcast_address) + step for network in networks for step in (0, 1)]
    number = data.draw(st.sampled_from([number, *edges]))
    addresses = [
        ipaddress.IPv4Address(number % 2**32),
        ipaddress.IPv6Address(number % 2**128),
    ]
    targets = TargetSet(entries)
    mapped = [ipaddress.ip_network(str(one)) for one in entries.networks]
    for address in addresses:
        expected = any(address in network for network in mapped if network.version == address.version)
        assert targets.has_address(address) == expected


def test_keywords_and_expressions_are_asked_last_and_named() -> None:
    entries = make([(Scope.COVERED, "b.com")])
    entries.keywords.append("ads")
    entries.patterns.append(r"^r\d+\.")
    targets = TargetSet(entries)
    assert targets.find_name("ads.b.com") == "b.com"
    assert targets.find_name("x.ads.net") == "keyword ads"
    assert targets.find_name("r12.net") == r"regular expression ^r\d+\."
    assert targets.find_name("r.net") is None
    assert targets.slow == 2


def test_an_expression_that_is_none_is_left_out_and_named() -> None:
    entries = Entries()
    entries.patterns += ["(", "(?<=x)y", "x" * 2000, "[a-z]{1,1000}{1,1000}"]
    targets = TargetSet(entries)
    assert len(targets.left_out) == 4
    assert targets.find_name("xy") is None


def test_an_expression_takes_a_time_that_grows_with_the_name() -> None:
    """Python's matcher would need 2^120 steps for this name."""
    entries = Entries()
    entries.patterns.append(r"^(a+)+$")
    assert TargetSet(entries).find_name("a" * 120 + "b.example") is None


def test_what_it_holds_is_counted_by_kind() -> None:
    entries = make([(Scope.COVERED, "b.com"), (Scope.ITSELF, "b.com")])
    assert entries.add_network("10.0.0.0/9")
    assert entries.add_network("10.128.0.0/9")
    assert TargetSet(entries).counts == {"names": 2, "networks": 1}
    assert len(TargetSet(Entries())) == 0
