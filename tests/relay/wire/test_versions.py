"""Versions: two sides go on in the newest that both speak, or it is said which of them is to be updated."""

import pytest

from relay.wire.versions import NEWEST, OLDEST, OURS, Versions, agree, tell_apart


@pytest.mark.parametrize(
    ("theirs", "ours", "agreed"),
    [
        (Versions(2, 2), Versions(2, 2), 2),
        (Versions(2, 3), Versions(2, 2), 2),
        (Versions(2, 2), Versions(2, 3), 2),
        (Versions(2, 5), Versions(3, 4), 4),
        (Versions(3, 4), Versions(2, 2), None),
        (Versions(1, 1), Versions(2, 3), None),
    ],
)
def test_the_newest_that_both_speak(theirs: Versions, ours: Versions, agreed: int | None) -> None:
    assert agree(theirs, ours) == agree(ours, theirs) == agreed


def test_neighbours_owe_each_other_service() -> None:
    assert max(NEWEST - 1, 2) >= OLDEST
    assert agree(Versions(NEWEST, NEWEST + 1)) == NEWEST


def test_who_is_older_is_to_be_updated() -> None:
    assert tell_apart("us", "sh", Versions(1, 1)) == f"us speaks version {OURS}, sh version 1: update sh"
    told = tell_apart("us", "sh", Versions(4, 5), Versions(2, 3))
    assert told == "us speaks version 2 to 3, sh version 4 to 5: update us"
