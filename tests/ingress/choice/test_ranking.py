"""Rankings as tables of numbers."""

from collections.abc import Mapping

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingress.choice.entry import Entry, Tier
from ingress.choice.ranking import FOR_A_SECOND, Ranking, rank
from ingress.measure.figures import PathFigures, Source
from ingress.measure.health import PathState
from relay.model.network import Address, Line
from relay.model.walk import Hop, Path


def path(name: str, exit_: str = "us", backup: bool = False) -> Path:
    line = Line(name, "sh", exit_, Address("x", 1), backup=backup)
    return Path((Hop(line, "sh", exit_, line.address),))


def figure(name: str, ms: float, state: PathState = PathState.UP, exit_: str = "us", **more: object) -> PathFigures:
    backup = bool(more.pop("backup", False))
    return attrs.evolve(PathFigures(path(name, exit_, backup), state, round_trip=ms / 1000), **more)


def names(ranking: Ranking) -> list[str]:
    return [entry.name for entry in ranking.order]


def band(ranking: Ranking) -> set[str]:
    return {entry.name for entry in ranking.order if entry.in_band}


def rounds(*weather: Mapping[str, float], step: float = 0.5, start: float = 0.0) -> Ranking:
    """One ranking after another, `step` seconds apart; each *weather* gives milliseconds by path."""
    ranking = Ranking()
    for number, row in enumerate(weather):
        ranking = rank(ranking, [figure(name, ms) for name, ms in row.items()], start + number * step)
    return ranking


def test_the_cheapest_leads_and_what_nobody_can_tell_from_it_is_as_good() -> None:
    ranking = rounds({"a": 150, "b": 130, "c": 132})
    assert names(ranking) == ["b", "c", "a"]
    assert band(ranking) == {"b", "c"}


def until_switched(gain: float, most: int = 1000, **more: object) -> float | None:
    """Seconds until b leads, which was 10 ms dearer than a and is *gain* ms cheaper from the second round on."""
    ranking = rank(Ranking(), [figure("a", 130.0, **more), figure("b", 140.0, **more)], 0.0)
    for number in range(1, most):
        ranking = rank(ranking, [figure("a", 130.0, **more), figure("b", 130.0 - gain, **more)], number / 2)
        if names(ranking)[0] == "b":
            return number / 2
    return None


@pytest.mark.parametrize(
    ("gain", "seconds"),
    [(30.0, 0.5), (FOR_A_SECOND * 1000 + 0.5, 1.0), (10.0, 1.5), (3.0, 13.5), (1.5, 53.5), (0.5, 160.0), (0.15, None)],
)
def test_a_leader_is_left_when_that_was_worth_it(gain: float, seconds: float | None) -> None:
    assert until_switched(gain) == seconds


def test_noise_delays_a_switch_and_admits_nothing_worse() -> None:
    assert until_switched(3.0, error=0.0005) == 13.5  # told apart beyond doubt
    assert until_switched(3.0, error=0.0008) == 466.5
    assert until_switched(6.0, error=0.002) is None
    noisy = rank(Ranking(), [figure("a", 130.0), figure("b", 141.0, error=0.020)], 0.0)
    assert band(noisy) == {"a"}


def test_a_good_round_in_between_takes_a_challenger_back() -> None:
    before, after = {"a": 130.0, "b": 140.0}, {"a": 130.0, "b": 127.0}
    assert names(rounds(before, *[after] * 27)) == ["b", "a"]
    assert names(rounds(before, *[after] * 22, {"a": 130.0, "b": 150.0}, *[after] * 8)) == ["a", "b"]
    assert names(rounds(before, *[after] * 22, {"a": 130.0, "b": 150.0}, *[after] * 27)) == ["b", "a"]


def test_while_the_leader_is_in_doubt_new_streams_take_what_is_not_and_costs_little_more() -> None:
    doubted = [figure("a", 130.0, is_in_doubt=True), figure("b", 131.0, is_in_doubt=True), figure("d", 150.0)]
    ranking = rank(Ranking(), [*doubted, figure("c", 134.0)], 0.0)
    assert ranking.group is not None
    assert (ranking.group.leader.name, ranking.group.first.name) == ("a", "c")
    assert ranking.switches == ()
    alone = rank(Ranking(), doubted, 0.0).group
    assert alone is not None and alone.first.name == "a"


