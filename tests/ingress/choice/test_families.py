"""What targets need and exits lack, and how the two are kept apart."""

import pytest

from ingress.choice.choice import Basis
from ingress.choice.chooser import Chooser
from ingress.choice.connect_times import Probe
from ingress.choice.demand import Demand
from ingress.choice.families import BELIEVED, MOST_NAMES, FamilyNeeds
from relay.model.cause import Cause
from relay.model.families import ALL_FAMILIES, Families
from tests.ingress.choice.figures import chooser, figure

V4, V6 = Families.IPV4, Families.IPV6
SIX, FOUR = Demand("2001:4860:4860::8888", 443), Demand("93.184.216.34", 443)
EXITS = ("us", "eu")


def needs(**families: Families) -> FamilyNeeds:
    made = FamilyNeeds()
    made.tell(families)
    return made


@pytest.mark.parametrize(
    ("demand", "exits"),
    [
        (SIX, {"eu"}),
        (FOUR, None),
        (Demand("a.example", 443), None),
        (Demand("fd00::1", 443), None),  # an address of somebody's own network needs no route into the world
        (Demand("2001:4860:4860::8888", 443, exits=frozenset({"us"})), {"us"}),  # it is to say so itself
        (Demand("2001:4860:4860::8888", 443, exits=frozenset({"us", "eu"})), {"eu"}),
    ],
)
def test_f2_a_literal_address_goes_where_its_family_is(demand: Demand, exits: set[str] | None) -> None:
    assert needs(us=V4, eu=ALL_FAMILIES).exits(demand, EXITS, 0.0) == exits


def test_f2_exits_that_tell_nothing_have_both() -> None:
    assert needs().exits(SIX, EXITS, 0.0) is None
    assert needs(us=ALL_FAMILIES, eu=ALL_FAMILIES).exits(SIX, EXITS, 0.0) is None
    assert needs(us=V4).exits(SIX, EXITS, 0.0) == {"eu"}


def test_f2_a_name_is_learnt_from_an_exit_without_its_family_and_forgotten() -> None:
    made, name = needs(us=V4, eu=ALL_FAMILIES), Demand("six.example", 443)
    made.refused(name, "eu", 0.0)
    assert made.needed(name, 0.0) is None  # which has both: no news of families
    made.refused(name, "us", 0.0)
    assert made.needed(name, BELIEVED - 1) is V6
    assert made.exits(name, EXITS, 1.0) == {"eu"}
    assert made.needed(name, BELIEVED) is None
    made.refused(SIX, "us", 0.0)
    assert len(made) == 1


def test_what_is_learnt_is_bounded() -> None:
    made = needs(us=V4)
    for number in range(MOST_NAMES + 3):
        made.refused(Demand(f"{number}.example", 443), "us", 0.0)
    assert MOST_NAMES // 2 < len(made) <= MOST_NAMES


def two_exits() -> Chooser:
    made = chooser(figure("a>us", 100), figure("b>eu", 150))
    made.reload(EXITS)
    made.families.tell({"us": V4, "eu": ALL_FAMILIES})
    return made


def test_f2_the_best_exit_is_passed_by_where_it_has_no_way() -> None:
    made = two_exits()
    found = made.decide(SIX, 1.0)
    assert found is not None
    assert (found.exit, found.basis) == ("eu", Basis.PERMITTED)
    assert [one.exit for one in (made.decide(FOUR, 1.0),) if one is not None] == ["us"]
    made.families.tell({"us": ALL_FAMILIES, "eu": ALL_FAMILIES})
    assert [one.exit for one in (made.decide(SIX, 1.0),) if one is not None] == ["us"]


def test_f2_an_exit_without_the_family_is_no_other_exit() -> None:
    made = two_exits()
    found = made.decide(SIX, 1.0)
    assert found is not None
    assert list(made.at_other_exits(found, 1.0)) == []


def test_f2_only_a_missing_route_tells_of_families() -> None:
    made, name = two_exits(), Demand("six.example", 443)
    made.refused(name, "us", Cause.POLICY, 1.0)
    assert made.families.needed(name, 1.0) is None
    made.refused(name, "us", Cause.NO_ROUTE, 1.0)
    assert made.families.needed(name, 1.0) is V6


def test_f2_what_nobody_can_reach_is_answered_truly() -> None:
    made = two_exits()
    assert made.may_answer_early(SIX, 1.0)
    made.families.tell({"us": V4, "eu": V4})
    assert not made.may_answer_early(SIX, 1.0)
    assert made.may_answer_early(FOUR, 1.0)


def test_f2_a_probe_without_a_route_charges_nobody_and_teaches() -> None:
    made, name = two_exits(), Demand("six.example", 443)
    made.connect_times.used("six.example", 443, 0.0)
    made.probed(Probe("us", "six.example", 443), Cause.NO_ROUTE, 1.0)
    assert made.connect_times.known("www.example") == made.connect_times.known("six.example") == {}
    assert made.families.needed(name, 1.0) is V6
    assert made.families.lacks("us", name, 1.0) == "IPv6"
    assert made.families.lacks("eu", name, 1.0) is None
    made.probed(Probe("eu", "six.example", 443), Cause.NO_ROUTE, 1.0)
    assert set(made.connect_times.known("six.example")) == {"eu"}


def test_f2_no_exit_is_asked_to_time_what_it_has_no_way_to() -> None:
    made = two_exits()
    for _ in range(3):
        found = made.decide(SIX, 0.0)
        assert found is not None
        made.opened(found, 0.0)
    assert {probe.exit for probe in made.probes_wanted(0.0)} == {"eu"}


def test_f1_a_name_that_another_exit_without_ipv6_reaches_needs_none_and_the_first_has_lost_its_way_out() -> None:
    made, name = two_exits(), Demand("www.four.example", 443, "10.0.0.1")
    made.families.tell({"us": V4, "eu": V4})
    made.connect_times.used("www.four.example", 443, 0.0)
    made.refused(name, "us", Cause.NO_ROUTE, 1.0)
    made.connected(name, "eu", 0.02, 1.1)
    assert made.families.needed(name, 1.1) is None and made.health.failing() == {"us"}
    made.refused(name, "us", Cause.NO_ROUTE, 1.2)
    made.families.tell({"us": ALL_FAMILIES, "eu": V4})  # it reaches the world by neither now, and says both
    assert made.families.exits(name, EXITS, 1.2) is None
    found = made.decide(name, 1.2)
    assert found is not None and found.exit == "eu"


def test_f2_an_exit_that_has_both_lacks_none() -> None:
    made = needs(us=V4, eu=ALL_FAMILIES)
    assert [made.is_lacking(exit_) for exit_ in (*EXITS, "elsewhere")] == [True, False, False]
