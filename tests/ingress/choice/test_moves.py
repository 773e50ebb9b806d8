"""Which streams leave which path, as tables of weather."""

from collections.abc import Sequence
from itertools import pairwise

import attrs
from hypothesis import given
from hypothesis import strategies as st

from ingress.choice.entry import Tier
from ingress.choice.moves import Move, MoveKind, Mover, rescue
from ingress.choice.ranking import Ranking, rank
from ingress.measure.figures import PathFigures
from ingress.measure.health import PathState
from relay.model.network import Address, Line
from relay.model.walk import Hop, Path

HERE = Address("x", 1)


def path(name: str, exit_: str = "us") -> Path:
    names = name.split("/")
    nodes = ["sh", *(f"after-{one}" for one in names[:-1]), exit_]
    lines = [Line(one, nodes[at], nodes[at + 1], HERE) for at, one in enumerate(names)]
    return Path(tuple(Hop(line, line.start, line.end, HERE) for line in lines))


def figure(name: str, ms: float, state: PathState = PathState.UP, exit_: str = "us", **more: object) -> PathFigures:
    made = PathFigures(path(name, exit_), state, round_trip=ms / 1000, answered_sent=9.0)
    return attrs.evolve(made, **more)


def silent(
    name: str, since: float = 10.0, suspects: Sequence[str] = (), state: PathState = PathState.STALLED
) -> PathFigures:
    return figure(
        name, 100, state, reason="silent", streams=5, thin=5, silent_since=since, suspects=frozenset(suspects)
    )


def moves(
    *figures: PathFigures, mover: Mover | None = None, now: float = 10.5
) -> list[tuple[str, str, MoveKind, bool]]:
    found = (mover or Mover()).moves(rank(Ranking(), figures, now), now)
    return [(move.old, move.new, move.kind, move.is_planned) for move in found]


def rescued(*figures: PathFigures) -> str | None:
    ranking = rank(Ranking(), figures, 10.5)
    to = rescue(ranking, ranking.by_name[figures[0].name])
    return None if to is None else to.name


def test_a_silent_path_loses_its_streams_at_once_to_the_best_other_to_its_exit() -> None:
    weather = silent("a"), figure("b", 150), figure("c", 140), figure("d", 10, exit_="hk")
    assert moves(*weather) == [("a", "c", MoveKind.ALL, False)]


def test_a_path_without_streams_is_left_alone() -> None:
    assert moves(attrs.evolve(silent("a"), streams=0), figure("b", 150)) == []


def test_a_rescue_avoids_lines_that_may_be_broken() -> None:
    a = silent("ix/1", suspects=["ix", "1"])
    assert rescued(a, figure("ix/2", 100), figure("c/3", 300)) == "c/3"
    assert rescued(a, figure("ix/2", 100)) is None
    proven = figure("ix/2", 100, answered_sent=10.1)
    assert rescued(a, proven) == "ix/2"
    assert rescued(a, proven, figure("c/3", 300)) == "c/3"


def test_a_rescue_avoids_what_is_late_itself_and_prefers_proof() -> None:
    a = silent("a")
    assert rescued(a, figure("b", 100, is_late=True)) is None
    assert rescued(a, figure("b", 100), figure("c", 300, answered_sent=10.1)) == "c"


def test_a_rescue_may_use_what_is_held_or_leaving_but_prefers_what_is_up() -> None:
    a = silent("a", state=PathState.DOWN)
    held, leaving = figure("b", 100, PathState.HELD), figure("c", 90, leaving="jp drains")
    assert rescued(a, leaving) == "c"
    assert rescued(a, leaving, held) == "b"
    assert rescued(a, leaving, held, figure("d", 400)) == "d"


def test_when_one_exit_is_silent_on_every_path_nothing_moves() -> None:
    weather = silent("ix/1", suspects=["1"]), silent("iy/2", suspects=["2"]), figure("c", 100, exit_="hk")
    assert moves(*weather) == []
    almost = silent("ix/1", suspects=["1"]), figure("iy/2", 100, is_late=True), figure("c", 100, exit_="hk")
    assert moves(*almost) == []


def test_streams_leave_a_draining_node_by_plan() -> None:
    leaving = figure("a", 100, leaving="jp drains", streams=3, thin=3)
    assert moves(leaving, figure("b", 400)) == [("a", "b", MoveKind.ALL, True)]
    assert moves(leaving, figure("b", 400, PathState.STALLED)) == []
    assert moves(leaving, figure("b", 400, exit_="hk")) == []


