"""The report says what was reached and what was not; nothing in it hangs on a run."""

import json
from pathlib import Path

import pytest

from bench.load import Failed
from bench.results import Result, Row
from bench.survive.events import count_events
from bench.survive.faults import FAULTS, named
from bench.survive.report import pauses, reached, share, write_report

GOOD = {"download": 0.1, "upload": 0.1, "echo": 0.2, "redundant": 0.01, "echo.settled": 0.3, "lost": 0.0}
GOOD |= {"requests": 90.0, "failed": 0.0, "longest": 0.5, "lag": 0.01, "load": 1.0}


def test_a_share_is_the_least_value_that_so_many_do_not_exceed() -> None:
    values = [float(value) for value in range(1, 101)]
    assert (share(values, 0.99), share(values, 0.5), share([7.0], 0.95)) == (99.0, 50.0, 7.0)


def test_every_limit_is_judged_by_itself() -> None:
    fault = named("blackhole")
    assert "no" not in reached(fault, Row(rounds=[GOOD]))
    for change, word in [
        ({"echo": 1.1}, "**p99 ≤ 1000 ms: no**"),
        ({"redundant": 0.03}, "**redundant ≤ 20 ms: no**"),
        ({"failed": 1.0}, "**requests ≤ 1.2 s: no**"),
        ({"longest": 1.3}, "**requests ≤ 1.2 s: no**"),
        ({"lost": 1.0}, "**0 lost: no**"),
    ]:
        assert word in reached(fault, Row(rounds=[GOOD | change]))


def test_a_stream_that_a_program_does_not_have_is_a_dash() -> None:
    assert pauses(Row(rounds=[{"echo": 0.5}]), "redundant") == "–"
    assert pauses(Row(rounds=[{"echo": 0.5}, {"echo": 0.1}, {"echo": 0.2}]), "echo") == "200 / 500 / 500"


def test_the_report_tells_of_every_fault_and_of_who_is_missing(tmp_path: Path) -> None:
    lost = GOOD | {"lost": 2.0, "lost.echo": 1.0, "lost.download": 1.0, "again": 3.0}
    rows = {
        "ingress": Row("1", "ours", [GOOD]),
        "other": Row("2", "theirs", [lost]),
        "gone": Row(error="not installed"),
    }
    results = {fault.name: Result(fault.name, "now", "here", rows) for fault in FAULTS}
    text = write_report(results, tmp_path).read_text()
    assert all(text.count(fault.title) >= 1 for fault in FAULTS)
    assert "lost 1 of 1" in text
    assert "| gone | not measured: not installed |" in text


def test_g14_a_fault_that_was_not_run_says_so_in_its_place(tmp_path: Path) -> None:
    rows = {"ingress": Row("1", "ours", [GOOD])}
    text = write_report({FAULTS[0].name: Result(FAULTS[0].name, "now", "here", rows)}, tmp_path).read_text()
    assert f"| {FAULTS[1].title} | not measured: not run yet |" in text


def test_g14_no_report_of_a_fault_that_was_cut_short(tmp_path: Path) -> None:
    rows = {"ingress": Row("1", "ours", [GOOD], error="the network did not start")}
    with pytest.raises(Failed, match="again: python -m bench survive blackhole"):
        write_report({"blackhole": Result("blackhole", "now", "here", rows)}, tmp_path)
    assert not (tmp_path / "survive.md").exists()


@pytest.mark.parametrize("noise", ["", "Traceback (most recent call last):", "{}", "[1]", '{"event": "x"}', "7"])
def test_events_are_counted_from_a_moment_on(noise: str) -> None:
    early = json.dumps({"time": "2026-01-01T00:00:00+00:00", "event": "path-stalled"})
    late = json.dumps({"time": "2026-01-01T00:00:09.500+00:00", "event": "path-stalled"})
    since = 1767225609.0
    assert count_events([early, noise, late], since) == {"path-stalled": 1}
    assert count_events([early, noise, late]) == {"path-stalled": 2}
