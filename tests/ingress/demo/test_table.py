"""What the demo shows, in words and in rows."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.cli.fitting import wrapped
from ingress.demo.console import HELP
from ingress.demo.screen import fit
from ingress.demo.table import emulated, told_changes

LINE: dict[str, Any] = {"round_trip": 0.03, "loss": 0.0, "rate": None, "blocked": [], "dial": "answered"}


def report(**states: str) -> dict[str, Any]:
    rows = [{"path": name, "state": state, "reason": "so", "in_band": state == "up"} for name, state in states.items()]
    return {"paths": rows}


def test_only_changes_are_told() -> None:
    assert told_changes(None, report(a="up", b="down")) == ["a: up (so)", "b: down (so)", "best now: a"]
    assert told_changes(report(a="up", b="up"), report(a="up", b="up")) == []
    assert told_changes(report(a="up", b="up"), report(a="down", b="up")) == ["a: down (so)", "best now: b"]
    assert told_changes(report(a="up"), report(a="stalled"))[-1] == "best now: none"


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({}, "30 ms"),
        ({"loss": 0.01, "rate": 50_000.0}, "30 ms, 1.0% loss, 50 KB/s"),
        ({"blocked": ["towards", "back"], "dial": "silent"}, "30 ms, CUT"),
        ({"blocked": ["back"], "dial": "silent"}, "30 ms, CUT back"),
        ({"blocked": ["towards", "back"]}, "30 ms, FROZEN"),
        ({"dial": "refused"}, "30 ms, REFUSES"),
    ],
)
def test_what_is_done_to_a_line_is_said_in_a_few_words(state: dict[str, Any], told: str) -> None:
    assert emulated({**LINE, **state}) == told


@given(st.integers(8, 100), st.integers(0, 64), st.integers(0, 30), st.integers(0, 14))
def test_everything_fits_on_the_screen(height: int, paths: int, lines: int, told: int) -> None:
    shown_paths, shown_lines, shown_told = fit(height, paths, lines, told)
    rows = 1 + shown_paths + 1 + 1 + shown_lines + 1 + shown_told + 1
    assert rows <= max(height, 8)
    assert shown_lines <= lines and shown_told <= told
    assert shown_paths == paths or shown_paths >= (height - shown_told - 5) // 2


def test_a_tall_screen_shows_all() -> None:
    assert fit(60, 12, 9, 14) == (12, 9, 14)


def test_long_lines_are_counted_as_the_rows_they_take() -> None:
    assert wrapped(["one two three", "", "four"], 8) == ["one two", "three", "", "four"]


def test_help_fits_a_usual_terminal() -> None:
    assert max(map(len, HELP.splitlines())) <= 80
