"""Which exits reach no targets: what it takes to say so, what speaks against it, and when one is well again."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.choice.demand import Demand
from ingress.choice.exit_health import ALONE, GOOD, MOST_GOOD, SURE, SURE_ALONE, WINDOW, Change, ExitHealth, Trouble
from relay.model.cause import Cause


def to(site: str, client: str = "10.0.0.1") -> Demand:
    return Demand(f"www.{site}.test", 443, client)


def failed(health: ExitHealth, sites: Iterable[str], now: float, cause: Cause = Cause.CONNECT_TIMEOUT) -> None:
    """By us, and reached by eu."""
    for site in sites:
        health.failed("us", to(site), cause, now)
        health.reached("eu", f"{site}.test", now, probed=False)


def troubles(health: ExitHealth) -> dict[str, Trouble]:
    return {name: one.trouble for name, one in health.sick.items()}


def sick(cause: Cause = Cause.CONNECT_TIMEOUT) -> ExitHealth:
    health = ExitHealth()
    failed(health, ("a", "b", "c"), 0.0, cause)
    assert [change.exit for change in health.look(SURE)] == ["us"]
    return health


@pytest.mark.parametrize(
    ("cause", "trouble"),
    [
        (Cause.CONNECT_TIMEOUT, Trouble.SILENT),
        (Cause.NO_ROUTE, Trouble.NO_ROUTE),
        (Cause.HOST_UNREACHABLE, Trouble.NO_ROUTE),
        (Cause.DNS_TIMEOUT, Trouble.NAMES),
        (Cause.REFUSED, Trouble.REFUSED),
    ],
)
def test_f1_an_exit_that_fails_three_sites_which_another_reaches_is_sick(cause: Cause, trouble: Trouble) -> None:
    health = sick(cause)
    assert troubles(health) == {"us": trouble} and health.failing() == {"us"}
    assert "us" in health.sick["us"].sentence


def test_f1_it_takes_a_moment_in_which_it_could_answer() -> None:
    health = ExitHealth()
    failed(health, ("a", "b", "c"), 0.0)
    assert not health.look(SURE - 0.1) and health.to_ask(0.0) == ["us"] and health.to_ask(0.5) == []
    health.reached("us", "z.test", SURE - 0.1, probed=True)
    assert not health.look(SURE) and health.failing() == set()


def test_f1_two_sites_of_two_clients_are_as_good_as_three_of_one() -> None:
    health = ExitHealth()
    failed(health, ("a", "b"), 0.0)
    assert not health.look(SURE)
    health.failed("us", to("b", "10.0.0.2"), Cause.CONNECT_TIMEOUT, 0.5)
    assert [change.exit for change in health.look(SURE)] == ["us"]


def test_f1_a_target_that_is_down_everywhere_makes_no_exit_sick() -> None:
    health = ExitHealth()
    for at in range(50):
        for exit_ in ("us", "eu"):
            health.failed(exit_, to("down", f"10.0.0.{at}"), Cause.CONNECT_TIMEOUT, at / 10)
        assert not health.look(at / 10)


def test_f1_without_another_exit_it_takes_more_sites() -> None:
    health = ExitHealth()
    for number in range(ALONE - 1):
        health.failed("us", to(f"s{number}"), Cause.CONNECT_TIMEOUT, 0.0)
    assert not health.look(SURE_ALONE)
    health.failed("us", to("last"), Cause.CONNECT_TIMEOUT, SURE)
    assert not health.look(SURE) and health.look(SURE_ALONE)


def test_f1_many_dead_targets_say_nothing_of_an_exit_that_answers_questions() -> None:
    health = ExitHealth()
    for at in range(60):
        for number in range(5):
            health.failed("us", to(f"dead{at}-{number}"), Cause.CONNECT_TIMEOUT, float(at))
        assert not health.look(float(at)) and health.to_ask(float(at)) == ["us"]
        health.reached("us", "z.test", at + 0.2, probed=True)


def test_f1_a_site_that_does_not_want_one_exit_makes_it_no_sicker_than_that() -> None:
    """Everything else is reached in between."""
    health = ExitHealth()
    for at in range(100):
        failed(health, ("a", "b", "c"), at / 10)
        health.reached("us", "z.test", at / 10, probed=False)
        assert not health.look(at / 10)


def test_f1_dead_dns_is_known_by_what_is_reached_without_it() -> None:
    health = ExitHealth()
    for at in range(30):
        failed(health, ("a", "b", "c"), at / 10, Cause.DNS_TIMEOUT)
        health.reached("us", "z.test", at / 10, probed=False)
        health.look(at / 10)
    assert troubles(health) == {"us": Trouble.DNS}
    for _ in range(2 * GOOD):
        health.reached("us", "z.test", 4.0, probed=False)  # what it has looked up before
    assert not health.look(4.0)


def test_f1_names_that_find_no_answer_are_no_news_where_there_is_no_way_out() -> None:
    health = ExitHealth()
    failed(health, ("a", "b", "c"), 0.0, Cause.DNS_TIMEOUT)
    failed(health, ("d",), 0.0)
    health.look(SURE)
    assert troubles(health) == {"us": Trouble.SILENT}


def test_f1_what_it_has_is_seen_better_later() -> None:
    health = sick(Cause.DNS_TIMEOUT)
    assert troubles(health) == {"us": Trouble.NAMES}
    failed(health, ("d",), 2.0)
    assert not health.look(2.0) and troubles(health) == {"us": Trouble.SILENT}  # it was told of already


def test_f1_a_sick_exit_is_asked_every_second_until_it_answers_well() -> None:
    health = sick()
    assert [health.to_ask(at / 2) for at in range(2, 6)] == [["us"], [], ["us"], []]
    assert {one.site for one in health.failed_by("us")} == {"a.test", "b.test", "c.test"}
    for at in range(GOOD):
        assert not health.look(10.0)
        health.reached("us", "a.test", 10.0 + at, probed=True)
    assert health.look(20.0) == [Change("us", None)]
    assert health.sick == {} and health.failing() == set()


def test_f1_failures_in_between_count_against_it() -> None:
    health = sick()
    for at in range(20):
        health.reached("us", "a.test", 2.0 + at, probed=True)
        health.failed("us", to("b"), Cause.CONNECT_TIMEOUT, 2.0 + at)
        assert not health.look(2.0 + at)


def test_f1_one_that_is_sick_again_and_again_has_to_prove_more() -> None:
    health, now, needed = ExitHealth(), 0.0, []
    for _ in range(6):
        failed(health, ("a", "b", "c"), now)
        now += SURE
        assert len(health.look(now)) == 1
        count = 0
        while not health.look(now):
            health.reached("us", "a.test", now, probed=True)
            count, now = count + 1, now + 0.1
        needed.append(count)
    assert needed == [GOOD, 2 * GOOD, 4 * GOOD, MOST_GOOD, MOST_GOOD, MOST_GOOD]


def test_failures_are_forgotten() -> None:
    health = ExitHealth()
    failed(health, ("a", "b"), 0.0)
    assert not health.look(WINDOW + 0.1) and health.is_calm


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["fails", "reaches", "other reaches", "passes"]),
        st.sampled_from("abcdef"),
        st.sampled_from([Cause.CONNECT_TIMEOUT, Cause.DNS_TIMEOUT, Cause.REFUSED, Cause.NAME_NOT_FOUND]),
    ),
    max_size=60,
)


@given(EVENTS)
def test_f1_whatever_happens_who_has_reached_everything_is_not_sick(events: list[tuple[str, str, Cause]]) -> None:
    """And the book of who is sick is that of the changes."""
    health, now, said = ExitHealth(), 0.0, set()
    has_failed = False
    for event, site, cause in events:
        now += 0.4
        if event == "fails":
            has_failed = True
            health.failed("us", to(site), cause, now)
        elif event != "passes":
            health.reached("us" if event == "reaches" else "eu", f"{site}.test", now, probed=False)
        for change in health.look(now):
            said = said - {change.exit} if change.sickness is None else said | {change.exit}
        assert set(health.sick) == said <= {"us"}
        assert has_failed or health.is_calm
