"""What rides on a path: speeds over rounds, counters that add up."""

import pytest

from ingress.measure.traffic import NO_TRAFFIC, Counters, Speed, Traffic


def test_thin_streams_are_those_that_are_neither_bulk_nor_redundant() -> None:
    assert Traffic(streams=9, bulk=2, redundant=3).thin == 4
    assert NO_TRAFFIC.thin == 0


def test_the_speed_follows_a_change_in_two_or_three_rounds_and_a_moment_counts_once() -> None:
    speed = Speed(0.0)
    for second in range(1, 12):
        speed.add(1000 * second, float(second))
    assert speed.add(99_000, 11.0) == speed.value == pytest.approx(1000, rel=0.01)
    for second in range(12, 15):
        speed.add(11_000, float(second))
    assert speed.value < 130


def test_counters_remember_the_worst_pause_and_every_cause() -> None:
    counters = Counters()
    counters.count_rescue(0.3)
    counters.count_rescue(0.1)
    counters.count_lost("exit-lost")
    counters.count_lost("exit-lost")
    assert (counters.resumes, counters.longest_pause, counters.lost) == (2, 0.3, {"exit-lost": 2})
    assert repr(counters) == "<Counters 0 opened, 0 moved, 2 rescued, lost {'exit-lost': 2}>"


def test_counters_absorb_all_of_others() -> None:
    one, other = Counters(), Counters()
    one.count_lost("unknown-at-peer")
    other.opened, other.moves = 3, 2
    other.count_bytes(10, 20)
    other.count_rescue(0.5)
    other.count_lost("unknown-at-peer")
    for _ in range(2):
        one.absorb(other)
    assert (one.opened, one.moves, one.resumes, one.longest_pause) == (6, 4, 2, 0.5)
    assert (one.bytes_up, one.bytes_down, one.lost) == (20, 40, {"unknown-at-peer": 3})