def test_a_switch_says_why() -> None:
    (switch,) = rounds({"a": 130.0, "b": 140.0}, *[{"a": 130.0, "b": 120.0}] * 3).switches
    assert (switch.old, switch.new, switch.reason) == ("a", "b", "10.0 ms cheaper")


def test_what_is_assumed_never_takes_the_lead() -> None:
    ranking = Ranking()
    for at in range(100):
        weather = [figure("a", 130), figure("b", 50, source=Source.ASSUMED), figure("c", 140)]
        ranking = rank(ranking, weather, at / 2)
        assert names(ranking)[0] == "a"


@pytest.mark.parametrize("state", [PathState.STALLED, PathState.DOWN, PathState.HELD])
def test_a_leader_that_does_not_work_is_left_at_once(state: PathState) -> None:
    first = rank(Ranking(), [figure("a", 130), figure("b", 300)], 0.0)
    second = rank(first, [figure("a", 130, state, reason="overdue"), figure("b", 300)], 0.1)
    assert names(second) == ["b", "a"]
    assert second.switches[-1].reason == "overdue"


def test_the_band_is_left_at_twice_what_lets_in() -> None:
    inside = {"a": 130.0, "b": 132.0}
    assert band(rounds(inside, {"a": 130.0, "b": 135.9})) == {"a", "b"}
    assert band(rounds(inside, {"a": 130.0, "b": 136.1})) == {"a"}
    assert band(rounds({"a": 130.0, "b": 150.0}, {"a": 130.0, "b": 135.9})) == {"a"}


def test_a_challenger_that_has_not_won_yet_is_not_as_good_as_the_leader() -> None:
    assert band(rounds({"a": 130.0, "b": 150.0}, {"a": 130.0, "b": 125.0})) == {"a"}


TIERS = [
    ("up", figure("up", 900), Tier.UP),
    ("backup", figure("backup", 100, backup=True), Tier.BACKUP),
    ("held", figure("held", 90, PathState.HELD), Tier.HELD),
    ("held-backup", figure("held-backup", 80, PathState.HELD, backup=True), Tier.HELD_BACKUP),
    ("leaving", figure("leaving", 70, leaving="jp drains"), Tier.LEAVING),
    ("stalled", figure("stalled", 60, PathState.STALLED, reason="answer overdue"), Tier.STALLED),
    ("closed", figure("closed", 40, closed="its quota is used"), Tier.CLOSED),
    ("down", figure("down", 50, PathState.DOWN, reason="reset"), Tier.DOWN),
]


def test_tiers_come_before_cost_and_every_entry_says_why() -> None:
    ranking = rank(Ranking(), [figures for _, figures, _ in reversed(TIERS)], 0.0)
    assert [(entry.name, entry.tier) for entry in ranking.order] == [(name, tier) for name, _, tier in TIERS]
    assert [entry.rank for entry in ranking.order] == list(range(1, 9))
    assert [entry.reason for entry in ranking.order] == [
        "best",
        "backup: only when nothing else is up",
        "held",
        "held",
        "jp drains",
        "answer overdue",
        "its quota is used",
        "reset",
    ]


@pytest.mark.parametrize("left", range(6))
def test_the_last_path_that_carries_anything_is_used(left: int) -> None:
    ranking = rank(Ranking(), [TIERS[left][1], TIERS[6][1]], 0.0)
    assert ranking.group is not None
    assert [entry.name for entry in ranking.group.band] == [TIERS[left][0]]


@pytest.mark.parametrize("lagged", [False, True])
def test_when_everything_misses_the_order_stays(lagged: bool) -> None:
    first = rank(Ranking(), [figure("a", 130), figure("b", 140), figure("c", 150)], 0.0)
    states = [PathState.STALLED, PathState.STALLED if not lagged else PathState.UP, PathState.DOWN]
    weather = [figure(name, ms, state) for name, ms, state in zip("abc", (900, 140, 30), states, strict=True)]
    assert names(rank(first, weather, 0.5, lagged=lagged)) == ["a", "b", "c"]


def test_every_exit_has_its_own_order() -> None:
    figures = [figure("a", 130, exit_="us1"), figure("b", 150, exit_="us2"), figure("c", 140, exit_="us2")]
    ranking = rank(Ranking(), figures, 0.0)
    assert {name: [entry.name for entry in group.order] for name, group in ranking.exits.items()} == {
        "us1": ["a"],
        "us2": ["c", "b"],
    }


