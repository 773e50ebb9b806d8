"""What a demand was given, in words, and where its stream may be opened if that fails."""

import pytest

from ingress.choice.choice import Basis, Choice, at_other_exits, elsewhere_to_the_same_exit, permitted
from ingress.choice.demand import Demand
from ingress.choice.entry import Entry
from ingress.measure.health import PathState
from tests.ingress.choice.figures import chooser, figure

ONE, TWO = Demand("a.example", 443), Demand("a.example", 443, legs=2)
A, B = Entry(figure("a>us", 100)), Entry(figure("b>us", 110))
RANKING = chooser(
    figure("ix/1>us", 100),
    figure("ix/2>us", 110),
    figure("c>us", 140),
    figure("d>us", 90, PathState.STALLED),
    figure("e>hk", 170),
    figure("f>tw", 160),
    figure("g>sg", 100, PathState.DOWN),
    figure("h>jp", 100, PathState.STALLED),
).ranking


def chosen(path: str, demand: Demand = ONE) -> Choice:
    return Choice(demand, RANKING.by_name[path], Basis.BEST)


def paths(choices) -> list[str]:
    return [path for one in choices for path in one.paths]


@pytest.mark.parametrize(
    ("choice", "why"),
    [
        (Choice(ONE, A, Basis.BEST), "best path"),
        (Choice(ONE, A, Basis.KEPT), "this client keeps its exit for the site"),
        (Choice(TWO, A, Basis.SITE, B), "redundant by rule"),
        (Choice(TWO, A, Basis.SITE), "redundant by rule, but no second path shares no line with it"),
        (Choice(TWO, A, Basis.SAME_EXIT), "another path to the same exit"),
        (Choice(TWO, A, Basis.OTHER_EXIT), "another exit"),
    ],
)
def test_what_decided(choice: Choice, why: str) -> None:
    assert choice.why == why
    assert choice.reason == f"{why} (costs 100 ms)"
    assert choice.is_repeated is (choice.basis in (Basis.SAME_EXIT, Basis.OTHER_EXIT))


def test_it_shows_itself() -> None:
    assert repr(Choice(TWO, A, Basis.BEST, B)) == "<Choice a + b to us: redundant by rule (costs 100 ms)>"


def test_elsewhere_is_what_works_and_disjoint_ones_come_first() -> None:
    assert paths(elsewhere_to_the_same_exit(RANKING, chosen("ix/1"))) == ["c", "ix/2"]
    assert paths(elsewhere_to_the_same_exit(RANKING, chosen("c"))) == ["ix/1", "ix/2"]
    assert paths(elsewhere_to_the_same_exit(RANKING, chosen("e"))) == []


def test_both_paths_of_a_redundant_stream_were_tried() -> None:
    pair = Choice(TWO, RANKING.by_name["ix/1"], Basis.BEST, RANKING.by_name["c"])
    assert paths(elsewhere_to_the_same_exit(RANKING, pair)) == ["ix/2"]


def test_what_the_ranking_has_forgotten_leads_nowhere() -> None:
    gone = Choice(ONE, Entry(figure("x>moon", 1)), Basis.BEST)
    assert paths(elsewhere_to_the_same_exit(RANKING, gone)) == []
    assert paths(at_other_exits(RANKING, gone, None)) == ["ix/1", "f", "e"]


def test_other_exits_are_those_that_work_best_first() -> None:
    assert paths(at_other_exits(RANKING, chosen("ix/1"), None)) == ["f", "e"]
    assert paths(at_other_exits(RANKING, chosen("e"), None)) == ["ix/1", "f"]


def test_only_where_the_demand_permits() -> None:
    demand = Demand("192.168.7.9", 443, exits=frozenset({"hk", "sg", "jp"}))
    assert paths(at_other_exits(RANKING, chosen("ix/1", demand), demand.exits)) == ["e"]
    assert set(permitted(RANKING, demand.exits)) == {"hk", "jp"}  # sg is down
    assert set(permitted(RANKING, None)) == {"us", "hk", "tw", "jp"}
