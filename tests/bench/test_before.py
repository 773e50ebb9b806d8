"""The comparison with an earlier checkout: ratios of paired rounds, intervals that hold the median, nothing hidden."""

import pathlib
import random
from collections.abc import Iterator
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.before.checkout import installed
from bench.before.ratios import FIGURES, interval, paired, table
from bench.before.rounds import BULK, CONNECTIONS, Piece, alternate
from bench.contest import Contestant
from bench.load import Failed
from bench.peers import OURS
from bench.processes import Running
from bench.progress import Silent
from bench.results import Numbers
from bench.topology import Certificate, Place


def test_rounds_are_paired_and_a_round_without_the_figure_is_left_out() -> None:
    today = [{"one.p50": 2.0}, {}, {"one.p50": 3.0}, {"one.p50": 4.0}]
    before = [{"one.p50": 1.0}, {"one.p50": 1.0}, {"one.p50": 2.0}]
    assert paired(today, before, "one.p50") == [2.0, 1.5]


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=40))
def test_the_interval_holds_the_median_and_lies_within_the_values(values: list[float]) -> None:
    low, high = interval(values)
    assert min(values) <= low <= median(values) <= high <= max(values)
    if len(values) < 6:
        assert (low, high) == (min(values), max(values))


def test_the_interval_holds_the_true_median_as_often_as_it_says() -> None:
    chance = random.Random(7)
    held = 0
    for _ in range(2000):
        low, high = interval([chance.gauss(1, 0.1) for _ in range(15)])
        held += low <= 1 <= high
    assert 0.95 <= held / 2000 < 0.99


def test_a_figure_that_is_missing_is_said_to_be() -> None:
    lines = table([{"one.p50": 1.03}] * 15, [{"one.p50": 1.0}] * 15).splitlines()
    assert len(lines) == 2 + len(FIGURES)
    assert "| time of a connection, one at a time, p50 | 1.030 | 1.030–1.030 | 15 |" in lines
    assert sum("missing" in line for line in lines) == len(FIGURES) - 1


def test_a_commit_that_is_not_there_is_named() -> None:
    with pytest.raises(Failed, match="no commit 0123456789 here"):
        installed("0123456789")


@pytest.fixture
def two(tmp_path: pathlib.Path) -> Iterator[list[Contestant]]:
    """Contestants without a process."""
    place = Place(tmp_path, Certificate("", "", ""), 1, (), "127.0.0.1:1")
    running = [Running([], tmp_path), Running([], tmp_path)]
    yield [Contestant(OURS, place, one) for one in running]
    for one in running:
        one.stop()


def remembering(order: list[str], two: list[Contestant], name: str) -> Piece:
    def measured(contestant: Contestant) -> Numbers:
        order.append(f"{name} {two.index(contestant)}")
        contestant.sizes.setdefault(name, len(order))
        return {"p50": float(len(order))}

    return measured


def test_pieces_alternate_and_so_does_who_is_first(two: list[Contestant]) -> None:
    order: list[str] = []
    alternate(two, 2, {name: remembering(order, two, name) for name in ("a", "b")}, Silent())
    assert order == ["a 1", "a 0", "b 0", "b 1"] * 2
    assert two[0].row.rounds == [{"a.p50": 2.0, "b.p50": 3.0}, {"a.p50": 6.0, "b.p50": 7.0}]


def test_both_do_as_much(two: list[Contestant]) -> None:
    alternate(two, 1, {"a": remembering([], two, "a")}, Silent())
    assert two[0].sizes == two[1].sizes == {"a": 1}


def test_one_that_fails_keeps_what_it_has_and_ends_the_run(
    two: list[Contestant], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.load.CACHE", tmp_path / "cache")
    order: list[str] = []

    def failing(contestant: Contestant) -> Numbers:
        raise Failed("it broke")

    alternate(two, 3, {"a": remembering(order, two, "a"), "b": failing}, Silent())
    assert order == ["a 1", "a 0"]
    assert [str(one.row.error).partition(";")[0] for one in two] == ["it broke", "None"]
    assert two[0].row.rounds == [{"a.p50": 2.0}]


def test_every_figure_is_one_that_a_piece_measures() -> None:
    assert {key.partition(".")[0] for key in FIGURES} == {*CONNECTIONS, *BULK}
