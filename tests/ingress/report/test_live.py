"""What the page is told every second."""

from ingress.report.live import network_event
from tests.ingress.report.running import Running


def test_what_moves_is_told_with_all_that_became_of_streams() -> None:
    told = network_event(Running().report(5.0))
    assert [row["path"] for row in told["paths"]] == ["ix1/j1u", "ix2/j2u", "ix1"]
    assert told["paths"][0]["bytes_down"] == 1000
    totals = told["totals"]
    assert (totals["streams"], totals["moves"], totals["resumes"], totals["longest_pause"]) == (1, 2, 1, 0.2)
    assert totals["lost"] == {"exit-lost": 1}
