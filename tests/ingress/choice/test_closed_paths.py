"""Paths that carry nothing new: not even if nothing else works."""

from hypothesis import given
from hypothesis import strategies as st

from ingress.choice.demand import Demand
from ingress.choice.entry import Tier
from ingress.choice.moves import MoveKind, Mover
from ingress.choice.ranking import Ranking, rank
from ingress.measure.figures import PathFigures
from ingress.measure.health import PathState
from tests.ingress.choice.figures import chooser, figure

WHY = "line ix is held by hand"
ASKED = Demand("target.test", 443)


def test_a_closed_path_gets_nothing_however_good_it_is_and_however_bad_the_others() -> None:
    made = chooser(figure("ix/p>us", 100, closed=WHY), figure("d>us", 900, PathState.HELD))
    found = made.decide(ASKED, 0.0)
    assert found is not None and found.paths == ("d",)
    assert made.ranking.by_name["ix/p"].reason == WHY
    made = chooser(figure("ix/p>us", 100, closed=WHY), figure("d>us", 900, PathState.STALLED))
    found = made.decide(ASKED, 0.0)
    assert found is not None and found.paths == ("d",)


def test_an_exit_behind_closed_paths_alone_is_no_choice() -> None:
    made = chooser(figure("ix/p>us", 100, closed=WHY), figure("d>eu", 200))
    assert made.decide(ASKED, 0.0) is not None and made.ranking.usable.keys() == {"eu"}
    only = chooser(figure("ix/p>us", 100, closed=WHY))
    assert only.decide(ASKED, 0.0) is None
    assert only.decide(Demand("target.test", 443, legs=2), 0.0) is None


def test_in_doubt_it_is_not_taken_meanwhile() -> None:
    doubtful = figure("a>us", 100, PathState.DOWN, is_in_doubt=True)
    made = chooser(figure("ix>us", 101, closed=WHY), doubtful)
    assert made.decide(ASKED, 0.0) is None


def leaves(*figures: PathFigures) -> list[tuple[str, str, bool, str]]:
    ranking = rank(Ranking(), figures, 0.0)
    moves = Mover().moves(ranking, 0.0)
    assert all(move.kind is MoveKind.ALL for move in moves)
    return [(move.old, move.new, move.is_planned, move.reason) for move in moves]


def test_what_rides_on_it_leaves_by_plan_for_what_works_and_stays_where_nothing_does() -> None:
    held = figure("ix>us", 100, closed=WHY, streams=3)
    assert leaves(held, figure("d>us", 900)) == [("ix", "d", True, WHY)]
    assert leaves(held, figure("d>us", 200, PathState.HELD)) == [("ix", "d", True, WHY)]
    assert leaves(held, figure("ix/b>us", 200, closed=WHY)) == []
    assert leaves(held, figure("d>eu", 200)) == []


@given(st.lists(st.sampled_from(PathState), min_size=1, max_size=6), st.data())
def test_no_order_of_things_gives_a_closed_path_a_stream(states: list[PathState], data: st.DataObject) -> None:
    before = Ranking()
    for round_ in range(4):
        shut = [data.draw(st.booleans()) for _ in states]
        figures = [
            figure(f"p{at}>us", 100 + at, state, closed=WHY if closed else "")
            for at, (state, closed) in enumerate(zip(states, shut, strict=True))
        ]
        before = rank(before, figures, round_ / 4, lagged=data.draw(st.booleans()))
        group = before.exits["us"]
        assert all(entry.tier < Tier.CLOSED for entry in group.band)
        assert bool(group.band) == any(
            not closed and state is not PathState.DOWN for state, closed in zip(states, shut, strict=True)
        )
        assert not group.band or group.first.tier < Tier.CLOSED
