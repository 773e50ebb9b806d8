"""The report: every system is in it, with its figures or with the reason why it has none."""

import pathlib
import xml.etree.ElementTree as ElementTree

import pytest

from bench.__main__ import main
from bench.load import Failed
from bench.measures.every import MEASURES
from bench.measures.measure import Measure
from bench.peers import OURS
from bench.plots import bars
from bench.report import write_report
from bench.results import Result, Row, keep_result, load_results

NUMBERS: dict[str, dict[str, float]] = {
    "connections": {"many.rate": 4000.0, "many.cpu.all": 0.000321, "one.p50": 0.00045},
    "stages": {"cpu.all": 0.000206, "cpu.ingress": 0.000103, "node.hop1": 0.000011},
    "bulk": {"down.rate": 3.4e9, "down.cpu.all": 2.5},
    "idle": {"opened": 2000.0, "stream.ingress": 12 * 1024, "stream.all": 20 * 1024},
    "firstbyte": {"first": 0.27, "new": 0.27, "known": 0.139},
    "startup": {"help": 0.1, "accepts": 0.4, "echoes": 0.6, "memory.ingress": 30e6, "memory.exit": 30e6},
    "hops": {"1.p50": 0.001, "2.p50": 0.002, "3.p50": 0.003},
    "scale": {"opened": 19_600.0, "wanted": 19_600.0, "stream.ingress": 2.5 * 1024, "none.seen": 8e7, "full.seen": 7e8},
    "paused": {"0.rate": 9e7, "100.rate": 8e7, "at once.ingress": 7e7, "at once.share": 0.2},
    "udp": {
        **{f"{load}.cpu.all": 3e-5 for load in ("game", "call", "up", "down")},
        **{f"{load}.{name}": 0.001 for load in ("game", "call") for name in ("p50", "p99", "lost")},
        **{f"{load}.rate": 50_000.0 for load in ("up", "down")},
    },
    "udp-beside": {
        **{f"{load}.{name}": 0.001 for load in ("alone", "streams", "datagrams") for name in ("p50", "p95", "lost")},
        **{f"{load}.added": 0.0005 for load in ("streams", "datagrams")},
    },
    "beside": {"alone.p50": 0.139, "alone.p99": 0.15, "beside.p50": 0.139, "beside.p99": 0.3},
}


def result_of(measure: str) -> Result:
    rows = {
        OURS.name: Row("ingress 1.0", "ours", [NUMBERS[measure]]),
        "other": Row("other 2.0", "theirs", [NUMBERS[measure]]),
        "absent": Row(error="absent is not installed"),
    }
    return Result(measure, "2030-01-01 00:00", "2 cores", rows)


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
def test_each_measure_shows_figures_and_reasons(measure: Measure) -> None:
    result = result_of(measure.name)
    text = measure.tables(result)
    assert f"| **{OURS.name}** |" in text
    assert "| other |" in text
    assert "| absent | not measured: absent is not installed |" in text
    for svg in measure.charts(result).values():
        assert "absent" not in svg


def test_the_report_has_a_section_and_its_charts_for_each_result(tmp_path: pathlib.Path) -> None:
    path = write_report({measure.name: result_of(measure.name) for measure in MEASURES}, tmp_path)
    text = path.read_text()
    for measure in MEASURES:
        assert f"## {measure.title}\n" in text
    images = [line.split("](")[1].rstrip(")") for line in text.splitlines() if line.startswith("![")]
    assert images
    assert all((tmp_path / image).exists() for image in images)
    assert "| other | other 2.0 | theirs |" in text


def test_g14_no_report_is_made_of_what_did_not_come_to_its_end(tmp_path: pathlib.Path) -> None:
    result = result_of("bulk")
    result.rows["other"].error = "killed"
    with pytest.raises(Failed, match="bulk: other: killed; again: python -m bench bulk"):
        write_report({"bulk": result}, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_was_not_measured_is_not_in_the_report(tmp_path: pathlib.Path) -> None:
    text = write_report({"bulk": result_of("bulk")}, tmp_path).read_text()
    assert "## Bulk" in text
    assert "## New connections" not in text


def test_results_are_kept_by_measure(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "folder" / "results.json"
    keep_result(result_of("bulk"), file)
    keep_result(result_of("idle"), file)
    newer = Result("bulk", "2030-01-02 00:00", "2 cores", {})
    keep_result(newer, file)
    assert load_results(file) == {"bulk": newer, "idle": result_of("idle")}


def test_a_chart_is_wellformed_and_its_bars_are_to_scale() -> None:
    svg = ElementTree.fromstring(bars("a < b", "ms", {"one": [1.0, 2.0, 3.0], "none": [], "six & more": [6.0]}))
    names = [element.text for element in svg.iter() if element.text and element.get("text-anchor") == "end"]
    assert names == ["one", "six & more"]
    widths = [float(element.get("width", 0)) for element in svg.iter() if element.get("x") and element.get("width")]
    assert widths[1] == pytest.approx(3 * widths[0], rel=0.01)


@pytest.mark.parametrize("words", [["speed"], ["bulk", "--only", "nobody"], ["bulk", "--rounds", "0"]])
def test_a_wrong_command_line_is_refused(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["bench", *words])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
