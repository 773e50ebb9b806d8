"""The tallies of an ingress: found by whose they are, added to what was kept, bounded."""

import pytest

from ingress.quota import tallies as module
from ingress.quota.tallies import KeptTallies
from ingress.quota.tally import Kept
from relay.model.quota import Counts, Quota

NOW = 1.8e9
QUOTA = Quota(amount=1000, zone="UTC")
ANN = "allowance *", "ann"
RATED = Quota(counts=Counts.P95, zone="UTC")


def kept(up: int) -> Kept:
    return Kept(QUOTA.period, NOW - 1000, NOW + 1e7, up, 0)


def test_one_is_found_again_and_goes_by_the_newest_quota() -> None:
    tallies = KeptTallies(lambda: NOW)
    found = tallies.tally(ANN, QUOTA)
    assert tallies.tally(ANN, QUOTA) is found and len(tallies) == 1
    assert tallies.tally(ANN, Quota(amount=5, zone="UTC"), 0.5) is found
    assert found.amount == 2.5
    assert dict(tallies.items()) == {ANN: found}


def test_what_was_kept_is_added_to_whoever_was_here_before_and_comes_after() -> None:
    tallies = KeptTallies(lambda: NOW)
    told: list[int] = []
    tallies.on_recall = lambda: told.append(1)
    tallies.tally(ANN, QUOTA).add(1, 0, NOW)
    line = tallies.tally(("line a", ""), RATED)
    slot = int(line.running.start // 300)
    tallies.recall(
        {ANN: kept(10), ("allowance *", "bob"): kept(20)}, {("line a", ""): {slot: (7, 8), slot - 1: (9, 9)}}
    )
    assert tallies.tally(ANN, QUOTA).used == 11 and told
    assert tallies.tally(("allowance *", "bob"), QUOTA).used == 20
    assert line.rates is not None and line.rates.slots == {slot: (7, 8)}
    assert [key for key, _ in tallies.rates()] == [("line a", "")]


def test_news_are_what_the_file_does_not_have() -> None:
    tallies = KeptTallies(lambda: NOW)
    tally = tallies.tally(ANN, QUOTA)
    assert [key for key, _ in tallies.news()] == [ANN]
    assert list(tallies.news())  # it was not written
    tallies.written()
    assert not list(tallies.news())
    tally.add(1, 1, NOW)
    assert [one.up for _, one in tallies.news()] == [1]
    tally.add(1, 1, NOW)
    tallies.written()
    assert [one.up for _, one in tallies.everything()] == [2]


def test_of_too_many_those_that_have_used_least_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 20)
    tallies = KeptTallies(lambda: NOW)
    line = "line ix", ""
    tallies.tally(line, QUOTA)
    for number in range(19):
        tallies.tally(("allowance", str(number)), QUOTA).add(20 - number, 0, NOW)
    tallies.tally(ANN, QUOTA)
    assert len(tallies) == 19 and tallies.dropped == 2
    assert {who for _, who in dict(tallies.items())} == {"", "ann", *map(str, range(17))}


def test_who_has_not_been_asked_for_yet_is_written_to_an_empty_file_too() -> None:
    tallies = KeptTallies(lambda: NOW)
    tallies.recall({ANN: kept(10)}, {})
    assert dict(tallies.everything()) == {ANN: kept(10)}
    assert list(tallies.news()) == []
