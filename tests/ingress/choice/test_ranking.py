"""Rankings as tables of numbers."""

from collections.abc import Mapping

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.choice.entry import Entry, Tier
from ingress.choice.ranking import Ranking, rank
from ingress.measure.figures import PathFigures
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


def test_the_cheapest_leads_and_paths_within_the_margin_are_equal() -> None:
    ranking = rounds({"a": 150, "b": 130, "c": 132})
    assert names(ranking) == ["b", "c", "a"]
    assert band(ranking) == {"b", "c"}


def test_the_target_share_of_unknown_sites_counts() -> None:
    figures = [figure("a", 130, exit_="us1"), figure("b", 135, exit_="us2")]
    assert names(rank(Ranking(), figures, 0.0, assumed={"us1": 0.02, "us2": 0.0})) == ["b", "a"]


def test_a_leader_is_left_after_three_seconds_of_being_beaten_by_the_margin() -> None:
    before = {"a": 130.0, "b": 140.0}
    after = {"a": 130.0, "b": 120.0}
    assert names(rounds(before, *[after] * 6)) == ["a", "b"]
    switched = rounds(before, *[after] * 7)
    assert names(switched) == ["b", "a"]
    assert band(switched) == {"b"}
    assert [(switch.at, switch.old, switch.new, switch.reason) for switch in switched.switches] == [
        (3.5, "a", "b", "10.0 ms cheaper for 3 s")
    ]


def test_one_good_round_in_between_starts_the_three_seconds_anew() -> None:
    before, after = {"a": 130.0, "b": 140.0}, {"a": 130.0, "b": 120.0}
    assert names(rounds(before, *[after] * 6, {"a": 130.0, "b": 129.0}, *[after] * 6)) == ["a", "b"]


def test_less_than_the_margin_never_switches() -> None:
    assert names(rounds({"a": 130.0, "b": 140.0}, *[{"a": 130.0, "b": 127.5}] * 100)) == ["a", "b"]


@pytest.mark.parametrize("state", [PathState.STALLED, PathState.DOWN, PathState.HELD])
def test_a_leader_that_does_not_work_is_left_at_once(state: PathState) -> None:
    first = rank(Ranking(), [figure("a", 130), figure("b", 300)], 0.0)
    second = rank(first, [figure("a", 130, state, reason="overdue"), figure("b", 300)], 0.1)
    assert names(second) == ["b", "a"]
    assert second.switches[-1].reason == "overdue"


def test_the_band_is_left_at_twice_the_margin() -> None:
    inside = {"a": 130.0, "b": 132.0}
    assert band(rounds(inside, {"a": 130.0, "b": 135.9})) == {"a", "b"}
    assert band(rounds(inside, {"a": 130.0, "b": 136.1})) == {"a"}
    assert band(rounds({"a": 130.0, "b": 150.0}, {"a": 130.0, "b": 135.9})) == {"a"}


def test_a_challenger_is_not_in_the_band_before_it_has_won() -> None:
    assert band(rounds({"a": 130.0, "b": 150.0}, {"a": 130.0, "b": 100.0})) == {"a"}


TIERS = [
    ("up", figure("up", 900), Tier.UP),
    ("backup", figure("backup", 100, backup=True), Tier.BACKUP),
    ("held", figure("held", 90, PathState.HELD), Tier.HELD),
    ("held-backup", figure("held-backup", 80, PathState.HELD, backup=True), Tier.HELD_BACKUP),
    ("leaving", figure("leaving", 70, leaving="jp drains"), Tier.LEAVING),
    ("stalled", figure("stalled", 60, PathState.STALLED, reason="answer overdue"), Tier.STALLED),
    ("down", figure("down", 50, PathState.DOWN, reason="reset"), Tier.DOWN),
]


def test_tiers_come_before_cost_and_every_entry_says_why() -> None:
    ranking = rank(Ranking(), [figures for _, figures, _ in reversed(TIERS)], 0.0)
    assert [(entry.name, entry.tier) for entry in ranking.order] == [(name, tier) for name, _, tier in TIERS]
    assert [entry.rank for entry in ranking.order] == list(range(1, 8))
    assert [entry.reason for entry in ranking.order] == [
        "best",
        "backup: only when nothing else is up",
        "held",
        "held",
        "jp drains",
        "answer overdue",
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
            st.tuples(st.floats(1, 900), st.sampled_from(list(PathState)), st.floats(0, 0.2), st.booleans()),
        ),
        max_size=12,
    )
)
def test_a_ranking_is_a_permutation_with_a_usable_band(
    weather: list[dict[str, tuple[float, PathState, float, bool]]],
) -> None:
    ranking = Ranking()
    for at, row in enumerate(weather):
        figures = [
            figure(
                name, ms, state, "us" + name[0] * (name < "d"), deviation=deviation, leaving="drains" if leaves else ""
            )
            for name, (ms, state, deviation, leaves) in row.items()
        ]
        ranking = rank(ranking, figures, float(at))
        assert sorted(names(ranking)) == sorted(row)
        assert sorted(entry.name for group in ranking.exits.values() for entry in group.order) == sorted(row)
        assert [entry.rank for entry in ranking.order] == list(range(1, len(row) + 1))
        assert all(entry.reason for entry in ranking.order)
        for group in (ranking.group, *ranking.exits.values()):
            if group is not None:
                assert_usable(group.order, group.band)
        assert len(ranking.switches) <= 20


def assert_usable(order: tuple[Entry, ...], band: tuple[Entry, ...]) -> None:
    usable = [entry for entry in order if entry.tier is not Tier.DOWN]
    assert bool(band) == bool(usable)
    assert set(band) <= set(usable)
