"""Two paths for a redundant stream, and a partner for one leg: no common line, no common provider if that can be."""

import pytest

from ingress.choice import disjoint
from ingress.choice.entry import Entry
from ingress.measure.health import PathState
from tests.ingress.choice.figures import figure


def entry(name: str, provider: str | None = None, state: PathState = PathState.UP, ms: float = 100) -> Entry:
    return Entry(figure(f"{name}>us", ms, state, {"provider": provider}))


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ([], None),
        ([entry("a")], None),
        ([entry("ix/1"), entry("ix/2")], None),
        ([entry("ix/1"), entry("ix/2"), entry("c")], ("ix/1", "c")),
        ([entry("a", "p"), entry("b", "p"), entry("c", "q")], ("a", "c")),
        ([entry("a", "p"), entry("b", "p")], ("a", "b")),  # better one provider than one path
        ([entry("a"), entry("b"), entry("c")], ("a", "b")),
        ([entry("ix/1", ms=130), entry("ix/2", ms=131), entry("c/1", ms=132), entry("d", ms=190)], ("ix/2", "c/1")),
        ([entry("a"), entry("b", state=PathState.STALLED), entry("c")], ("a", "c")),
        ([entry("a"), entry("b", state=PathState.DOWN)], None),
    ],
)
def test_the_best_two(order: list[Entry], expected: tuple[str, str] | None) -> None:
    found = disjoint.pair(order)
    assert (None if found is None else (found[0].name, found[1].name)) == expected


@pytest.mark.parametrize(
    ("leg", "expected"),
    [(entry("ix/1", "p"), "d"), (entry("c", "r"), "ix/2"), (entry("d", "q"), "ix/2"), (entry("e"), "ix/2")],
)
def test_who_joins_a_leg(leg: Entry, expected: str) -> None:
    order = [entry("e", state=PathState.DOWN), entry("ix/2", "p"), entry("c", "p"), entry("d", "q")]
    found = disjoint.partner(order, leg)
    assert found is not None and found.name == expected


def test_nobody_joins_where_every_path_shares_a_line() -> None:
    assert disjoint.partner([entry("ix/1"), entry("ix/2")], entry("ix/1")) is None
