"""The traced walks: what is counted, what is shown, and that they still come to their ends in this tree."""

import importlib
import json
from typing import Any

import pytest

from bench.walks.__main__ import BEFORE, COLUMNS, WALKS, main, shown

traced: Any = importlib.import_module("bench.walks.traced")


def walk(*files: str) -> list[Any]:
    return [traced.Call(file, "f") for file in files]


@pytest.mark.parametrize(("files", "changes"), [("", 0), ("a", 0), ("aa", 0), ("ab", 1), ("aba", 2), ("aabbc", 2)])
def test_a_change_is_a_call_in_another_file_than_the_last(files: str, changes: int) -> None:
    assert traced.changes(walk(*files)) == changes


def test_a_usual_burst_stands_for_its_kind_and_chance_for_none() -> None:
    bursts = [walk("a", "b")] * 8 + [walk("b", "a", "a")] * 4 + [walk("c")] * 3 + [walk("a", "b", "c")]
    assert traced.often(bursts) == [walk("a", "b"), walk("c")]


def test_the_walk_that_comes_most_often_is_undisturbed() -> None:
    walks = [walk("a"), walk("a", "b", "c"), walk("a", "b"), walk("a", "c", "d"), walk("a", "b"), walk("a", "b")]
    assert traced.undisturbed(walks) == walk("a", "b")
    assert traced.undisturbed(walks[:5]) == walk("a")


def test_shares_are_those_of_the_first_tree() -> None:
    first = {name: dict.fromkeys(COLUMNS, 40) for name in WALKS}
    second = {name: dict.fromkeys(COLUMNS, 30) for name in WALKS}
    text = shown({"old": first, "new": second})
    assert text.count("| old | 40 | 40 | 40 | 40 |") == len(WALKS)
    assert text.count("| new | 30 (0.75) | 30 (0.75) | 30 (0.75) | 30 (0.75) |") == len(WALKS)


def test_what_was_is_kept_for_every_walk() -> None:
    assert {name: set(figures) for name, figures in json.loads(BEFORE.read_text()).items()} == {
        name: set(COLUMNS) for name in WALKS
    }


def test_the_walks_come_to_their_ends_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert set(figures) == set(WALKS)
    for one in figures.values():
        assert 10 <= one["files"] <= one["straight"] <= one["changes"] < one["calls"] < 1000