def worse(
    ms: float,
    *,
    seconds: float = 3.5,
    other: float = 130,
    streams: int = 5,
    mover: Mover | None = None,
    error: float = 0.0,
) -> list[Move]:
    """All moves while path a, with streams, is at *ms* for *seconds*, a round each half second."""
    mover, found, ranking = mover or Mover(), [], Ranking()
    for step in range(int(seconds * 2) + 1):
        figures = [figure("a", ms, streams=streams, thin=streams, error=error), figure("b", other)]
        ranking = rank(ranking, figures, step / 2)
        found += mover.moves(ranking, step / 2)
    return found


def test_thin_streams_leave_a_path_that_stays_15_ms_and_a_tenth_worse() -> None:
    (move,) = worse(160)
    assert (move.old, move.new, move.kind, move.is_planned) == ("a", "b", MoveKind.THIN, True)
    assert move.reason == "30 ms worse for 3 s"
    assert worse(160, seconds=2.5) == []
    assert worse(144) == []
    assert worse(415, other=400) == []
    assert worse(160, streams=0) == []
    assert worse(160, error=0.010) == []  # it may be 135 as well


def test_a_short_spell_of_bad_weather_moves_nothing() -> None:
    mover = Mover()
    for step in range(100):
        ms = 130 if step % 5 == 0 else 200
        ranking = rank(Ranking(), [figure("a", ms, streams=5, thin=5), figure("b", 130)], step / 2)
        assert mover.moves(ranking, step / 2) == []


def test_streams_that_were_moved_rest_for_a_while() -> None:
    mover, found, home = Mover(), [], "a"
    for step in range(80):  # whichever path they are on becomes the worse one
        now = step / 2
        figures = [
            figure(name, 200 if name == home else 130, streams=5 * (name == home), thin=5 * (name == home))
            for name in ("a", "b")
        ]
        for move in mover.moves(rank(Ranking(), figures, now), now):
            found.append(now)
            home = move.new
    assert found[0] == 3.0
    assert all(later - earlier >= 10 for earlier, later in pairwise(found))


def test_a_closed_path_is_left_by_plan_for_whatever_works_and_gets_nobody() -> None:
    closed = figure("a", 10, streams=5, thin=5, closed="its quota is used")
    assert moves(closed, figure("b", 150)) == [("a", "b", MoveKind.ALL, True)]
    assert moves(closed, figure("b", 150, PathState.HELD)) == [("a", "b", MoveKind.ALL, True)]
    assert moves(closed, figure("b", 150, leaving="jp drains")) == [("a", "b", MoveKind.ALL, True)]
    assert moves(closed, figure("b", 150, PathState.STALLED)) == []
    assert moves(closed, figure("b", 150, closed="held by hand")) == []
    assert rescued(silent("c"), closed) is None


def test_a_closed_path_that_falls_silent_is_left_as_any_other() -> None:
    both = attrs.evolve(silent("a"), closed="its quota is used")
    assert moves(both, figure("b", 150)) == [("a", "b", MoveKind.ALL, False)]


weathers = st.dictionaries(
    st.sampled_from(["a", "b", "ix/1", "ix/2", "iy/1"]),
    st.tuples(st.sampled_from(list(PathState)), st.floats(1, 500), *[st.booleans()] * 3, st.floats(0, 20)),
)


@given(st.lists(weathers, max_size=8))
def test_streams_only_go_where_something_works_and_never_to_where_they_are(
    weather: list[dict[str, tuple[PathState, float, bool, bool, bool, float]]],
) -> None:
    mover, ranking = Mover(), Ranking()
    for step, row in enumerate(weather):
        figures = [
            figure(
                name, ms, state, streams=2, thin=1, is_late=late, leaving="drains" * leaves, answered_sent=answered,
                closed="held" * closed,
                silent_since=step * 1.0, suspects=frozenset(name.split("/")),
            )
            for name, (state, ms, late, leaves, closed, answered) in row.items()
        ]  # fmt: skip
        ranking = rank(ranking, figures, step * 1.0)
        found = mover.moves(ranking, step * 1.0)
        assert len({move.old for move in found}) == len(found)
        for move in found:
            assert move.old != move.new
            assert ranking.by_name[move.new].tier < Tier.STALLED
            left = ranking.by_name[move.old].tier
            assert move.is_planned == (left < Tier.STALLED or left is Tier.CLOSED)
