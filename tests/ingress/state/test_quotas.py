"""What was used of quotas, over a restart: whole sums, and the five minutes of lines that are billed by them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingress.quota.tallies import KeptTallies
from ingress.state.file import StateFile
from ingress.state.quotas import OLD, RATES_OLD, QuotaPart
from relay.model.quota import Counts, Quota

QUOTA = Quota(amount=1000, day=5, zone="UTC")
RATED = Quota(counts=Counts.P95, zone="UTC")
LINE, RATED_LINE, ANN = ("line ix", ""), ("line rated", ""), ("allowance *", "ann")


class Kept:
    """A part over a file that outlives it, at a moment that a test moves."""

    def __init__(self, path: Path) -> None:
        self.now = 1.8e9
        self.file = StateFile(path)
        self.begin()

    def begin(self) -> None:
        self.tallies = KeptTallies(lambda: self.now)
        self.part = QuotaPart(self.tallies)

    def write(self) -> None:
        self.file.write(self.part.news())
        self.part.written()

    def restart(self) -> None:
        self.begin()
        self.part.recall(self.file.read(self.part.read))


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path / "sh.sqlite")
    yield made
    made.file.close()


def test_a_restart_finds_what_was_written_last(kept: Kept) -> None:
    kept.tallies.tally(LINE, QUOTA).add(10, 20, kept.now)
    kept.tallies.tally(ANN, QUOTA).add(1, 2, kept.now)
    kept.write()
    assert kept.part.news() == []
    kept.tallies.tally(LINE, QUOTA).add(5, 5, kept.now)
    kept.write()
    kept.tallies.tally(LINE, QUOTA).add(500, 500, kept.now)  # a kill before this is written
    kept.restart()
    assert kept.tallies.tally(LINE, QUOTA).used == 40
    assert kept.tallies.tally(ANN, QUOTA).used == 3
    assert kept.part.news() == []


def test_five_minutes_are_kept_one_by_one(kept: Kept) -> None:
    rated = kept.tallies.tally(RATED_LINE, RATED)
    rated.add(7, 8, kept.now)
    kept.write()
    assert kept.part.news() == []
    rated.add(1, 1, kept.now)
    given = dict(kept.part.news())
    rated.add(1, 1, kept.now + 300)  # while the thread writes
    kept.file.write(list(given.items()))
    kept.part.written()
    kept.write()
    kept.restart()
    again = kept.tallies.tally(RATED_LINE, RATED)
    slot = int(kept.now // 300)
    assert again.rates is not None and again.rates.slots == {slot: (8, 9), slot + 1: (1, 1)}
    assert len(kept.part.everything()) == 2


def test_what_could_not_be_written_is_given_again(kept: Kept) -> None:
    kept.tallies.tally(RATED_LINE, RATED).add(7, 8, kept.now)
    assert len(kept.part.news()) == len(kept.part.news()) == 2


def test_what_is_over_is_not_read_and_goes_after_a_while(kept: Kept) -> None:
    tally = kept.tallies.tally(LINE, QUOTA)
    tally.add(10, 20, kept.now)
    kept.tallies.tally(RATED_LINE, RATED).add(7, 8, kept.now)
    kept.write()
    start, kept.now = kept.now, tally.running.end
    kept.file.change(kept.part.tend)
    assert LINE not in kept.file.read(kept.part.read)[0]
    kept.now = start  # it was wrong
    assert kept.file.read(kept.part.read)[0][LINE].down == 20
    kept.now = tally.running.end + OLD + 1
    kept.file.change(kept.part.tend)
    kept.now = start
    assert not kept.file.read(kept.part.read)[0] and kept.file.read(kept.part.read)[1]
    kept.now += RATES_OLD + 300
    kept.file.change(kept.part.tend)
    assert kept.file.read(kept.part.read) == ({}, {})
