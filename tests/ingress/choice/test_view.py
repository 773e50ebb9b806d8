"""What may take some paths only: ranked like all, and never given another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.choice.choice import Basis, Choice
from ingress.choice.demand import Demand, Demands
from ingress.choice.moves import MoveKind
from ingress.choice.rules import Match, Rules
from ingress.config.rule import Rule
from ingress.measure.health import PathState
from tests.ingress.choice.figures import chooser, figure

NAMES = ("a>us", "b>us", "c>us", "ix/p>us", "d>eu", "e>eu")
SHORT = {name: name.partition(">")[0] for name in NAMES}


def within(*names: str, exits: frozenset[str] | None = None, legs: int = 1) -> Demand:
    return Demand("a.example", 443, exits=exits, legs=legs, paths=frozenset(names))


def test_the_best_of_its_paths_is_given() -> None:
    made = chooser(figure("a>us", 100), figure("b>us", 130), figure("d>eu", 120))
    for demand, expected in ((within("b", "d"), "d"), (within("b"), "b"), (within("a", "b", "d"), "a")):
        choice = made.decide(demand, 0.0)
        assert choice is not None and choice.paths == (expected,)
    assert made.decide(within(), 0.0) is None
    assert made.decide(within("gone"), 0.0) is None


def test_what_its_rule_allows_is_said_as_the_reason() -> None:
    made = chooser(figure("a>us", 100), figure("b>us", 130))
    demand = Demand("a.example", 443, match=Match(Rule(avoid=("a",)), ""), paths=frozenset({"b"}))
    choice = made.decide(demand, 0.0)
    assert choice is not None and choice.basis is Basis.RULED
    usual = made.decide(within("b"), 0.0)
    assert usual is not None and usual.basis is Basis.BEST  # no rule says so: the chains of the file do


def test_while_all_of_them_are_down_nothing_is_given_unless_it_falls_through() -> None:
    made = chooser(figure("a>us", 100), figure("b>us", 130, PathState.DOWN))
    strict, falls = within("b"), within("b")
    falls.otherwise = Demand("a.example", 443)
    assert made.decide(strict, 0.0) is None
    choice = made.decide(falls, 0.0)
    assert choice is not None and choice.paths == ("a",)


def test_a_leader_within_keeps_its_place_like_any_other() -> None:
    made = chooser(figure("a>us", 100), figure("b>us", 130), figure("c>us", 131))
    demand = within("b", "c")
    made.decide(demand, 0.0)
    for step in range(1, 9):  # c is a little better now, for two seconds: not enough
        made.rank([figure("a>us", 100), figure("b>us", 131), figure("c>us", 129.5)], step / 4)
        choice = made.decide(demand, step / 4)
        assert choice is not None and choice.paths == ("b",)


def test_entries_are_shared_so_that_each_knows_what_was_given() -> None:
    made = chooser(figure("a>us", 100), figure("b>us", 100))
    choice = made.decide(within("b"), 0.0)
    assert choice is not None
    made.opened(choice, 0.0)
    assert made.ranking.by_name["b"].given == 1


def test_running_streams_are_moved_and_rescued_within() -> None:
    made = chooser(
        figure("a>us", 100, PathState.STALLED, streams=3, thin=3),
        figure("b>us", 110),
        figure("c>us", 300, streams=1, thin=1, leaving="node jp drains"),
        figure("d>us", 140),
    )
    bounds = [frozenset({"a", "d"}), frozenset({"c", "d"})]
    told = {(move.old, move.new, move.kind, move.within) for move in made.moves(1.0, bounds)}
    assert told == {
        ("a", "b", MoveKind.ALL, None),
        ("c", "b", MoveKind.ALL, None),
        ("a", "d", MoveKind.ALL, bounds[0]),
        ("c", "d", MoveKind.ALL, bounds[1]),
    }
    assert (made.view(bounds[0]).works("us"), made.view(frozenset({"a"})).works("us")) == (True, False)
    assert repr(made.view(bounds[0])) == "<View of 2 paths, 2 ranked>"
    assert repr(made.view(None)) == "<View of all paths, 4 ranked>"


def test_another_file_forgets_them() -> None:
    made = chooser(figure("a>us", 100))
    before = made.view(frozenset({"a"}))
    made.reload(["us"])
    assert made.view(frozenset({"a"})) is not before


STATES = st.sampled_from([PathState.UP, PathState.UP, PathState.STALLED, PathState.DOWN])
EACH = st.tuples(st.integers(50, 300), STATES)


@given(rounds=st.lists(st.tuples(*[EACH] * len(NAMES)), min_size=1, max_size=4), data=st.data())
def test_whatever_the_weather_nothing_else_is_given(
    rounds: list[tuple[tuple[int, PathState], ...]], data: st.DataObject
) -> None:
    made = chooser(*(figure(name, 100) for name in NAMES))
    paths = frozenset(data.draw(st.sets(st.sampled_from(sorted(SHORT.values())))))
    for at, weather in enumerate(rounds, 1):
        made.rank([figure(name, ms, state, streams=1) for name, (ms, state) in zip(NAMES, weather, strict=True)], at)
        for legs in (1, 2):
            choice = made.decide(Demand("a.example", 443, legs=legs, paths=paths), at)
            for one in _all_of(choice, made, at) if choice is not None else ():
                assert set(one.paths) <= paths
        view = made.view(paths)
        for name in SHORT.values():
            assert {view.rescue(name), view.partner(name)} <= paths | {None}
        assert all({move.old, move.new} <= paths for move in view.moves(at))
        assert all(set(view.pair(exit_) or ()) <= paths for exit_ in ("us", "eu"))
        whole = [entry.name for entry in made.ranking.order if entry.name in paths]
        assert sorted(entry.name for entry in view.ranking.order) == sorted(whole)


def _all_of(choice: Choice, made, at: float) -> list[Choice]:  # type: ignore[no-untyped-def]
    return [choice, *made.elsewhere_to_the_same_exit(choice), *made.at_other_exits(choice, at)]


# ---- demands


@pytest.mark.parametrize("falls", [False, True])
def test_a_rule_bounds_the_paths(falls: bool) -> None:
    rule = Rule(name="broker", avoid=("x",), falls_through=falls)
    rules = Rules((rule,), leaves=lambda _: frozenset({"a"}))
    demands = Demands(rules, frozenset({"a", "b"}))
    made = demands.make("a.example", 443, "10.0.0.1", "", None)
    assert (made.paths, made.ruled, demands.restrict_paths) == (frozenset({"a"}), "rule broker", True)
    assert (made.otherwise is not None) == falls
    assert made.otherwise is None or made.otherwise.paths == frozenset({"a", "b"})
    assert demands.again(made, None).paths == frozenset({"a"})


def test_what_no_rule_sends_elsewhere_has_the_usual_paths() -> None:
    usual = frozenset({"a"})
    assert Demands(None, usual).make("a.example", 443, "", "", None).paths == usual
    other = Rule(exits=("us",), exit_nodes=frozenset({"us"}), users=("ann",))
    demands = Demands(Rules((other,)), usual)
    assert [demands.make("a", 1, "", user, None).paths for user in ("ann", "eve")] == [usual, usual]
    assert (Demands().restrict_paths, Demands(Rules((other,))).restrict_paths) == (False, False)
