"""The table of a stream's states, pair by pair; and that real streams take the ways that it shows."""

from collections.abc import Callable

import pytest

from relay.model.cause import Cause
from relay.session.initiator import InitiatorStream
from relay.session.sink import CLOSED
from relay.session.states import HALF_CLOSED, MAY_FINISH, REACHES, TRANSITIONS, Event, Reach, State, StateError
from relay.session.stream import Stream
from tests.relay.session.pair import EXIT, INGRESS, SessionPair

ENDS = frozenset({State.CLOSED, State.RESET})
OPENING = frozenset({Event.ATTACHED, Event.CONNECTED})
"""What leads through the other table."""


def stream_in(state: State) -> Stream:
    stream = InitiatorStream(SessionPair().ingress, 1, CLOSED, "target.test", 443)
    stream.state = state
    return stream


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("state", State)
def test_every_pair_leads_where_the_table_says_or_is_refused(state: State, event: Event) -> None:
    stream, after = stream_in(state), TRANSITIONS[state].get(event)
    if after is None:
        with pytest.raises(StateError, match=f"{event.name} of a stream that is {state.name}"):
            stream.advance(event)
        assert stream.state is state
    else:
        assert stream.advance(event) is stream.is_over is (after >= State.CLOSED)
        assert stream.state is after


def test_the_table_is_whole() -> None:
    assert set(TRANSITIONS) == set(State) and set(REACHES) == set(Reach)
    assert {event for row in TRANSITIONS.values() for event in row} == set(Event) - OPENING
    assert {state for row in TRANSITIONS.values() for state in row.values()} == set(State) - {State.OPEN}


@pytest.mark.parametrize("state", State)
def test_every_state_leads_to_an_end_and_an_end_to_nothing(state: State) -> None:
    assert (TRANSITIONS[state] == {}) is (state in ENDS)
    reached, found = set(), {state}
    while found:
        reached |= found
        found = {after for one in found for after in TRANSITIONS[one].values()} - reached
    assert reached & ENDS
    assert State.OPEN not in reached - {state}, "nothing leads back"


@pytest.mark.parametrize("state", State)
def test_until_it_is_over_a_stream_can_be_given_up_and_forgotten(state: State) -> None:
    is_over = state >= State.CLOSED
    assert (Event.GIVE_UP in TRANSITIONS[state]) is not is_over
    assert (Event.FORGET in TRANSITIONS[state]) is (state not in ENDS)
    assert (state in MAY_FINISH) is (state in (State.OPEN, State.HALF_CLOSED_REMOTE))
    assert not (is_over and state in HALF_CLOSED)


@pytest.mark.parametrize("order", [(Event.FINISH, Event.FIN_ACKED), (Event.FIN_ARRIVED,)])
def test_the_directions_end_in_any_order(order: tuple[Event, ...]) -> None:
    first, second = (Event.FINISH, Event.FIN_ACKED), (Event.FIN_ARRIVED,)
    for events in (first + second, second + first, (Event.FINISH, Event.FIN_ARRIVED, Event.FIN_ACKED)):
        stream = stream_in(State.OPEN)
        assert [stream.advance(event) for event in events] == [False, False, True]
        assert stream.state is State.CLOSED


@pytest.mark.parametrize("reach", Reach)
@pytest.mark.parametrize("event", sorted(OPENING))
def test_an_opening_never_goes_back_and_takes_everything_twice(reach: Reach, event: Event) -> None:
    after = REACHES[reach][event]
    assert after >= reach and REACHES[after][event] is after
    assert after >= (Reach.CONNECTED if event is Event.CONNECTED else Reach.ATTACHED)


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
        ([], State.OPEN, State.OPEN),
        ([near_finishes], State.FINISHING, State.OPEN),
        ([near_finishes, to_exit], State.FINISHING, State.HALF_CLOSED_REMOTE),
        ([near_finishes, deliver], State.HALF_CLOSED_LOCAL, State.HALF_CLOSED_REMOTE),
        ([far_finishes, deliver], State.HALF_CLOSED_REMOTE, State.HALF_CLOSED_LOCAL),
        ([near_finishes, far_finishes, to_exit], State.FINISHING, State.LAST_ACK),
        ([near_finishes, far_finishes, to_ingress], State.LAST_ACK, State.FINISHING),
        ([near_finishes, deliver, far_finishes], State.HALF_CLOSED_LOCAL, State.LAST_ACK),
        ([near_finishes, deliver, far_finishes, to_ingress], State.CLOSED, State.LAST_ACK),
        ([near_finishes, far_finishes, deliver], State.CLOSED, State.CLOSED),
        ([near_finishes, near_finishes, deliver], State.HALF_CLOSED_LOCAL, State.HALF_CLOSED_REMOTE),
        ([far_resets], State.OPEN, State.RESETTING),
        ([far_resets, far_finishes, far_resets], State.OPEN, State.RESETTING),
        ([far_finishes, deliver, far_resets, to_ingress], State.RESET, State.RESETTING),
        ([far_resets, deliver], State.RESET, State.RESET),
        ([near_resets], State.RESET, State.OPEN),
        ([near_finishes, deliver, near_resets, deliver], State.RESET, State.RESET),
        ([near_resets, far_resets, deliver], State.RESET, State.RESET),
    ],
)
def test_where_two_ends_stand(acts: list[Act], near: State, far: State) -> None:
    pair = SessionPair()
    stream = pair.open(0)
    pair.run()
    there = pair.at_exit(stream)
    for act in acts:
        act(pair, stream)
    assert (stream.state, there.state) == (near, far)
    for at, session in ((stream, pair.ingress), (there, pair.exit)):
        assert at.is_over is (at.state >= State.CLOSED)
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
    assert (stream.state, stream.reach) == (State.FINISHING, Reach.OPENING)
    pair.deliver(0)
    assert pair.sinks[EXIT][stream.id].fins == 1 and pair.at_exit(stream).state is State.HALF_CLOSED_REMOTE
