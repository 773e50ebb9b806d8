"""Two paths for a redundant stream, and a partner for one leg: no common line, no common provider if that can be."""

import attrs
import pytest

from ingress.choice import disjoint
from ingress.choice.entry import Entry, Tier
from ingress.measure.health import PathState
from tests.ingress.choice.figures import figure


def entry(
    name: str, provider: str | None = None, state: PathState = PathState.UP, ms: float = 100, late: float = 0.0
) -> Entry:
    return Entry(attrs.evolve(figure(f"{name}>us", ms, state, {"provider": provider}), late=late))


BACKUP = Entry(figure("b>us", 100, line={"backup": True}))
NEAR_ITS_QUOTA = Entry(figure("n>us", 100, stands_in="its quota is nearly used"))
CLOSED = Entry(figure("q>us", 100, closed="its quota is used"))


def test_no_copy_goes_over_a_backup() -> None:
    order = [entry("a"), BACKUP, NEAR_ITS_QUOTA, CLOSED]
    assert disjoint.partner(order, entry("x")) is order[0]
    assert disjoint.partner(order[1:], entry("x")) is None
    assert disjoint.partner(order, BACKUP) is order[0]


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
        ([entry("ix/1", ms=100), entry("ix/2", ms=120), entry("c/1", ms=130), entry("d", ms=300)], ("ix/2", "c/1")),
        ([entry("ix/1", ms=100), entry("ix/2/x", ms=120), entry("x", ms=300), entry("c", ms=130)], ("ix/1", "c")),
        ([entry("ix/1", ms=100), entry("1", ms=120), entry("ix/2", ms=110), entry("2", ms=300)], ("1", "ix/2")),
        ([entry("a", ms=140), entry("b", ms=170, late=0.2), entry("c", ms=180)], ("a", "b")),
        ([entry("a", ms=140, late=0.5), entry("b", ms=150, late=0.5), entry("c", ms=160)], ("a", "c")),
        ([entry("a"), entry("b", state=PathState.STALLED), entry("c")], ("a", "c")),
        ([entry("a"), entry("b", state=PathState.DOWN)], None),
        ([entry("a"), BACKUP, entry("c", ms=900)], ("a", "c")),
        ([entry("a"), BACKUP], None),
        ([entry("a"), NEAR_ITS_QUOTA, CLOSED], None),
    ],
)
def test_the_best_two(order: list[Entry], expected: tuple[str, str] | None) -> None:
    found = disjoint.pair(order)
    assert (None if found is None else (found[0].name, found[1].name)) == expected


BETTER = [
    # a pair, and whether two legs of 140 and 170 ms (b, whose pings are often late) change to it
    ((entry("a", ms=140), entry("b", ms=170)), False),  # they are it
    ((entry("c", ms=120), entry("b", ms=170)), True),
    ((entry("c", ms=133), entry("b", ms=170)), False),
    ((entry("a", ms=140), entry("c", ms=139)), True),
    ((entry("a", ms=140), entry("c", ms=157)), False),
    ((entry("c", ms=110), entry("d", ms=240)), False),  # what is left when one dies counts too,
]


@pytest.mark.parametrize(("pair", "expected"), BETTER)
def test_what_is_worth_a_change(pair: tuple[Entry, Entry], expected: bool) -> None:
    assert disjoint.is_better(pair, (entry("a", ms=140), entry("b", ms=170, late=0.2))) is expected


def test_what_is_not_known_for_sure_is_worth_none() -> None:
    legs = entry("a", ms=140), entry("b", ms=170)
    unsure = Entry(attrs.evolve(figure("c>us", 120), error=0.02))
    assert not disjoint.is_better((unsure, legs[1]), legs)


def test_legs_of_one_provider_change_to_what_has_two_and_works_as_well() -> None:
    legs = entry("a", "p", ms=100), entry("b", "p", ms=110)
    apart = entry("a", "p", ms=100), entry("c", "q", ms=200)
    assert disjoint.is_better(apart, legs)
    assert not disjoint.is_better(legs, apart)
    held = Entry(figure("c>us", 200, PathState.HELD, {"provider": "q"}))
    assert held.tier is Tier.HELD
    assert not disjoint.is_better((legs[0], held), legs)


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
