"""What exits tell of first exchanges: who asks, what is charged and what never is, trials, and how much is kept."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.choice.choice import Basis, Choice
from ingress.choice.chooser import Chooser
from ingress.choice.cost import EQUAL
from ingress.choice.demand import Demand
from ingress.choice.first_bytes import (
    CHARGED,
    KEPT,
    LEAST,
    LONGEST,
    MOST_CHARGED,
    MOST_SITES,
    MOST_TARGETS,
    RECENT,
    SELDOM,
    SOON,
    TRIED,
    FirstBytes,
    later_by,
)
from ingress.measure.figures import Source
from tests.ingress.choice.figures import chooser, figure

WEB = Demand("www.example.com", 443)
QUICK, SLOW = [0.004] * LEAST, [0.2, 0.19, 0.21, 0.2, 0.18, 0.22]
SECONDS = st.floats(0.0, LONGEST)
SAID = st.lists(SECONDS, min_size=1, max_size=RECENT)


def tell(first: FirstBytes, exit_: str, said: Sequence[float], now: float = 0.0, demand: Demand = WEB) -> float:
    """Streams one after the other, as often as they ask; the time of the last."""
    for beyond in said:
        while not first.asks(demand, exit_, now):
            now += SOON
        first.told(demand, exit_, beyond, now)
    return now


def charged(first: FirstBytes, site: str = "example.com") -> dict[str, float]:
    return {exit_: one.time for exit_, one in first.later(site).items()}


# ---- what is charged


def test_an_exit_whose_answers_take_longer_is_charged_once_enough_streams_told_so() -> None:
    first = FirstBytes()
    tell(first, "us2", QUICK)
    tell(first, "us1", SLOW[:-1])
    assert charged(first) == {}
    tell(first, "us1", SLOW[-1:], 60.0)
    assert charged(first) == {"us1": pytest.approx(0.196)}
    term = first.term("example.com", "us1")
    assert (term.value, term.source) == (pytest.approx(0.196), Source.USED)
    assert term.note == "takes 196 ms longer than by us2 (6 streams)"
    assert (first.term("example.com", "us2").value, first.term("example.com", "us2").note) == (0.0, "")


def test_a_target_is_compared_with_itself_alone() -> None:
    first = FirstBytes()
    tell(first, "us1", SLOW)
    tell(first, "us2", QUICK, demand=Demand("www.example.com", 80))
    tell(first, "us2", QUICK, demand=Demand("img.example.com", 443))
    assert charged(first) == {}


def test_a_site_is_charged_the_mean_of_its_targets() -> None:
    first = FirstBytes()
    for demand, said in ((WEB, SLOW), (Demand("img.example.com", 443), QUICK)):
        tell(first, "us1", said, demand=demand)
        tell(first, "us2", QUICK, demand=demand)
    assert charged(first) == {"us1": pytest.approx(0.098)}
    assert first.later("example.com")["us1"].streams == 2 * LEAST


def test_slow_answers_among_quick_ones_charge_nobody() -> None:
    first = FirstBytes()
    tell(first, "us1", [0.004, 0.3, 0.005, 0.5, 0.006, 0.3, 0.004, 0.9])
    tell(first, "us2", QUICK)
    assert charged(first) == {}


def test_what_waits_on_purpose_is_left_out_and_what_takes_no_time_is_nothing() -> None:
    first = FirstBytes()
    tell(first, "us1", [30.0] * LEAST + [-0.1] * LEAST)
    tell(first, "us2", [0.01] * LEAST)
    assert charged(first) == {"us2": 0.01}


def test_nobody_is_charged_more_than_a_detour_is_worth() -> None:
    first = FirstBytes()
    tell(first, "us1", [1.9] * LEAST)
    tell(first, "us2", QUICK)
    assert charged(first) == {"us1": MOST_CHARGED}


@given(SAID, SAID)
def test_of_two_at_most_one_is_later_and_never_by_less_than_can_be_told(ours: list[float], others: list[float]) -> None:
    one, other = later_by(ours, others), later_by(others, ours)
    assert not (one and other)
    for later, sooner, by in ((ours, others, one), (others, ours, other)):
        if by:
            assert EQUAL < by <= MOST_CHARGED
            assert by <= max(later) - min(sooner) + 1e-9


@given(SAID, st.randoms())
def test_what_is_alike_is_charged_nothing_in_whatever_order(said: list[float], order: object) -> None:
    mixed = list(said)
    order.shuffle(mixed)  # type: ignore[attr-defined]
    assert later_by(said, mixed) == 0.0


@given(SAID, SAID, st.floats(0.0, 1.0))
def test_a_share_that_all_have_changes_nothing(ours: list[float], others: list[float], more: float) -> None:
    shifted = later_by([one + more for one in ours], [one + more for one in others])
    if abs(shifted - later_by(ours, others)) > 1e-6:  # only where the difference is what can just be told
        assert min(abs(one - other - EQUAL) for one in ours for other in others) < 1e-6


@given(st.lists(st.tuples(st.sampled_from(["us1", "us2", "us3"]), st.sampled_from([80, 443]), st.floats(-1.0, 5.0))))
def test_whatever_is_told_what_is_charged_is_bounded_and_spares_one(told: list[tuple[str, int, float]]) -> None:
    first, now = FirstBytes(), 0.0
    for exit_, port, beyond in told:
        now = tell(first, exit_, [beyond], now, Demand("www.example.com", port))
        known = charged(first)
        assert len(known) < 3 and all(0.0 < time <= MOST_CHARGED for time in known.values())


# ---- who asks, and what is kept


def test_streams_ask_soon_until_enough_have_told_and_then_seldom() -> None:
    first, now = FirstBytes(), 0.0
    assert first.asks(WEB, "us1", now) and not first.asks(WEB, "us1", now)
    assert first.asks(WEB, "us2", now) and first.asks(Demand("www.example.com", 80), "us1", now)
    now = tell(first, "us1", [0.01] * RECENT)
    assert not first.asks(WEB, "us1", now + SOON) and first.asks(WEB, "us1", now + SELDOM)


def test_what_is_charged_is_forgiven_without_news_and_the_rest_remembered_over_a_night() -> None:
    first = FirstBytes()
    end = tell(first, "us1", SLOW)
    assert first.worth(WEB, "us1") == min(SLOW)
    tell(first, "us2", QUICK)
    tell(first, "us2", QUICK[:1], end + CHARGED - 1.0)
    assert charged(first) == {"us1": pytest.approx(0.196)}
    tell(first, "us2", QUICK[:1], end + CHARGED)
    assert charged(first) == {} and first.worth(WEB, "us1") == 0.0  # it begins anew
    assert first.worth(WEB, "us2") == 0.004
    tell(first, "us1", QUICK[:1], 2 * end + CHARGED + KEPT)
    assert first.worth(WEB, "us2") == 0.0


def test_memory_is_bounded() -> None:
    first = FirstBytes()
    for number in range(MOST_SITES + 10):
        assert first.asks(Demand(f"s{number}.test", 443), "us1", 0.0)
    assert repr(first) == f"<FirstBytes {MOST_SITES} sites>"
    first.told(Demand("s0.test", 443), "us1", 0.2, 0.0)  # was forgotten meanwhile
    first.tried("s0.test", "us1", 0.0)
    assert not first.may_try(Demand("s0.test", 443), "us1", 1.0) and first.worth(Demand("s0.test", 443), "us1") == 0.0
    for port in range(MOST_TARGETS + 1):
        tell(first, "us1", SLOW, demand=Demand("last.test", port))
    known = [first.worth(Demand("last.test", port), "us1") > 0 for port in range(MOST_TARGETS + 1)]
    assert known == [False] + [True] * MOST_TARGETS


# ---- the choice


def opened(made: Chooser, client: str, now: float, demand: Demand = WEB) -> Choice:
    """A stream of *client* that is connected in 5 ms."""
    asked = Demand(demand.host, demand.port, client)
    choice = made.decide(asked, now)
    assert choice is not None
    made.opened(choice, now)
    made.connected(asked, choice.exit, 0.005, now)
    return choice


def two_exits(other: float = 140.0) -> Chooser:
    """Two exits that have had their places for a while."""
    made = chooser(figure("a>us1", 130), figure("b>us2", other))
    made.rank([figure("a>us1", 130), figure("b>us2", other)], 6.0)
    return made


def test_clients_leave_an_exit_by_which_a_site_answers_later() -> None:
    made = two_exits()
    assert [opened(made, "10.0.0.1", 6.0).exit, opened(made, "10.0.0.1", 6.0).exit] == ["us1", "us1"]
    tell(made.first_bytes, "us1", SLOW, 6.0)
    tell(made.first_bytes, "us2", QUICK, 6.0)
    found = opened(made, "10.0.0.1", 20.0)
    assert (found.exit, found.basis) == ("us2", Basis.SITE)
    assert opened(made, "10.0.0.2", 20.0).exit == "us2"
    assert opened(made, "10.0.0.2", 20.0, Demand("other.test", 443)).exit == "us1"


def test_a_client_that_is_bound_to_none_tries_another_exit_where_a_site_answers_late_and_stays_there() -> None:
    made = two_exits()
    assert opened(made, "10.0.0.1", 6.0).exit == "us1"
    now = tell(made.first_bytes, "us1", SLOW, 6.0)
    assert opened(made, "10.0.0.1", now).basis is Basis.KEPT  # whoever is bound is not tried with
    tried = opened(made, "10.0.0.2", now)
    assert (tried.exit, tried.basis) == ("us2", Basis.TRIAL)
    assert [opened(made, "10.0.0.2", now).exit, opened(made, "10.0.0.3", now).exit] == ["us2", "us1"]
    assert opened(made, "10.0.0.4", now + TRIED).basis is Basis.TRIAL
    tell(made.first_bytes, "us2", SLOW, now)
    assert opened(made, "10.0.0.5", now + 3 * TRIED).exit == "us1"  # as late by both: known, and not tried


@pytest.mark.parametrize("far", [172.0, 330.0])
def test_nobody_tries_an_exit_that_a_client_would_leave_or_that_cannot_save_enough(far: float) -> None:
    made = two_exits(far)
    opened(made, "10.0.0.1", 6.0)
    now = tell(made.first_bytes, "us1", [0.05] * LEAST if far < 300 else SLOW, 6.0)
    assert opened(made, "10.0.0.2", now).exit == "us1"


def test_where_there_is_no_choice_nobody_asks() -> None:
    made = chooser(figure("a>us1", 130), figure("b>us1", 140))
    assert not made.asks_first_byte(WEB, "us1", 0.0)
    both = two_exits()
    assert [both.asks_first_byte(WEB, "us1", 6.0) for _ in range(2)] == [True, False]
