"""docs/wan.md: ours and the others in one table, each on the lines it was measured on."""

from pathlib import Path

import pytest

from bench.load import Failed
from bench.results import Numbers, Result, Row
from bench.wan.bed import alone
from bench.wan.report import (
    bed_table,
    choice_table,
    first_byte_table,
    speed_table,
    switch_table,
    systems_table,
    write_report,
)

OURS_FIRST = {"warm.trip": 0.133, "warm.p50": 0.140, "warm.above": 0.007, "new": 0.275}
OURS_FIRST |= {"switched.trip": 0.142, "switched.p50": 0.15, "switched.above": 0.008, "switched.first": 0.16}
OURS_FIRST |= {"switched.after": 0.6}
OTHER_FIRST = {"warm.trip": 0.133, "warm.p50": 0.399, "warm.above": 0.266}
FIRST = Result(
    "firstbyte",
    "now",
    "here",
    {
        "answered at once": Row("ingress 1", "ours", [OURS_FIRST]),
        "haproxy tls": Row("HAProxy 2", "theirs", [OTHER_FIRST]),
        "xray trojan+mux": Row(error="xray is not installed"),
    },
)


def loaded(times: float) -> Numbers:
    """A round in which requests take so many times longer beside the download."""
    found = {"rate": 1e8, "download": 9e7, "alone.p50": 0.1, "alone.p99": 0.2}
    return found | {"beside.p50": 0.1 * times, "beside.p99": 0.2 * times}


SPEED = Result(
    "speed",
    "now",
    "here",
    {
        "100 Mbit/s: ingress": Row("ingress 1", "ours", [loaded(1.1), loaded(1.3), loaded(1.2)]),
        "100 Mbit/s: direct": Row("", "no proxy", [loaded(2.0)]),
        "200 Mbit/s: direct": Row(error="broken"),
    },
)


def lines_of(table: str) -> list[list[str]]:
    """The cells of each row but the head's."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_the_bed_shows_both_directions() -> None:
    found = {"there.delay": 0.0101, "there.loss": 0.0097, "there.rate": 95e6, "back.delay": 0.0102, "back.loss": 0.0}
    proven = Result("bed", "now", "here", {"1 % loss, one way": Row("plain TCP", "as asked", [found])})
    assert lines_of(bed_table(proven)) == [["1 % loss, one way", "10.1", "0.97", "95", "10.2", "0", "–"]]


def test_weather_shows_what_moved_and_who_was_named() -> None:
    rows = {
        "1 % loss one way": Row("ingress 1", "ours", [{"moved": 0.0, "named.after": 23.7, "named": 1.0}] * 2),
        "longer": Row("ingress 1", "ours", [], "streams still ride over it"),
    }
    lossy, longer = lines_of(choice_table(Result("choice", "now", "here", rows)))
    assert lossy == ["1 % loss one way", "0 (0–0)", "–", "–", "–", "–", "23.7 (23.7–23.7)", *"–––", "1 (1–1)", "–", "–"]
    assert longer[1] == "not measured: streams still ride over it"


def test_first_bytes_are_compared_with_the_round_trip() -> None:
    assert lines_of(first_byte_table(FIRST)) == [
        ["**ingress**, answered at once", "133", "140", "7", "1.05"],
        ["haproxy tls", "133", "399", "266", "3.00"],
        ["xray trojan+mux", "not measured: xray is not installed", "–", "–", "–"],
    ]


def test_only_ours_has_other_paths_to_switch_to() -> None:
    assert lines_of(switch_table(FIRST)) == [["answered at once", "275", "142", "150", "8", "160", "600"]]


def test_a_ratio_is_of_one_round_and_their_median_is_shown() -> None:
    ours, direct, absent = lines_of(speed_table(SPEED))
    assert absent[:3] == ["200 Mbit/s", "direct", "not measured: broken"]
    assert (ours[:3], ours[-2:]) == (["100 Mbit/s", "**ingress**", "90 (90–90)"], ["1.20", "1.20"])
    assert (direct[:3], direct[-2:]) == (["100 Mbit/s", "direct", "90"], ["2.00", "2.00"])


def test_every_system_is_told_of_once() -> None:
    assert lines_of(systems_table({"firstbyte": FIRST, "speed": SPEED})) == [
        ["**ingress**", "ingress 1", "ours"],
        ["haproxy tls", "HAProxy 2", "theirs"],
        ["direct", "", "no proxy"],
    ]


def test_g14_a_row_that_is_missing_says_why_in_its_place(tmp_path: Path) -> None:
    text = write_report({"firstbyte": FIRST, "speed": SPEED}, tmp_path).read_text()
    assert "| xray trojan+mux | not measured: xray is not installed |" in text
    assert "| 200 Mbit/s | direct | not measured: broken |" in text
    assert "not measured: a packet network has no such thing" in text
    assert text.count("haproxy tls") == 2
    assert "\n- " not in text


@pytest.mark.parametrize("rounds", [[], [OTHER_FIRST]])
def test_g14_no_report_is_made_of_what_did_not_come_to_its_end(tmp_path: Path, rounds: list[Numbers]) -> None:
    torn = Row("sing-box 1", "theirs", rounds, error="[Errno 2] No such file: '/run/netns/…'")
    (tmp_path / "wan.md").write_text("the last whole one")
    results = {"firstbyte": Result("firstbyte", "now", "here", {**FIRST.rows, "sing-box trojan": torn})}
    with pytest.raises(Failed, match=r"firstbyte: sing-box trojan: .*; again: python -m bench wan firstbyte"):
        write_report(results, tmp_path)
    assert (tmp_path / "wan.md").read_text() == "the last whole one"


def test_g14_two_runs_cannot_have_the_bed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.wan.bed.LOCK", tmp_path / "lock")
    with alone(), pytest.raises(Failed, match="another run has the bed"), alone():
        pass
    with alone():
        pass


def test_what_was_not_measured_leaves_no_table(tmp_path: Path) -> None:
    assert "compared" not in write_report({}, tmp_path).read_text()
