"""The table of states: every pair walked, and the trial after a death."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.measure.faults import REFUSALS, FaultKind, Refusal, SetupFault
from ingress.measure.health import TRANSITIONS, Health, HealthEvent, IllegalEvent, PathState

TELL = {
    HealthEvent.CONNECTED: lambda health, now: health.connected(now),
    HealthEvent.FAILED: lambda health, now: health.failed(SetupFault(FaultKind.SILENT, 0, "dial timed out"), now),
    HealthEvent.ANSWERED: lambda health, now: health.answered(True, now),
    HealthEvent.OVERDUE: lambda health, now: health.overdue(now),
    HealthEvent.LOST: lambda health, now: health.lost("reset", now),
}


def in_state(state: PathState) -> Health:
    health = Health(0.0)
    if state is not PathState.DOWN:
        health.connected(0.0)
    if state in (PathState.UP, PathState.STALLED):
        health.answered(True, 0.1)
    if state is PathState.STALLED:
        health.overdue(0.7)
    assert health.state is state
    return health


@pytest.mark.parametrize(("state", "event"), list(itertools.product(PathState, TELL)))
def test_every_pair_is_in_the_table_or_a_mistake(state: PathState, event: HealthEvent) -> None:
    health = in_state(state)
    if event in TRANSITIONS[state]:
        TELL[event](health, 1.0)
        released = {PathState.HELD: {PathState.HELD, PathState.UP}}.get(
            TRANSITIONS[state][event], {TRANSITIONS[state][event]}
        )
        assert health.state in released
    else:
        with pytest.raises(IllegalEvent):
            TELL[event](health, 1.0)
        assert health.state is state


def test_a_path_that_never_died_is_used_after_its_first_answer() -> None:
    health = Health(0.0)
    health.connected(1.0)
    assert (health.state, health.reason) == (PathState.HELD, "first ping under way")
    health.answered(True, 1.1)
    assert (health.state, health.reason, health.since) == (PathState.UP, "", 1.1)


def test_a_stall_is_forgiven_at_the_first_answer() -> None:
    health = in_state(PathState.STALLED)
    assert health.reason == "answer overdue"
    health.answered(False, 1.0)
    assert health.state is PathState.UP


def test_a_death_asks_for_five_good_pings_and_for_time() -> None:
    health = in_state(PathState.UP)
    health.lost("reset", 1.0)
    health.connected(2.0)
    for number in range(5):
        assert health.release_deadline is None
        health.answered(True, 3.0 + number / 2)
    assert health.state is PathState.HELD
    assert health.reason == "on trial after a death: 5 of 5 pings, 5 s"
    assert health.release_deadline == 7.0
    assert not health.release(6.9)
    assert health.release(7.0)
    assert health.state is PathState.UP


def test_late_answers_do_not_shorten_the_trial() -> None:
    health = in_state(PathState.UP)
    health.lost("reset", 1.0)
    health.connected(2.0)
    for number in range(50):
        health.answered(number >= 46, 3.0 + number)
    assert health.state is PathState.HELD


def test_a_stall_on_trial_goes_back_on_trial() -> None:
    health = in_state(PathState.UP)
    health.lost("reset", 1.0)
    health.connected(2.0)
    health.overdue(3.0)
    health.answered(True, 3.1)
    assert health.state is PathState.HELD


def test_the_hold_down_doubles_up_to_a_minute_and_is_forgiven_after_five() -> None:
    health, now, holds = Health(0.0), 0.0, []
    for _ in range(7):
        health.connected(now)
        holds.append(health.held_until - now)
        now += 10
        health.lost("reset", now)
    assert holds == [0, 5, 10, 20, 40, 60, 60]
    health.connected(now)
    health.lost("reset", now + 301)
    health.connected(now + 302)
    assert health.held_until == now + 307
    assert health.deaths == 8


def test_a_carrier_that_we_closed_ourselves_is_no_death() -> None:
    health = in_state(PathState.UP)
    health.retired("jp drains", 1.0)
    health.connected(2.0)
    health.answered(True, 2.1)
    assert (health.state, health.deaths) == (PathState.UP, 0)


@pytest.mark.parametrize("refusal", list(Refusal))
def test_a_refused_set_up_shows_its_cause_until_something_else_is_known(refusal: Refusal) -> None:
    health = Health(0.0)
    kind = next(kind for kind, shown in REFUSALS.items() if shown is refusal)
    health.failed(SetupFault(kind, 0, "jp-dmit refuses it", said_by="jp-dmit"), 1.0)
    assert (health.state, health.word, health.reason) == (PathState.DOWN, refusal.value, "jp-dmit refuses it")
    assert (health.word_of("jp-dmit"), health.word_of("us-dmit")) == (refusal.value, "down")
    health.failed(SetupFault(FaultKind.UNREACHABLE, 0, "no route"), 2.0)
    assert health.word == health.word_of("jp-dmit") == "down"


@given(st.lists(st.tuples(st.sampled_from(list(TELL)), st.floats(0, 100)), max_size=60))
def test_no_order_of_events_leads_out_of_the_table(steps: list[tuple[HealthEvent, float]]) -> None:
    health, now = Health(0.0), 0.0
    for event, wait in steps:
        now += wait
        if event in TRANSITIONS[health.state]:
            TELL[event](health, now)
        health.release(now)
        assert health.is_answering == (health.state in (PathState.UP, PathState.HELD))
        assert health.state is not PathState.HELD or health.held_until - now <= 60
