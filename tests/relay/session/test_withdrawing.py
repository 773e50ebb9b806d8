"""WITHDRAW and its answer: another exit may have a stream only if no target has, whatever is lost or comes late."""

import pytest

from relay.model.cause import Cause
from relay.session.session import Session
from relay.session.stream import Stream
from relay.wire import bodies
from relay.wire.codes import Feature
from relay.wire.errors import ProtocolError
from tests.relay.session.pair import EXIT, INGRESS, SessionPair


def opened(carriers: int = 1) -> tuple[SessionPair, Stream]:
    """A stream whose dial has not ended, with a word of its client at the exit."""
    pair = SessionPair(carriers, announced=(Feature(0), Feature.WITHDRAW))
    pair.connects_at_once = False
    stream = pair.open(0)
    stream.write(b"hello")
    pair.run()
    return pair, stream


def told(pair: SessionPair, stream: Stream, end: int) -> Cause | None:
    return pair.sinks[end][stream.id].cause


def assert_taken_back(pair: SessionPair, stream: Stream) -> None:
    assert [told(pair, stream, end) for end in (INGRESS, EXIT)] == [Cause.CONNECT_TIMEOUT] * 2
    assert stream.withdrawn == b"hello"
    pair.assert_forgotten()


def test_f1_a_stream_that_no_exit_has_connected_is_taken_back_with_its_bytes() -> None:
    pair, stream = opened()
    stream.withdraw()
    stream.withdraw()
    pair.run()
    assert_taken_back(pair, stream)


def test_f1_the_exit_says_what_it_was_waiting_for() -> None:
    pair, stream = opened()
    pair.exit._waits_for = lambda sink: Cause.DNS_TIMEOUT if sink is pair.sinks[EXIT][stream.id] else Cause.INTERNAL
    stream.withdraw()
    pair.run()
    assert told(pair, stream, INGRESS) is Cause.DNS_TIMEOUT


@pytest.mark.parametrize("is_known", [False, True])
def test_f1_one_whose_target_is_connected_goes_on(is_known: bool) -> None:
    pair, stream = opened()
    pair.at_exit(stream).connected(0.02, pair.now)
    if is_known:
        pair.run()
    stream.withdraw()
    pair.run()
    stream.write(b" there")
    pair.at_exit(stream).write(b"good morning")
    pair.run()
    assert (pair.received(stream), pair.received(stream, INGRESS)) == (b"hello there", b"good morning")
    assert told(pair, stream, INGRESS) is None


def test_f1_the_question_outlives_its_carrier_and_so_does_the_answer() -> None:
    pair, stream = opened(2)
    pair.hold(0)
    pair.ingress.heard_last = pair.end(0)
    stream.withdraw()
    pair.deliver(0)
    assert told(pair, stream, EXIT) is Cause.CONNECT_TIMEOUT and told(pair, stream, INGRESS) is None
    pair.kill(0)
    pair.run()
    assert_taken_back(pair, stream)


def test_f1_an_open_that_comes_behind_its_withdrawal_is_never_dialled() -> None:
    pair = SessionPair(2, announced=(Feature(0), Feature.WITHDRAW))
    stream = pair.open(0)
    stream.write(b"hello")
    pair.hold(0)
    pair.pull(0, EXIT)
    pair.ingress.give_up_on(pair.end(0), pair.now)
    stream.withdraw()
    pair.deliver(1)
    pair.deliver(0)
    pair.run()
    assert (pair.opened, told(pair, stream, INGRESS), stream.withdrawn) == ([], Cause.CONNECT_TIMEOUT, b"hello")
    pair.release(0)
    pair.run()
    assert pair.opened == []
    pair.assert_forgotten()


def test_f1_what_was_withdrawn_and_is_not_known_waits_for_no_more_than_there_may_be_streams() -> None:
    pair = SessionPair()
    pair.most_streams = 2
    for number in range(1, 6):
        pair.exit.on_frame(pair.end(0, EXIT), bodies.Kind.WITHDRAW, bodies.withdraw(number)[4:])
    assert len(pair.exit.streams) == 2 and pair.opened == []


def test_f1_the_client_may_leave_meanwhile() -> None:
    pair, stream = opened()
    stream.withdraw()
    stream.reset(Cause.CLIENT_RESET)
    pair.run()
    assert told(pair, stream, INGRESS) is None
    pair.assert_forgotten()


def test_f1_a_refusal_that_crosses_the_question_counts() -> None:
    pair, stream = opened()
    pair.at_exit(stream).reset(Cause.NO_ROUTE)
    stream.withdraw()
    pair.run()
    assert (told(pair, stream, INGRESS), stream.withdrawn) == (Cause.NO_ROUTE, b"hello")
    pair.assert_forgotten()


@pytest.mark.parametrize("given", [0, 1])
def test_f1_an_answer_that_nobody_asked_for_is_an_error(given: int) -> None:
    pair, stream = opened()
    for number in (stream.id, stream.id + 1):
        with pytest.raises(ProtocolError):
            answer(pair.ingress, pair, number, given)


def test_f1_no_exit_may_take_back_what_it_has_connected() -> None:
    pair, stream = opened()
    stream.withdraw()
    pair.at_exit(stream).connected(0.02, pair.now)
    pair.run()
    with pytest.raises(ProtocolError):
        answer(pair.ingress, pair, stream.id, 0)
    answer(pair.ingress, pair, stream.id, 5)
    assert not stream.is_over


def answer(session: Session[Stream], pair: SessionPair, number: int, given: int) -> None:
    session.on_frame(pair.end(0), bodies.Kind.WITHDRAWN, bodies.withdrawn(number, given, 7)[4:])


def test_f1_what_is_kept_for_another_exit_counts_in_the_memory() -> None:
    pair, stream = opened()
    before = pair.ingress.memory.used
    stream.write(bytes(50_000))
    pair.run()
    assert stream.sender.kept == 0 and pair.ingress.memory.used - before == 50_000
    pair.at_exit(stream).connected(0.02, pair.now)
    pair.run()
    assert pair.ingress.memory.used == 0
