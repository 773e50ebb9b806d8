"""PINGs that wait: numbers that nobody guesses, each answered once, and no more of them than a bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.model.cause import Cause
from relay.session.unanswered import MOST, Unanswered
from relay.wire import bodies
from relay.wire.errors import ProtocolError
from relay.wire.frames import FrameReader, Kind
from tests.relay.session.pair import EXIT, SessionPair


def numbers(pair: SessionPair, carrier: int = 0) -> list[int]:
    """Those of the PINGs that leave the ingress now, which then are lost."""
    found: list[int] = []
    reader = FrameReader(
        lambda *_: None, lambda kind, body: found.append(bodies.parse_ping(body)[0]) if kind == Kind.PING else None
    )
    data = pair.end(carrier).data_to_send(pair.now)
    while reader.receive(memoryview(data)):
        data = b""
    return found


def answer(pair: SessionPair, number: int, carrier: int = 0) -> None:
    pair.end(carrier).receive(memoryview(bodies.pong(number)), pair.now)


def test_c4_a_pong_for_what_was_not_asked_yet_closes_the_carrier() -> None:
    """Numbers of those to come cannot be told from those that were."""
    pair = SessionPair()
    for name in (1, 2, 3):
        pair.end(0).ping(name)
    asked = numbers(pair)
    for guess in (*range(5), *(number + 1 for number in asked)):
        if guess not in asked:
            with pytest.raises(ProtocolError, match="not asked"):
                answer(pair, guess)
    assert pair.pongs == []


def test_c4_answers_may_come_late_in_any_order_and_each_once() -> None:
    pair = SessionPair()
    for name in range(1, 6):
        pair.end(0).ping(name)
    asked = numbers(pair)
    pair.now += 3600.0
    for name in (3, 1, 5):
        answer(pair, asked[name - 1])
    assert pair.pongs == [3, 1, 5]
    with pytest.raises(ProtocolError, match="answered before"):
        answer(pair, asked[0])


def test_c4_what_was_asked_on_one_carrier_is_not_answered_on_another() -> None:
    pair = SessionPair(carriers=2)
    pair.end(0).ping(1)
    (number,) = numbers(pair)
    with pytest.raises(ProtocolError):
        answer(pair, number, carrier=1)


def test_c4_last_words_are_confirmed_by_the_order_of_asking() -> None:
    """However small the number on the wire is."""
    for _ in range(50):
        pair = SessionPair()
        stream = pair.open(0)
        pair.run()
        pair.end(0).ping(1000)
        (before,) = numbers(pair)
        stream.reset(Cause.CLIENT_RESET)
        pair.end(0).data_to_send(pair.now)
        pair.end(0).ping(1001)
        (behind,) = numbers(pair)
        answer(pair, before)
        assert len(pair.end(0).unconfirmed) == 1
        answer(pair, behind)
        assert len(pair.end(0).unconfirmed) == 0


def test_c4_who_says_everything_but_pong_is_asked_no_more() -> None:
    pair = SessionPair()
    for name in range(MOST):
        pair.end(0).ping(name)
    with pytest.raises(ProtocolError, match="without an answer"):
        pair.end(0).ping(MOST)
    answer(pair, numbers(pair)[0])
    pair.end(0).ping(MOST)


def test_an_exit_asks_nothing_and_is_answered_nothing() -> None:
    pair = SessionPair()
    with pytest.raises(ProtocolError):
        pair.end(0, EXIT).receive(memoryview(bodies.pong(0)), pair.now)


@given(st.lists(st.one_of(st.none(), st.integers(0, 300)), max_size=600))
def test_what_waits_is_what_was_asked_and_not_answered(steps: list[int | None]) -> None:
    unanswered, waiting, name = Unanswered(), dict[int, int](), 0
    for step in steps:
        if step is None and len(waiting) < MOST:
            name += 1
            waiting[unanswered.ask(name)] = name
        elif step is not None and waiting:
            number = list(waiting)[step % len(waiting)]
            assert unanswered.answer(number) == waiting.pop(number)
            with pytest.raises(ProtocolError):
                unanswered.answer(number)
        assert len(unanswered) == len(waiting) and all(0 <= number < 1 << 32 for number in waiting)
