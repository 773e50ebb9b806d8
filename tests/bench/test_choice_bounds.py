"""Who knows the future is beaten by nobody; and the page is made from figures alone."""

import random
from array import array
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.choice import report
from bench.choice.bounds import BestFixed, Foreseeing, Present, foreseen, seen
from bench.choice.games import OURS, PLAYERS, WEATHERS, Game, games
from bench.choice.score import WARM
from bench.choice.weather import steps_of
from bench.choice.worlds import World

STEPS = steps_of(WARM + 60)


def world(seed: int) -> World:
    chance = random.Random(seed)
    costs = {name: array("d", (chance.uniform(0.1, 0.2) for _ in range(STEPS))) for name in "abc"}
    return World((), (), {}, STEPS, {}, costs)


def spent(played: World, walked: list[str], price: float) -> float:
    switches = sum(one != other for one, other in pairwise(walked))
    return sum(played.costs[name][step] for step, name in enumerate(walked)) + price * switches


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6), st.sampled_from((0.0, 0.02, 0.2, 100.0)))
def test_who_knows_the_future_spends_the_least(seed: int, price: float) -> None:
    played, chance = world(seed), random.Random(seed)
    least = spent(played, foreseen(played, price), price)
    for walked in (["a"] * STEPS, ["b"] * STEPS, [chance.choice("abc") for _ in range(STEPS)]):
        assert least <= spent(played, walked, price) + 1e-9


def test_if_switches_are_free_there_is_no_regret_and_if_they_are_dear_there_are_none() -> None:
    played = world(1)
    assert all(
        played.costs[name][step] == min(one[step] for one in played.costs.values())
        for step, name in enumerate(foreseen(played, 0.0))
    )
    assert len(set(foreseen(played, 1e6))) == 1
    assert BestFixed(played, 1).run().gain == 0.0
    assert (Foreseeing(played, 1).run().gain or 0.0) >= 0.0


def test_who_knows_the_present_goes_where_it_has_been_cheaper_by_the_price_and_not_before() -> None:
    costs = {"a": array("d", [0.100] * 10 + [0.105] * 30), "b": array("d", [0.104] * 40)}
    walked = seen(World((), (), {}, 40, {}, costs), 0.0051)
    assert walked == ["a"] * 20 + ["b"] * 20  # a millisecond for half a second, ten times and once more
    played = world(1)
    assert len(set(seen(played, 1e9))) == 1
    assert Present(played, 1).run().switches > Foreseeing(played, 1).run().switches


def test_the_page_has_a_row_for_every_weather_and_no_figure_of_who_had_no_part() -> None:
    wanted = games(list(WEATHERS), [4, 16], [1, 2], list(PLAYERS), 0.5)
    assert Game("own bulk", 4, 1, "best fixed path", 0.5) not in wanted
    found = report.Found(
        {game: dict.fromkeys((*report.COLUMNS, "gained", "possible"), float(game.seed)) for game in wanted}
    )
    text = report.text(found)
    assert "0.5 hours" in text and "seeds 1 to 2" in text
    for weather in (*WEATHERS, report.ALL):
        assert text.count(f"| {weather} |") == 4
    assert f"| own bulk | {' | '.join(['1.5 / 1.5 / 1.5', *['–'] * (len(PLAYERS) - 1)])} |" in text
    assert found.together(4, OURS, "regret") == [1.0, 2.0]
    assert found.together(4, OURS, "gain") == [100.0, 100.0]
    assert "<svg" in report.plot(found)


def test_what_was_gained_in_all_weathers_is_a_share_of_the_sum() -> None:
    """A weather in which a fixed path is nearly as good as always knowing decides nothing."""
    parts = {"usual day": (90.0, 100.0), "near ties": (-2.0, 1.0)}
    figures = {
        Game(weather, 4, 1, OURS, 0.5): dict.fromkeys(report.COLUMNS, 0.0) | {"gained": gained, "possible": possible}
        for weather, (gained, possible) in parts.items()
    }
    assert report.Found(figures).together(4, OURS, "gain") == [pytest.approx(100 * 88 / 101)]
