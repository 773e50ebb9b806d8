"""FIRST_BYTE: only who was asked tells, once, and it is believed of streams that asked alone."""

import pytest

from relay.session.acceptor import AcceptorStream
from relay.session.initiator import InitiatorStream
from relay.wire import bodies
from relay.wire.codes import Feature
from relay.wire.frames import HEADER_SIZE, Kind
from tests.relay.session.pair import EXIT, INGRESS, RecordingSink, SessionPair

Told = list[tuple[int, float]]


def opened(
    features: Feature = Feature.START_WINDOWS, *, asks: bool = True
) -> tuple[SessionPair, Told, InitiatorStream]:
    pair, told = SessionPair(announced=(Feature(0), features)), list[tuple[int, float]]()
    pair.ingress.on_first_byte = lambda stream, took: told.append((stream.id, took))
    sink = RecordingSink()
    stream = pair.ingress.open("target.test", 443, sink, pair.ends([0]), pair.now, asks_first_byte=asks)
    sink.stream = stream
    pair.sinks[INGRESS][stream.id] = sink
    pair.run()
    return pair, told, stream


def at_exit(pair: SessionPair, stream: InitiatorStream) -> AcceptorStream:
    found = pair.sinks[EXIT][stream.id].stream
    assert isinstance(found, AcceptorStream)
    return found


def test_a_stream_that_asks_is_told_once() -> None:
    pair, told, stream = opened()
    far = at_exit(pair, stream)
    assert far.tells_first_byte and stream.asks_first_byte
    for took in (0.25, 0.5):
        far.tell_first_byte(took)
        pair.run()
    assert told == [(stream.id, 0.25)] and not stream.asks_first_byte


@pytest.mark.parametrize(("features", "asks"), [(Feature(0), True), (Feature.START_WINDOWS, False)])
def test_a_node_that_would_not_know_is_not_asked_and_what_nobody_asked_for_is_not_heard(
    features: Feature, asks: bool
) -> None:
    pair, told, stream = opened(features, asks=asks)
    assert not at_exit(pair, stream).tells_first_byte
    at_exit(pair, stream).tell_first_byte(0.25)
    pair.end(0, EXIT).send(bodies.first_byte(99, 0.25))
    pair.run()
    assert told == []


def test_without_a_carrier_nobody_is_told() -> None:
    pair, told, stream = opened()
    far = at_exit(pair, stream)
    pair.kill(0)
    far.tell_first_byte(0.25)
    pair.new_carrier()
    pair.attach([stream], 0 + 1)
    pair.run()
    assert told == []


def test_an_open_that_is_said_again_asks_again_and_an_attach_does_not() -> None:
    pair, _, known = opened()
    fresh = pair.ingress.open("target.test", 443, RecordingSink(), pair.ends([0]), pair.now, asks_first_byte=True)
    said = [fresh.announcement(fresh.legs[0]) for _ in range(2)]
    assert [bodies.parse_open(one[HEADER_SIZE:])[-1] for one in said] == [bodies.TELL_FIRST_BYTE] * 2
    assert known.announcement(known.legs[0])[0] == Kind.ATTACH