def test_a_path_that_left_the_network_leaves_the_lead() -> None:
    first = rounds({"a": 130, "b": 140})
    second = rank(first, [figure("b", 140)], 0.5)
    assert names(second) == ["b"]
    assert second.switches[-1].reason == "no longer in the network"
    assert rank(second, [], 1.0).order == ()


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from("abcdefgh"),
            st.tuples(
                st.floats(1, 900),
                st.sampled_from(list(PathState)),
                st.floats(0, 0.2),
                st.booleans(),
                st.sampled_from([Source.MEASURED, Source.ASSUMED]),
            ),
        ),
        max_size=12,
    )
)
def test_a_ranking_is_a_permutation_with_a_usable_band(
    weather: list[dict[str, tuple[float, PathState, float, bool, Source]]],
) -> None:
    ranking = Ranking()
    for at, row in enumerate(weather):
        figures = [
            figure(
                name, ms, state, "us" + name[0] * (name < "d"), deviation=deviation, leaving="drains" if leaves else "",
                source=source,
            )
            for name, (ms, state, deviation, leaves, source) in row.items()
        ]  # fmt: skip
        before, ranking = ranking, rank(ranking, figures, float(at))
        assert sorted(names(ranking)) == sorted(row)
        assert sorted(entry.name for group in ranking.exits.values() for entry in group.order) == sorted(row)
        assert [entry.rank for entry in ranking.order] == list(range(1, len(row) + 1))
        assert all(entry.reason for entry in ranking.order)
        for group in (ranking.group, *ranking.exits.values()):
            if group is not None:
                assert_usable(group.order, group.band)
                assert_best_tier_leads(group.order, before)
        assert len(ranking.switches) <= 20


def assert_usable(order: tuple[Entry, ...], band: tuple[Entry, ...]) -> None:
    usable = [entry for entry in order if entry.tier < Tier.CLOSED]
    assert bool(band) == bool(usable)
    assert set(band) <= set(usable)


def assert_best_tier_leads(order: tuple[Entry, ...], before: Ranking) -> None:
    """Unless all miss at once; and nothing assumed comes to lead while something measured is as usable."""
    leader = order[0]
    if leader.tier < Tier.STALLED:
        assert leader.tier is min(entry.tier for entry in order)
    had = before.by_name.get(leader.name)
    if had is None and not leader.is_measured and leader.tier < Tier.STALLED:
        assert not any(entry.is_measured for entry in order if entry.tier is leader.tier)


@given(st.lists(st.floats(-0.4, 0.4), min_size=1, max_size=200), st.floats(0, 5))
def test_a_steady_leader_is_never_left_for_noise_within_the_doubt(noise: list[float], gain: float) -> None:
    """Whatever the last digit does, and however far behind the other is."""
    ranking = rank(Ranking(), [figure("a", 130.0), figure("b", 131.0)], 0.0)
    for number, off in enumerate(noise, 1):
        ranking = rank(ranking, [figure("a", 130.0), figure("b", 130.0 + off + gain)], number / 2)
        assert names(ranking) == ["a", "b"]


@settings(deadline=None)
@given(st.floats(100, 300), st.floats(0, 1.9), st.lists(st.floats(-0.04, 0.04), min_size=100, max_size=100))
def test_between_equals_money_decides_once(ms: float, apart: float, noise: list[float]) -> None:
    ranking = Ranking()
    dear = Path((Hop(Line("dear", "sh", "us", Address("x", 1), cost=1.0), "sh", "us", Address("x", 1)),))
    for number, off in enumerate(noise):
        one = PathFigures(dear, PathState.UP, round_trip=ms / 1000)
        ranking = rank(ranking, [one, figure("cheap", ms + apart + off)], number * 5.0)
    assert names(ranking) == ["cheap", "dear"]
    assert len(ranking.switches) <= 1


@pytest.mark.parametrize("state", [PathState.STALLED, PathState.DOWN])
@given(st.floats(1, 900), st.floats(1, 900), st.integers(0, 20))
def test_what_died_is_left_at_once_whatever_went_before(state: PathState, one: float, other: float, steps: int) -> None:
    ranking = Ranking()
    for number in range(steps):
        ranking = rank(ranking, [figure("a", one), figure("b", other)], number / 2)
    for dead, living in ("ab", "ba"):
        after = rank(ranking, [figure(dead, one, state), figure(living, other)], steps / 2)
        assert names(after)[0] == living
