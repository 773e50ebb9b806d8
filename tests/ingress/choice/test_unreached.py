"""What is held against exits site by site, until they are asked and answer."""

import itertools

from ingress.choice.unreached import FIRST, LAST, MOST, MOST_ASKED, UNUSED, UnreachedSites
from relay.model.cause import Cause

TIMEOUT = Cause.CONNECT_TIMEOUT


def reached(site: str) -> bool:
    return not site.startswith("dead")


def test_f1_nobody_is_asked_for_what_nobody_reaches() -> None:
    """And it takes no turn of others."""
    sites = UnreachedSites()
    for number in range(2 * MOST_ASKED):
        sites.failed(f"dead{number}.test", "us", TIMEOUT, 0.0)
    sites.failed("a.test", "us", TIMEOUT, 0.0)
    assert sites.to_ask(0.0, reached) == [("a.test", "us")]


def test_f1_an_exit_that_failed_is_asked_at_once_and_then_ever_more_seldom() -> None:
    sites = UnreachedSites()
    sites.failed("a.test", "us", TIMEOUT, 0.0)
    asked, now = [], 0.0
    while now < UNUSED:
        asked += [now] * len(sites.to_ask(now, reached))
        now += 0.5
    assert asked[:4] == [0.0, FIRST, 3 * FIRST, 7 * FIRST]
    assert max(after - before for before, after in itertools.pairwise(asked)) <= LAST
    assert sites.to_ask(UNUSED + 1, reached) == [] and sites.is_empty


def test_f1_another_exit_is_asked_once() -> None:
    sites = UnreachedSites()
    sites.failed("a.test", "us", Cause.REFUSED, 0.0, ("us", "eu", "jp"))
    assert set(sites.to_ask(0.0, reached)) == {("a.test", "eu"), ("a.test", "jp")}
    assert sites.to_ask(9.0, reached) == [] and sites.held() == []


def test_f1_a_refusal_is_held_against_an_exit_once_another_has_reached_the_site() -> None:
    sites = UnreachedSites()
    sites.failed("a.test", "us", Cause.REFUSED, 0.0)
    assert sites.reached("b.test", "eu", 1.0) == {}
    assert sites.reached("a.test", "eu", 1.0) == {"us": Cause.REFUSED}
    assert sites.held() == [("a.test", "us", Cause.REFUSED)]
    assert sites.reached("a.test", "us", 2.0) == {} and sites.is_empty


def test_f1_what_is_well_again_is_forgiven() -> None:
    sites = UnreachedSites()
    for site in ("a.test", "b.test"):
        sites.failed(site, "us", TIMEOUT, 0.0)
        sites.failed(site, "eu", TIMEOUT, 0.0)
    assert sites.forgive("us") == ["a.test", "b.test"]
    assert [exit_ for _, exit_, _ in sites.held()] == ["eu", "eu"]


def test_it_is_bounded() -> None:
    sites = UnreachedSites()
    for number in range(2 * MOST):
        sites.failed(f"s{number}.test", "us", TIMEOUT, 0.0, ("eu",))
        sites.failed(f"r{number}.test", "us", Cause.REFUSED, 0.0)
    assert len(sites.held()) == MOST
    assert len(sites.to_ask(0.0, reached)) == MOST_ASKED
