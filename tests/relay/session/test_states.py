"""The table of a stream's states, pair by pair; and that real streams take the ways that it shows."""

from collections.abc import Callable

import pytest

from relay.model.cause import Cause
from relay.session.initiator import InitiatorStream
from relay.session.sink import CLOSED
from relay.session.states import (
    HALF_CLOSED,
    MAY_FINISH,
    REACHES,
    TRANSITIONS,
    Reach,
    StateError,
    StreamEvent,
    StreamState,
)
from relay.session.stream import Stream
from tests.relay.session.pair import EXIT, INGRESS, SessionPair

ENDS = frozenset({StreamState.CLOSED, StreamState.RESET})
OPENING = frozenset({StreamEvent.ATTACHED, StreamEvent.CONNECTED})
"""What leads through the other table."""


def stream_in(state: StreamState) -> Stream:
    stream = InitiatorStream(SessionPair().ingress, 1, CLOSED, "target.test", 443)
    stream.state = state
    return stream


@pytest.mark.parametrize("event", StreamEvent)
@pytest.mark.parametrize("state", StreamState)
def test_every_pair_leads_where_the_table_says_or_is_refused(state: StreamState, event: StreamEvent) -> None:
    stream, after = stream_in(state), TRANSITIONS[state].get(event)
    if after is None:
        with pytest.raises(StateError, match=f"{event.name} of a stream that is {state.name}"):
            stream.advance(event)
        assert stream.state is state
    else:
        assert stream.advance(event) is stream.is_over is (after >= StreamState.CLOSED)
        assert stream.state is after


def test_the_table_is_whole() -> None:
    assert set(TRANSITIONS) == set(StreamState) and set(REACHES) == set(Reach)
    assert {event for row in TRANSITIONS.values() for event in row} == set(StreamEvent) - OPENING
    assert {state for row in TRANSITIONS.values() for state in row.values()} == set(StreamState) - {StreamState.OPEN}


@pytest.mark.parametrize("state", StreamState)
def test_every_state_leads_to_an_end_and_an_end_to_nothing(state: StreamState) -> None:
    assert (TRANSITIONS[state] == {}) is (state in ENDS)
    reached, found = set(), {state}
    while found:
        reached |= found
        found = {after for one in found for after in TRANSITIONS[one].values()} - reached
    assert reached & ENDS
    assert StreamState.OPEN not in reached - {state}, "nothing leads back"


@pytest.mark.parametrize("state", StreamState)
def test_until_it_is_over_a_stream_can_be_given_up_and_forgotten(state: StreamState) -> None:
    is_over = state >= StreamState.CLOSED
    assert (StreamEvent.GIVE_UP in TRANSITIONS[state]) is not is_over
    assert (StreamEvent.FORGET in TRANSITIONS[state]) is (state not in ENDS)
    assert (state in MAY_FINISH) is (state in (StreamState.OPEN, StreamState.HALF_CLOSED_REMOTE))
    assert not (is_over and state in HALF_CLOSED)


@pytest.mark.parametrize("order", [(StreamEvent.FINISH, StreamEvent.FIN_ACKED), (StreamEvent.FIN_ARRIVED,)])
def test_the_directions_end_in_any_order(order: tuple[StreamEvent, ...]) -> None:
    first, second = (StreamEvent.FINISH, StreamEvent.FIN_ACKED), (StreamEvent.FIN_ARRIVED,)
    for events in (
        first + second,
        second + first,
        (StreamEvent.FINISH, StreamEvent.FIN_ARRIVED, StreamEvent.FIN_ACKED),
    ):
        stream = stream_in(StreamState.OPEN)
        assert [stream.advance(event) for event in events] == [False, False, True]
        assert stream.state is StreamState.CLOSED


@pytest.mark.parametrize("reach", Reach)
@pytest.mark.parametrize("event", sorted(OPENING))
def test_an_opening_never_goes_back_and_takes_everything_twice(reach: Reach, event: StreamEvent) -> None:
    after = REACHES[reach][event]
    assert after >= reach and REACHES[after][event] is after
    assert after >= (Reach.CONNECTED if event is StreamEvent.CONNECTED else Reach.ATTACHED)


# ---- real streams

Act = Callable[[SessionPair, InitiatorStream], object]


def near_finishes(pair: SessionPair, stream: InitiatorStream) -> None:
    stream.finish()


def far_finishes(pair: SessionPair, stream: InitiatorStream) -> None:
    pair.at_exit(stream).finish()


