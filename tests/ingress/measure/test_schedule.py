"""How often each path is asked, and what that costs."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.measure.schedule import FAR, NEAR, PROBE_BYTES, RIDING, backups, intervals, probe_bytes_per_day, shortened
from relay.model.network import Address, Line
from relay.model.walk import Hop, Path


def path(*names: str, exit_: str = "us") -> Path:
    """Lines by name; the last ends at *exit_*."""
    nodes = ["sh", *(f"{name}-end" for name in names[:-1]), exit_]
    lines = [Line(name, nodes[at], nodes[at + 1], Address("x", 1)) for at, name in enumerate(names)]
    return Path(tuple(Hop(line, line.start, line.end, line.address) for line in lines))


def lean(*names: str) -> Path:
    """The same, over a first line of which each byte is paid."""
    first, *others = path(*names).hops
    return Path((attrs.evolve(first, line=attrs.evolve(first.line, is_lean=True)), *others))


ORDER = [path("a", str(number)) for number in range(6)] + [path("b", "9"), path("c", "8")]


def test_the_best_four_a_backup_and_the_prefixes_are_asked_often() -> None:
    every = intervals(ORDER, [path("a"), path("b")], [], [])
    near = {name for name, seconds in every.items() if seconds == NEAR}
    assert near == {"a/0", "a/1", "a/2", "a/3", "b/9", "a", "b"}
    assert {every[name] for name in ("a/4", "a/5", "c/8")} == {FAR}


def test_where_streams_ride_and_what_is_on_trial_is_asked_often_too() -> None:
    every = intervals(ORDER, [], ["a/5", "gone"], ["c/8"])
    assert (every["a/5"], every["c/8"]) == (RIDING, NEAR)
    assert "gone" not in every


def test_while_nobody_speaks_only_the_best_path_to_each_exit_and_what_is_on_trial_is_asked_often() -> None:
    order = [*ORDER, path("d", "7", exit_="hk"), path("d", "6", exit_="hk")]
    every = intervals(order, [path("a"), path("d")], [], ["a/3"], is_idle=True)
    assert {name for name, seconds in every.items() if seconds == NEAR} == {"a/0", "d/7", "a/3"}
    assert set(every.values()) == {NEAR, FAR}


def test_a_line_to_be_probed_leanly_is_asked_often_only_where_streams_ride() -> None:
    order = [lean("a", "0"), path("b", "9"), lean("a", "1")]
    every = intervals(order, [lean("a"), path("b")], ["a/1"], ["a/0"])
    assert every == {"a/0": FAR, "b/9": NEAR, "a/1": RIDING, "a": FAR, "b": NEAR}


def test_every_exit_has_a_backup_that_shares_no_line_with_its_best() -> None:
    order = [path("a", "1"), path("a", "2", exit_="hk"), path("b", "1"), path("b", "3"), path("b", "4", exit_="hk")]
    assert [one.name for one in backups(order)] == ["b/3", "b/4"]


@given(st.floats(0.1, 10), st.floats(0, 1))
def test_jitter_only_shortens(interval: float, random: float) -> None:
    assert 0.9 * interval - 1e-9 <= shortened(interval, random) <= interval


def test_probe_bytes_are_counted_on_each_line_of_each_walk() -> None:
    walks = [path("a", "1"), path("a")]
    daily = probe_bytes_per_day(walks, {"a/1": 0.5, "a": 5.0})
    assert daily["1"] == pytest.approx(86400 / 0.475 * PROBE_BYTES, rel=1e-6)
    assert daily["a"] == pytest.approx(daily["1"] * 1.1, rel=1e-6)
    assert probe_bytes_per_day(walks, {}) == {}
