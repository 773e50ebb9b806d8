"""What is small waits a moment for what leaves anyway: every record saved is a wake-up less at every hop."""

from relay.model.cause import Cause
from relay.session.session import ACK_DELAY_MOST
from relay.wire.frames import FrameReader, Kind
from tests.relay.session.pair import EXIT, INGRESS, SessionPair


def on_the_wire(pair: SessionPair, towards: int, carrier: int = 0) -> list[Kind]:
    """Pull all that leaves now, deliver it, and say which frames it was."""
    while pair.pull(carrier, towards):
        pass
    kinds: list[Kind] = []
    reader = FrameReader(lambda *_: kinds.append(Kind.DATA), lambda kind, _: kinds.append(Kind(kind)))
    reader.receive(memoryview(bytes(pair.carriers[carrier].queues[towards])))
    pair.deliver(carrier, towards=towards)
    return kinds


def test_a_whole_exchange_takes_three_flights_each_way() -> None:
    pair = SessionPair()
    stream = pair.open(0)
    stream.write(b"question")
    assert on_the_wire(pair, EXIT) == [Kind.OPEN, Kind.DATA]
    assert on_the_wire(pair, INGRESS) == [Kind.ATTACHED, Kind.CONNECTED]
    far = pair.at_exit(stream)
    far.write(b"answer")
    assert on_the_wire(pair, INGRESS) == [Kind.DATA]  # ATTACHED has told what came with OPEN
    stream.finish()
    assert on_the_wire(pair, EXIT) == [Kind.ACK, Kind.FIN]
    far.finish()
    assert on_the_wire(pair, INGRESS) == [Kind.ACK, Kind.FIN]
    assert on_the_wire(pair, EXIT) == []
    pair.advance(ACK_DELAY_MOST)
    assert on_the_wire(pair, EXIT) == [Kind.ACK]
    assert on_the_wire(pair, INGRESS) == []
    pair.run()
    pair.assert_forgotten()


def test_a_slow_target_does_not_hold_up_that_the_stream_is_known() -> None:
    pair = SessionPair()
    pair.connects_at_once = False
    stream = pair.open(0)
    assert on_the_wire(pair, EXIT) == [Kind.OPEN]
    assert on_the_wire(pair, INGRESS) == []
    pair.advance(ACK_DELAY_MOST)
    assert on_the_wire(pair, INGRESS) == [Kind.ATTACHED]
    assert stream.is_acknowledged
    pair.at_exit(stream).connected(0.2, pair.now)
    assert on_the_wire(pair, INGRESS) == [Kind.CONNECTED]


def test_last_words_go_with_the_next_stream() -> None:
    pair = SessionPair()
    stream = pair.open(0)
    stream.finish()
    on_the_wire(pair, EXIT)
    pair.at_exit(stream).finish()
    on_the_wire(pair, INGRESS)
    pair.open(0)
    assert on_the_wire(pair, EXIT) == [Kind.ACK, Kind.OPEN]
    assert stream.id not in pair.exit.streams


def test_of_two_legs_both_acknowledge_by_the_clock() -> None:
    """Either may die with what it was given."""
    pair = SessionPair(carriers=2)
    stream = pair.open(0, 1)
    stream.write(b"question")
    pair.run()
    far = pair.at_exit(stream)
    stream.write(b"?")
    pair.deliver(0)
    far.write(b"answer")
    for carrier in (0, 1):
        assert on_the_wire(pair, INGRESS, carrier) == [Kind.DATA]
    pair.advance(ACK_DELAY_MOST)
    for carrier in (0, 1):
        assert on_the_wire(pair, INGRESS, carrier) == [Kind.ACK]


def test_a_refusal_is_said_once_each_way() -> None:
    pair = SessionPair()
    pair.connects_at_once = False
    stream = pair.open(0)
    on_the_wire(pair, EXIT)
    pair.at_exit(stream).reset(Cause.REFUSED)
    assert on_the_wire(pair, INGRESS) == [Kind.ATTACHED, Kind.RESET]
    pair.advance(ACK_DELAY_MOST)
    assert on_the_wire(pair, INGRESS) == []
    assert on_the_wire(pair, EXIT) == [Kind.RESET]


def test_attached_is_an_acknowledgement() -> None:
    pair = SessionPair()
    pair.open(0).write(b"question")
    on_the_wire(pair, EXIT)
    assert on_the_wire(pair, INGRESS) == [Kind.ATTACHED, Kind.CONNECTED]
    pair.advance(ACK_DELAY_MOST)
    assert on_the_wire(pair, INGRESS) == []