def deliver(pair: SessionPair, stream: InitiatorStream) -> None:
    pair.run()


def to_exit(pair: SessionPair, stream: InitiatorStream) -> None:
    pair.deliver(0)


def to_ingress(pair: SessionPair, stream: InitiatorStream) -> None:
    pair.deliver(0, towards=INGRESS)


def near_resets(pair: SessionPair, stream: InitiatorStream) -> None:
    stream.reset(Cause.CLIENT_RESET)


def far_resets(pair: SessionPair, stream: InitiatorStream) -> None:
    pair.at_exit(stream).reset(Cause.TARGET_RESET)


@pytest.mark.parametrize(
    ("acts", "near", "far"),
    [
        ([], StreamState.OPEN, StreamState.OPEN),
        ([near_finishes], StreamState.FINISHING, StreamState.OPEN),
        ([near_finishes, to_exit], StreamState.FINISHING, StreamState.HALF_CLOSED_REMOTE),
        ([near_finishes, deliver], StreamState.HALF_CLOSED_LOCAL, StreamState.HALF_CLOSED_REMOTE),
        ([far_finishes, deliver], StreamState.HALF_CLOSED_REMOTE, StreamState.HALF_CLOSED_LOCAL),
        ([near_finishes, far_finishes, to_exit], StreamState.FINISHING, StreamState.LAST_ACK),
        ([near_finishes, far_finishes, to_ingress], StreamState.LAST_ACK, StreamState.FINISHING),
        ([near_finishes, deliver, far_finishes], StreamState.HALF_CLOSED_LOCAL, StreamState.LAST_ACK),
        ([near_finishes, deliver, far_finishes, to_ingress], StreamState.CLOSED, StreamState.LAST_ACK),
        ([near_finishes, far_finishes, deliver], StreamState.CLOSED, StreamState.CLOSED),
        ([near_finishes, near_finishes, deliver], StreamState.HALF_CLOSED_LOCAL, StreamState.HALF_CLOSED_REMOTE),
        ([far_resets], StreamState.OPEN, StreamState.RESETTING),
        ([far_resets, far_finishes, far_resets], StreamState.OPEN, StreamState.RESETTING),
        ([far_finishes, deliver, far_resets, to_ingress], StreamState.RESET, StreamState.RESETTING),
        ([far_resets, deliver], StreamState.RESET, StreamState.RESET),
        ([near_resets], StreamState.RESET, StreamState.OPEN),
        ([near_finishes, deliver, near_resets, deliver], StreamState.RESET, StreamState.RESET),
        ([near_resets, far_resets, deliver], StreamState.RESET, StreamState.RESET),
    ],
)
def test_where_two_ends_stand(acts: list[Act], near: StreamState, far: StreamState) -> None:
    pair = SessionPair()
    stream = pair.open(0)
    pair.run()
    there = pair.at_exit(stream)
    for act in acts:
        act(pair, stream)
    assert (stream.state, there.state) == (near, far)
    for at, session in ((stream, pair.ingress), (there, pair.exit)):
        assert at.is_over is (at.state >= StreamState.CLOSED)
        assert at.is_half_closed is (not at.is_over and at.sender.is_finished is not at.receiver.is_complete)
        assert (session.streams.get(at.id) is at) is (at.state not in ENDS)


def test_how_far_an_opening_has_come() -> None:
    pair = SessionPair()
    pair.connects_at_once = False
    stream = pair.open(0)
    assert stream.reach is Reach.OPENING and not stream.is_acknowledged
    pair.run()
    there = pair.at_exit(stream)
    assert stream.reach is there.reach is Reach.ATTACHED
    assert stream.is_acknowledged and not stream.is_connected
    there.connected(0.3, pair.now)
    assert there.is_connected and not stream.is_connected
    pair.run()
    assert stream.reach is Reach.CONNECTED and stream.took == pytest.approx(0.3)
    there.tell_connected()
    pair.run()
    assert pair.sinks[INGRESS][stream.id].took == pytest.approx(0.3)


def test_a_stream_may_be_complete_before_its_opening_is() -> None:
    pair = SessionPair()
    pair.connects_at_once = False
    stream = pair.open(0)
    stream.finish()
    assert (stream.state, stream.reach) == (StreamState.FINISHING, Reach.OPENING)
    pair.deliver(0)
    assert pair.sinks[EXIT][stream.id].fins == 1 and pair.at_exit(stream).state is StreamState.HALF_CLOSED_REMOTE
