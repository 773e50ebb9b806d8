"""`ingress history`: times as people write them, curves in characters, the answer of a running ingress as a picture."""

import datetime
import io
import json
from argparse import Namespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from ingress.cli import history, main
from ingress.cli.moments import lasted, read_moment, shown, tick
from ingress.cli.plot import MARKS, ROWS, CurvePoint, axis, bars, curve
from ingress.cli.render_history import MOST_OUTAGES, columns_for, render_all, render_one
from relay.config import values

NOW = datetime.datetime(2026, 11, 27, 21, 0, 30).timestamp()
HOUR = 3600.0


def test_moments_as_they_are_written() -> None:
    assert read_moment("24h", NOW) == NOW - 24 * HOUR
    assert read_moment("20:00", NOW) == NOW - HOUR - 30
    assert read_moment("21:01", NOW) == NOW + 30 - 24 * HOUR  # yesterday
    assert read_moment("2026-11-27 03:12", NOW) == datetime.datetime(2026, 11, 27, 3, 12).timestamp()
    assert read_moment("2026-11-27T03:12:00+00:00", NOW) == 1795749120.0


@pytest.mark.parametrize("text", ["yesterday", "25:00", "3:60", "", "12", "-3h"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(values.Wrong, match="no time"):
        read_moment(text, NOW)


def test_moments_as_they_are_shown() -> None:
    assert [shown(NOW - back * HOUR, NOW) for back in (1, 48, 10_000)] == [
        "20:00:30",
        "11-25 21:00:30",
        "2025-10-07 05:00:30",
    ]
    assert [tick(NOW, span * 24 * HOUR) for span in (1, 30, 900)] == ["21:00", "11-27", "2026-11"]
    assert [lasted(one) for one in (0.04, 9.94, 41, 60, 200, 7500, 100_000, 86_400)] == [
        "0.0 s",
        "9.9 s",
        "41 s",
        "1 min",
        "3 min 20 s",
        "2 h 5 min",
        "1 d 3 h",
        "1 d",
    ]


def lines_of(points: list[CurvePoint], width: int = 1) -> list[str]:
    return ["".join(text for text, _ in row) for row in curve(points, width)[0]]


def test_a_curve_rises_and_its_spread_is_a_shade() -> None:
    drawn = lines_of([CurvePoint(0.1), CurvePoint(0.15, 0.14, 0.19), CurvePoint(None), CurvePoint(0.2)], 2)
    assert len(drawn) == ROWS and {len(line) for line in drawn} == {8}
    assert drawn[0][6:] == "‾‾" and drawn[-1] == "__      "
    assert "".join(line[2] for line in drawn).strip("░ ") in MARKS
    assert 3 <= "".join(line[2] for line in drawn).count("░") <= 5
    assert all(line[4:6] == "  " for line in drawn)


def test_a_steady_line_is_not_drawn_as_noise() -> None:
    rows, top, bottom = curve([CurvePoint(0.1), CurvePoint(0.1001)], 1)
    assert top - bottom == pytest.approx(0.002) and len(rows) == ROWS
    assert curve([CurvePoint(None)], 3)[1:] == (0.002, 0.0)


TIMES = st.none() | st.floats(0, 10)


@given(points=st.lists(st.builds(CurvePoint, TIMES, TIMES, TIMES), min_size=1, max_size=30), width=st.integers(1, 4))
def test_every_point_has_its_place(points: list[CurvePoint], width: int) -> None:
    drawn = lines_of(points, width)
    assert len(drawn) == ROWS and all(len(line) == width * len(points) for line in drawn)
    for at, point in enumerate(points):
        column = [line[at * width] for line in drawn]
        assert sum(mark in "_─‾" for mark in column) == (point.middle is not None)


def test_bars_show_what_is_more_than_nothing() -> None:
    assert "".join(text for text, _ in bars([0.0, 0.0001, 0.5, 1.0, 2.0, None], 1.0, 1)) == " ▁▄██·"
    assert "".join(text for text, _ in bars([0.0], 0.0, 2)) == "  "


@given(labels=st.lists(st.text("ab", min_size=1, max_size=8), min_size=1, max_size=9), width=st.integers(1, 80))
def test_an_axis_is_as_wide_as_it_should(labels: list[str], width: int) -> None:
    assert len(axis(labels, width)) <= width
    assert axis(["03:00", "04:00", "05:00"], 20) == "03:00   04:00  05:00"


def point(at: float, **others: Any) -> dict[str, Any]:
    return {
        "at": at,
        "watched": 60.0,
        "samples": 100,
        "rtt": 0.15,
        "p95": 0.16,
        "deviation": 0.002,
        "late": 0.0,
        "loss_up": None,
        "loss_down": None,
        "up": 0,
        "down": 0,
        "streams": 0.0,
        "state": {"up": 1.0},
        **others,
    }


def answer(**others: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "ingress": "sh",
        "of": "ix/pacific",
        "kind": "path",
        "since": NOW - 600,
        "until": NOW,
        "step": 60,
        "series": [point(NOW // 60 * 60 - back * 60) for back in reversed(range(5))],
        "outages": [],
        "notes": [],
        **others,
    }


def outage(begin: float, end: float | None, **others: Any) -> dict[str, Any]:
    return {"kind": "path", "name": "a", "from": begin, "to": end, "state": "down", "why": "line ix is cut", **others}


def drawn(what: Any, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_one_series_with_all_that_can_be_seen() -> None:
    series = [
        point(NOW - 150),
        point(NOW - 90, late=0.03, loss_up=0.01, up=10**6, down=10**9, state={"up": 0.5, "down": 0.5}),
        point(NOW - 30, rtt=None, p95=None, deviation=None, late=None, state={"down": 1.0}),
    ]
    events = [{"at": NOW - 90, "level": "warning", "text": "ix is dead", "about": "ix", "event": "path-dead"}]
    outages = [outage(NOW - 90, NOW - 70), outage(NOW - 30, None, why="")]
    text = drawn(render_one(answer(series=series, outages=outages), events, 100, NOW))
    assert text.startswith("path ix/pacific from 20:50:30 to now, 10 min, one step is 1 min\n")
    for part in ("late│", "lost│", "out│", "bytes│", "20:50", "ix is dead", "2 outages, 50 s together"):
        assert part in text, part
    assert "20 s  line ix is cut" in text and "30 s, still  down" in text
    assert "median 150.0 ms" in text and "works 50 % of 3 min" not in text and "works 50.000 % of 3 min" in text
    out = next(line for line in text.splitlines() if "out│" in line)
    assert out.endswith("████████") and "▄" in out and "·" in out


def test_nothing_happened_and_nobody_looked() -> None:
    text = drawn(render_one(answer(series=[], notes=["the disk is full"]), [], 100, NOW))
    assert "nobody looked in this time" in text and "no outages" in text and "the disk is full" in text
    assert "no events" in drawn(render_one(answer(until=NOW - 300), [], 100, NOW))
    silent = [point(NOW - 30, rtt=None, samples=0, watched=0.0, state={})]
    assert "never answered" in drawn(render_one(answer(series=silent), [], 100, NOW))


def test_only_the_last_outages_are_listed() -> None:
    many = [outage(NOW - 500 + at, NOW - 499 + at) for at in range(MOST_OUTAGES + 3)]
    assert "and 3 before these" in drawn(render_one(answer(outages=many), [], 100, NOW))


@pytest.mark.parametrize("width", [40, 80, 100, 200])
def test_a_plot_fits_its_screen(width: int) -> None:
    series = [point(NOW // 60 * 60 - back * 60, late=0.1, down=5) for back in range(10)]
    lines = drawn(render_one(answer(series=series), [], width, NOW), width).splitlines()
    assert max(map(len, lines)) <= width and columns_for(width) >= 30


def summary_row(**others: Any) -> dict[str, Any]:
    row = point(0.0, **others)
    return {"kind": "path", "name": "ix/pacific", "availability": 1.0, "outages": 0, "longest_outage": 0.0, **row}


def test_everything_at_once() -> None:
    rows = [
        summary_row(),
        summary_row() | {"kind": "line", "name": "ix", "availability": 0.9999999, "loss_up": 0.0123},
        summary_row() | {"kind": "node", "name": "jp", "availability": 0.95, "outages": 2, "longest_outage": 70.0},
        summary_row() | {"kind": "node", "name": "us", "availability": None},
    ]
    same = [outage(NOW - 100, NOW - 50, name=name) for name in ("a", "b")]
    other = [outage(NOW - 99, NOW - 60, kind="line", name="ix"), outage(NOW - 400, NOW - 399, why="", name="c")]
    text = drawn(render_all(answer(all=rows, outages=[*other, *same]), [], 100, NOW))
    named = [line[:15].strip() for line in text.splitlines()[2:5]]
    assert "everything from" in text and named == ["path ix/pacific", "line ix", "node jp"]
    assert " 100  " in text and " 99.999  " in text
    assert "2 (1 min 10 s)" in text and "1.23/-" in text
    assert "50 s  line ix is cut (line ix, 2 paths)" in text and "1.0 s  down (path c)" in text
    narrow = drawn(render_all(answer(all=rows), [], 70, NOW), 70)
    assert "loss" not in narrow and "late %" in narrow and "path ix/pacific" in narrow
    titles = [line.split() for line in drawn(render_all(answer(all=rows), [], 40, NOW), 40).splitlines()]
    assert ["up", "%", "rtt", "ms", "outages"] in titles
    many = [outage(NOW - 10 - 20 * at, NOW - 9 - 20 * at) for at in range(MOST_OUTAGES + 2)]
    assert "and 2 shorter ones" in drawn(render_all(answer(all=[], outages=many), [], 100, NOW))


def run(monkeypatch: pytest.MonkeyPatch, **options: Any) -> tuple[int, list[dict[str, Any]]]:
    asked: list[dict[str, Any]] = []

    def ask(place: object, question: dict[str, Any], kind: str) -> dict[str, Any]:
        asked.append(question)
        return {"events": []} if question["ask"] == "events" else answer(all=[summary_row()])

    monkeypatch.setattr(history, "ask", ask)
    monkeypatch.setattr(history, "find_socket", lambda admin, kind: admin)
    monkeypatch.setattr("time.time", lambda: NOW)
    return history.run(Namespace(admin="a", name=None, since="24h", until=None, json=False, **options)), asked


def test_the_command_asks_both_questions(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, asked = run(monkeypatch)
    assert code == 0 and [one["ask"] for one in asked] == ["history", "events"]
    assert asked[0]["since"] == NOW - 24 * HOUR and asked[0]["until"] == NOW
    assert asked[0]["step"] == 24 * HOUR / 90 and asked[1]["limit"] == 25
    text = capsys.readouterr().out
    assert text.startswith("everything from") and "\x1b" not in text


def test_the_command_with_a_name_and_for_programs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(history, "ask", lambda *_: {**answer(), "events": []})
    monkeypatch.setattr(history, "find_socket", lambda admin, kind: admin)
    options = {"admin": "a", "name": "ix", "since": "1h", "until": "5m"}
    assert history.run(Namespace(json=False, **options)) == 0
    assert capsys.readouterr().out.startswith("path ix/pacific from")
    assert history.run(Namespace(json=True, **options)) == 0
    assert json.loads(capsys.readouterr().out)["events"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--since", "soon"], 'ingress: "soon" is no time; write 30m, 24h or 7d, or 03:12, or 2026-11-27 03:12\n'),
        (["--since", "1h", "--until", "2h"], "ingress: --since lies behind --until; nothing can be between them\n"),
    ],
)
def test_a_span_that_is_none(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", *words]) == 2
    assert capsys.readouterr().err == said


def test_nobody_runs(capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    assert main(["history", "--admin", str(tmp_path / "none.sock")]) == 1
    assert "no ingress answers there; start it" in capsys.readouterr().err
