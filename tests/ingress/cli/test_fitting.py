"""Nothing that decides is lost on a small screen: G5."""

import io
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from ingress.cli.fitting import Column, columns_that_fit, shared, shortened
from ingress.cli.render_paths import render
from tests.ingress.cli.test_paths import LINE, PATHS, ROW

BAD = ("stalled", "down", "auth", "held")


def drawn(answer: dict[str, Any], width: int, height: int | None) -> list[str]:
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False)
    console.print(render(answer, width, height))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


@st.composite
def answers(draw: st.DrawFn) -> dict[str, Any]:
    states = draw(st.lists(st.sampled_from(["up", *BAD]), min_size=1, max_size=64))
    paths = [
        {**ROW, "rank": rank, "path": f"ix-{rank}/jp-us-{rank}", "state": state, "in_band": rank == 1}
        for rank, state in enumerate(states, 1)
    ]
    count = draw(st.integers(1, 20))
    lines = [
        {**LINE, "line": f"line-{at}", "state": draw(st.sampled_from(["up", "broken", "poor"]))} for at in range(count)
    ]
    blame = [f"line line-{at} is broken: jp-dmit is well and us-dmit answers over other lines" for at in range(3)]
    return {**PATHS, "paths": paths, "lines": lines, "blame": blame[: draw(st.integers(0, 3))], "warnings": []}


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30)])
def test_g5_what_decides_is_on_the_screen(width: int, height: int) -> None:
    @settings(max_examples=40, deadline=None)
    @given(answers())
    def check(answer: dict[str, Any]) -> None:
        rows = drawn(answer, width, height)
        text = "\n".join(rows)
        assert len(rows) <= height and all(len(row) <= width for row in rows)
        assert all(rows[1 + at * 2 if width < 85 else 1 + at].startswith("blame") for at in range(len(answer["blame"])))
        assert " ix-1/jp-us-1 > us-dmit " in text
        wrong = [one for one in answer["paths"] if one["state"] != "up"]
        shown = [one for one in wrong if f"{one['path']} >" in text]
        assert shown == wrong or all(f"{one['path']} >" not in text for one in answer["paths"][1:] if one not in wrong)
        assert ("line-" in text and "streams, " in rows[-1]) or "probes" in rows[-1]
        counted = sum(int(row.split()[1]) for row in rows if row.startswith("… "))
        tables = sum(" > us-dmit" in row for row in rows) + sum(row.startswith("line-") for row in rows)
        assert tables + counted == len(answer["paths"]) + len(answer["lines"])

    check()


def test_g5_many_findings_leave_room_for_the_paths() -> None:
    answer = {**PATHS, "blame": [f"finding {at}" for at in range(40)]}
    rows = drawn(answer, 80, 24)
    assert len(rows) <= 24
    assert any(row.startswith("… ") and "more rows" in row for row in rows)
    assert any("ix-dmit/jp-us-dmit > us-dmit" in row for row in rows)


def test_without_a_screen_all_is_there() -> None:
    answer = {**PATHS, "paths": [{**ROW, "path": f"path-{at}"} for at in range(64)]}
    assert sum("path-" in row for row in drawn(answer, 100, None)) == 64


@attrs.frozen
class Item:
    name: str
    is_well: bool


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(1, 40))
def test_rows_are_shortened_from_the_end_of_what_is_well(wells: list[bool], room: int) -> None:
    items = [Item(str(at), well) for at, well in enumerate(wells)]
    kept, more = shortened(items, room, lambda item: item.is_well)
    assert len(kept) + more == len(items) and kept[0] is items[0]
    assert len(kept) + (more > 0) <= max(room, 2)
    assert kept == [item for item in items if item in kept]
    if any(item.is_well for item in kept[1:]):
        assert all(item in kept for item in items if not item.is_well)


@given(st.integers(2, 60), st.integers(0, 64), st.integers(0, 64))
def test_two_tables_share_what_there_is(room: int, first: int, second: int) -> None:
    one, other = shared(room, first, second)
    assert one + other <= max(room, first + second) and one <= first and other <= second
    if first + second > room:
        assert one + other == room


def test_the_least_columns_go_first_and_some_never() -> None:
    columns = [
        Column("name", lambda row: row["name"]),
        Column("a", lambda row: "12345", 1),
        Column("b", lambda row: "1", 2),
    ]
    rows = [{"name": "x" * 10}]
    names = {width: [column.name for column in columns_that_fit(columns, rows, width)] for width in (18, 17, 12, 3)}
    assert names == {18: ["name", "a", "b"], 17: ["name", "b"], 12: ["name", "b"], 3: ["name"]}
