"""What the page is told every second."""

import attrs

from ingress.report.live import network_event
from ingress.report.rows import HoldRow, QuotaRow
from tests.ingress.report.running import Running


def test_what_moves_is_told_with_all_that_became_of_streams() -> None:
    told = network_event(Running().report(5.0))
    assert [row["path"] for row in told["paths"]] == ["ix1/j1u", "ix2/j2u", "ix1"]
    assert told["paths"][0]["bytes_down"] == 1000
    totals = told["totals"]
    assert (totals["streams"], totals["moves"], totals["resumes"], totals["longest_pause"]) == (1, 2, 1, 0.2)
    assert totals["lost"] == {"exit-lost": 1}


def test_what_is_held_and_what_is_used_up_is_told() -> None:
    report = Running().report(5.0)
    quota = QuotaRow(9e9, 1e10, 0.9, "both", "month", 0.0, 2e6, "1970-01-24", "backup")
    (first, *others) = report.lines
    lines = [attrs.evolve(first, quota=quota), *others]
    told = network_event(attrs.evolve(report, lines=lines, holds=[HoldRow("ix1", 1.0, None, "ix1, by hand")]))
    assert told["holds"] == [{"line": "ix1", "since": 1.0, "until": None, "said": "ix1, by hand"}]
    assert [row["quota"] and row["quota"]["effect"] for row in told["lines"]] == ["backup", None, None, None]
