"""What is said of exits that answer, and do not reach what others reach."""

import pytest

from ingress.choice.chooser import Chooser
from ingress.choice.demand import Demand
from ingress.report.exits import SHOWN, behind_exits
from relay.model.cause import Cause
from tests.ingress.choice.figures import chooser, figure


def made() -> Chooser:
    return chooser(figure("a>us", 100), figure("b>eu", 150))


def fails(chooser: Chooser, site: str, cause: Cause, now: float, *, elsewhere: bool = True) -> None:
    """By us; and it is reached by eu."""
    demand = Demand(f"www.{site}.test", 443, "10.0.0.1")
    choice = chooser.decide(demand, now)
    assert choice is not None
    chooser.opened(choice, now)
    chooser.refused(demand, "us", cause, now)
    if elsewhere:
        chooser.connected(demand, "eu", 0.02, now)


@pytest.mark.parametrize(
    ("cause", "how"),
    [
        (Cause.CONNECT_TIMEOUT, "gets no answer from one.test"),
        (Cause.NO_ROUTE, "has no route to one.test"),
        (Cause.HOST_UNREACHABLE, "has no route to one.test"),
        (Cause.DNS_TIMEOUT, "gets no answer from the DNS for one.test"),
        (Cause.DNS_FAILED, "gets no answer from the DNS for one.test"),
        (Cause.REFUSED, "is refused by one.test"),
    ],
)
def test_f1_a_site_that_one_exit_alone_does_not_reach(cause: Cause, how: str) -> None:
    """Nothing is held against an exit while no other has reached the site."""
    known = made()
    fails(known, "one", cause, 0.0, elsewhere=False)
    assert behind_exits(known) == []
    known.connected(Demand("www.one.test", 443), "eu", 0.02, 0.1)
    (said,) = behind_exits(known)
    assert said.startswith(f"exit us {how}, and eu reaches it: ")
    assert cause is Cause.REFUSED or said.endswith("it has reached nothing since")
    known.connected(Demand("www.two.test", 443), "us", 0.02, 0.2)
    if cause not in (Cause.DNS_TIMEOUT, Cause.DNS_FAILED):
        (said,) = behind_exits(known)
        assert said.endswith("that site may not want its address")
    known.connected(Demand("www.one.test", 443), "us", 0.02, 0.3)
    assert behind_exits(known) == []


def test_f1_a_sick_exit_stands_first_and_its_sites_are_not_told_one_by_one() -> None:
    known = made()
    for site in ("one", "two", "three"):
        fails(known, site, Cause.NO_ROUTE, 0.0)
    assert len(behind_exits(known)) == 3
    assert len(known.look_at_exits(1.0)) == 1
    assert behind_exits(known) == ["exit us answers, and reaches no target: it has no route to them"]


def test_f1_not_every_site_is_named() -> None:
    known = made()
    for number in range(SHOWN + 3):
        fails(known, f"s{number}", Cause.CONNECT_TIMEOUT, 0.0)
        known.connected(Demand("www.other.test", 443), "us", 0.02, 0.0)
    said = behind_exits(known)
    assert len(said) == SHOWN + 1 and said[-1] == "and 3 more sites that one exit alone does not reach"
