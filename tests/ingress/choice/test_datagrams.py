"""Primary, spare and copies: each a table of figures."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.choice.datagrams import (
    DWELL,
    JITTERY,
    SPARE_WITHIN,
    THIN_BYTES,
    THIN_DATAGRAMS,
    YOUNG,
    Candidate,
    Rate,
    Route,
    State,
    route,
    wants_copies,
)
from ingress.measure.gauge import RECENT_SECONDS, Gauge


def path(name: str, cost: float, state: State = State.WELL, *, is_backup: bool = False) -> Candidate:
    """Its lines are those of its name, as everywhere."""
    return Candidate(name, frozenset(name.split("/")), state, cost, cost, is_backup)


def settled(*candidates: Candidate) -> Route:
    return route(Route(), candidates, 0.0)


NEAR, FAR, OTHER = path("a/x", 0.10), path("b/y", 0.12), path("a/z", 0.11)


def test_the_best_is_primary_and_a_disjoint_one_spare() -> None:
    found = settled(FAR, OTHER, NEAR)
    assert (found.primary, found.spare) == ("a/x", "b/y")
    assert found.is_disjoint and found.is_near and not found.is_suspect and found.generation == 0


def test_without_a_disjoint_one_another_stands_in() -> None:
    found = settled(NEAR, OTHER)
    assert (found.spare, found.is_disjoint) == ("a/z", False)
    assert settled(NEAR).spare is None


def test_a_spare_that_is_far_carries_no_copies_by_itself() -> None:
    assert not settled(NEAR, path("b/y", 0.1 + SPARE_WITHIN + 0.001)).is_near


@pytest.mark.parametrize("state", [State.UNKNOWN, State.SUSPECT, State.LOST])
def test_what_is_well_goes_first(state: State) -> None:
    assert settled(path("a/x", 0.01, state), FAR).primary == "b/y"


def test_u14_a_suspect_primary_stays_and_all_goes_over_both() -> None:
    before = settled(NEAR, FAR)
    found = route(before, [attrs.evolve(NEAR, state=State.SUSPECT), FAR], 1.0)
    assert (found.primary, found.spare, found.is_suspect, found.generation) == ("a/x", "b/y", True, 0)


def test_u14_a_lost_primary_is_left_at_once_and_the_generation_tells() -> None:
    before = settled(NEAR, FAR, OTHER)
    found = route(before, [attrs.evolve(NEAR, state=State.LOST), FAR, OTHER], 1.0)
    assert (found.primary, found.generation) == ("a/z", 1)
    assert found.spare == "b/y"
    nothing_better = route(before, [attrs.evolve(NEAR, state=State.LOST), attrs.evolve(FAR, state=State.LOST)], 1.0)
    assert (nothing_better.primary, nothing_better.generation) == ("a/x", 0)


def test_what_a_draining_node_is_on_is_left_at_once() -> None:
    before, leaving = settled(NEAR, FAR, OTHER), attrs.evolve(NEAR, is_leaving=True)
    found = route(before, [leaving, FAR, OTHER], 1.0)
    assert (found.primary, found.spare, found.generation) == ("a/z", "b/y", 1)
    assert route(before, [leaving], 1.0).primary == "a/x"
    suspect = attrs.evolve(FAR, state=State.SUSPECT)
    assert route(before, [leaving, suspect], 1.0).primary == "a/x", "it works still"
    assert settled(FAR, leaving, OTHER).spare == "b/y"


def test_u30_a_removed_primary_is_left_at_once() -> None:
    found = route(settled(NEAR, FAR), [FAR], 1.0)
    assert (found.primary, found.spare, found.generation) == ("b/y", None, 1)


def test_when_nothing_is_left_the_next_one_is_told_apart() -> None:
    nothing = route(settled(NEAR), [], 1.0)
    assert (nothing.primary, nothing.generation) == (None, 1)
    assert route(nothing, [], 2.0).generation == 1
    assert route(nothing, [FAR], 3.0).primary == "b/y"


def test_a_better_one_must_be_so_for_a_while() -> None:
    before, better = settled(FAR), [FAR, NEAR]
    first = route(before, better, 1.0)
    assert (first.primary, first.challenger) == ("b/y", "a/x")
    assert route(first, better, 1.0 + DWELL - 0.01).primary == "b/y"
    assert route(first, better, 1.0 + DWELL).primary == "a/x"
    broken = route(first, [FAR, attrs.evolve(NEAR, cost=0.119)], 3.0)
    assert route(broken, better, 1.0 + DWELL).primary == "b/y"


def test_a_backup_line_waits_until_nothing_else_is_there() -> None:
    backup = path("c/w", 0.01, is_backup=True)
    assert settled(backup, NEAR) == settled(NEAR)
    before = settled(NEAR, backup)
    held = route(before, [attrs.evolve(NEAR, state=State.LOST), backup], 1.0)
    assert held.primary == "c/w" and held.spare is None
    back = route(held, [NEAR, backup], 2.0)
    assert (back.primary, back.challenger) == ("c/w", "a/x")
    assert route(back, [NEAR, backup], 2.0 + DWELL).primary == "a/x"


CANDIDATES = st.lists(
    st.builds(path, st.sampled_from(["a/x", "a/z", "b/y", "c"]), st.floats(0.001, 1), st.sampled_from(State)),
    max_size=4,
    unique_by=lambda one: one.name,
)


@given(st.lists(st.tuples(CANDIDATES, st.floats(0, 10)), max_size=30))
def test_a_change_of_primary_is_a_change_of_generation(rounds: list[tuple[list[Candidate], float]]) -> None:
    found, now, last = Route(), 0.0, None
    for candidates, after in rounds:
        now += after
        before, found = found, route(found, candidates, now)
        assert (found.primary is None) == (not candidates)
        assert found.spare is None or found.spare != found.primary
        if found.primary is not None:
            if last is not None and last != found.primary:
                assert found.generation != before.generation or before.primary is None
            last = found.primary


# ---- copies

WELL = Gauge().answered(0.1, 0.0)
ROUTE = settled(NEAR, FAR)


def lossy(now: float) -> Gauge:
    return WELL.counted((100, 97), (100, 100), now)


@pytest.mark.parametrize(
    ("gauge", "age", "wanted"),
    [
        (WELL, YOUNG - 0.1, True),
        (WELL, YOUNG + 0.1, False),
        (lossy(95.0), 50.0, True),
        (attrs.evolve(WELL, jitter=JITTERY), 50.0, True),
    ],
    ids=["young", "well", "lossy", "jittery"],
)
def test_u16_when_copies_begin(gauge: Gauge, age: float, wanted: bool) -> None:
    assert wants_copies(None, ROUTE, gauge, 100.0 - age, are_on=False, now=100.0) is wanted


def test_u16_they_end_after_a_while_without_losses() -> None:
    one_lost = WELL.counted((100, 99), (100, 100), 100.0)
    assert wants_copies(None, ROUTE, one_lost, 0.0, are_on=True, now=100.0 + RECENT_SECONDS - 1)
    assert not wants_copies(None, ROUTE, one_lost, 0.0, are_on=True, now=100.0 + RECENT_SECONDS + 1)
    assert not wants_copies(None, ROUTE, one_lost, 0.0, are_on=False, now=101.0)


def test_a_rule_decides_where_there_is_one() -> None:
    assert wants_copies(True, Route("a/x"), WELL, 0.0, are_on=False, now=100.0)
    assert not wants_copies(False, ROUTE, lossy(100.0), 100.0, are_on=True, now=100.0)
    assert not wants_copies(None, Route("a/x"), lossy(100.0), 100.0, are_on=True, now=100.0), "no spare is near"


@pytest.mark.parametrize(
    ("count", "size", "is_thin"),
    [(THIN_DATAGRAMS, THIN_BYTES, True), (THIN_DATAGRAMS + 1, 100, False), (10, THIN_BYTES + 1, False)],
)
def test_thin_is_what_sends_little(count: int, size: int, is_thin: bool) -> None:
    rate = Rate(0.0)
    rate.count, rate.size = count, size
    assert rate.is_thin(0.5) is is_thin
    assert rate.is_thin(1.0) is is_thin, "as in the second before"
    assert rate.is_thin(1.5) is is_thin
    assert rate.is_thin(2.0)


def test_who_was_not_looked_at_is_judged_by_the_mean() -> None:
    rate = Rate(0.0)
    rate.count = 60 * 100
    assert rate.is_thin(100.0)
    rate.count = 400 * 100
    assert not rate.is_thin(200.0)
