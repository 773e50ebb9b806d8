"""What rides on a path: counters that add up."""

from ingress.measure.traffic import NO_TRAFFIC, Counters, Traffic


def test_thin_streams_are_those_that_are_neither_bulk_nor_redundant() -> None:
    assert Traffic(streams=9, bulk=2, redundant=3).thin == 4
    assert NO_TRAFFIC.thin == 0


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
