"""Rows of paths."""

import pytest

from tests.ingress.report.running import Running


def test_paths_are_told_best_first_with_all_that_is_known() -> None:
    first, second, spare = Running().report(5.0).paths
    assert (first.rank, first.path, first.exit, first.state) == (1, "ix1/j1u", "us1", "up")
    assert (first.round_trip, first.p95, first.late) == (pytest.approx(0.13), pytest.approx(0.13), 0.0)
    assert (first.streams, first.bytes_down, first.moves, first.longest_pause) == (1, 1000, 2, 0.2)
    assert (first.age, first.reason, first.lost) == (pytest.approx(0.37), "best", {"exit-lost": 1})
    assert (second.rank, second.reason) == (2, "costs 151 ms")
    assert (spare.rank, spare.path, spare.state) == (None, "ix1", "spare")


def test_a_path_that_the_ranking_does_not_know_yet_comes_behind_the_others() -> None:
    running = Running()
    running.chooser.rank(running.network_monitor.figures(running.traffic, 5.0)[1:], 5.0)
    first, second, spare = running.report(5.0).paths
    assert (first.path, first.rank) == ("ix2/j2u", 1)
    assert (second.path, second.rank, second.in_band, second.cost) == ("ix1/j1u", None, False, None)
    assert (second.state, second.reason) == ("up", "")
    assert spare.state == "spare"
