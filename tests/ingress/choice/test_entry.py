"""One path in a ranking: its tier, and the words for why it stands where it stands."""

import pytest

from ingress.choice.entry import Entry, Tier, tier_of
from ingress.measure.health import PathState
from tests.ingress.choice.figures import figure

BACKUP = {"backup": True}


@pytest.mark.parametrize(
    ("state", "line", "leaving", "tier"),
    [
        (PathState.UP, {}, "", Tier.UP),
        (PathState.UP, BACKUP, "", Tier.BACKUP),
        (PathState.HELD, {}, "", Tier.HELD),
        (PathState.HELD, BACKUP, "", Tier.HELD_BACKUP),
        (PathState.UP, {}, "node us drains", Tier.LEAVING),
        (PathState.HELD, BACKUP, "node us drains", Tier.LEAVING),
        (PathState.STALLED, {}, "node us drains", Tier.STALLED),
        (PathState.STALLED, BACKUP, "", Tier.STALLED),
        (PathState.DOWN, {}, "node us drains", Tier.DOWN),
    ],
)
def test_the_tier_comes_from_state_then_leaving_then_backup(
    state: PathState, line: dict[str, object], leaving: str, tier: Tier
) -> None:
    assert tier_of(figure("a>us", 100, state, line, leaving=leaving)) is tier


@pytest.mark.parametrize(
    ("state", "line", "tier"),
    [
        (PathState.UP, BACKUP, Tier.CLOSED),
        (PathState.HELD, {}, Tier.CLOSED),
        (PathState.STALLED, {}, Tier.DOWN),  # what rides on it is rescued, and nobody else may have it
        (PathState.DOWN, {}, Tier.DOWN),
    ],
)
def test_what_is_closed_carries_nothing_new_in_any_state(state: PathState, line: dict[str, object], tier: Tier) -> None:
    assert tier_of(figure("a>us", 100, state, line, closed="its quota is used", leaving="node us drains")) is tier


def test_what_stands_in_is_a_backup() -> None:
    assert tier_of(figure("a>us", 100, stands_in="its quota is nearly used")) is Tier.BACKUP
    assert tier_of(figure("a>us", 100, PathState.HELD, stands_in="its quota is nearly used")) is Tier.HELD_BACKUP


@pytest.mark.parametrize(
    ("entry", "rank", "in_band", "reason"),
    [
        (Entry(figure("a>us", 100)), 1, True, "best"),
        (Entry(figure("a>us", 100)), 2, True, "as good as the best"),
        (Entry(figure("a>us", 150)), 2, False, "costs 150 ms"),
        (Entry(figure("a>us", 100, line=BACKUP)), 1, True, "best; backup: only when nothing else is up"),
        (Entry(figure("a>us", 100, line=BACKUP)), 3, False, "backup: only when nothing else is up"),
        (
            Entry(figure("a>us", 100, stands_in="its quota is nearly used")),
            3,
            False,
            "backup: its quota is nearly used",
        ),
        (Entry(figure("a>us", 100, leaving="drains", closed="its quota is used")), 3, False, "its quota is used"),
        (Entry(figure("a>us", 100, leaving="node us drains")), 3, False, "node us drains"),
        (Entry(figure("a>us", 100, PathState.STALLED, reason="silent for 2 s")), 1, True, "silent for 2 s"),
        (Entry(figure("a>us", 100, PathState.DOWN)), 4, False, "down"),
        (Entry(figure("a>us", 100, PathState.DOWN, word="auth")), 4, False, "auth"),
    ],
)
def test_the_reason(entry: Entry, rank: int, in_band: bool, reason: str) -> None:
    entry.place(rank, in_band=in_band)
    assert entry.reason == reason


def test_it_shows_itself() -> None:
    entry = Entry(figure("ix/a>us", 100))
    entry.place(3, in_band=False)
    entry.give()
    assert (entry.exit, entry.given, entry.cost) == ("us", 1, pytest.approx(0.1))
    assert repr(entry) == "<Entry 3 ix/a UP 0.1000 s>"
