"""One end of a carrier by itself: who is told what, in which order things leave, and who gets last words."""

import pytest

from relay.model.cause import Cause
from relay.session.carrier import BULK_QUANTUM, SHARED_QUANTUM
from relay.wire.errors import ProtocolError
from relay.wire.frames import DATA_HEADER_SIZE, FrameReader, Kind
from tests.relay.session.pair import EXIT, INGRESS, SessionPair


def kinds(data: bytes) -> list[Kind]:
    """The frames in *data*."""
    found: list[Kind] = []
    reader = FrameReader(lambda *_: found.append(Kind.DATA), lambda kind, _: found.append(Kind(kind)))
    while reader.receive(memoryview(data)):
        data = b""
    return found


def test_the_owner_hears_of_its_own_carrier() -> None:
    pair = SessionPair(carriers=2)
    heard = [end.owner for end in pair.ends((0, 1))]
    assert [owner.carrier for owner in heard] == pair.carriers
    pair.end(1).ping(7)
    pair.deliver(1)
    pair.deliver(0, towards=INGRESS)
    assert pair.pongs == []
    pair.deliver(1, towards=INGRESS)
    assert pair.pongs == [7]


def test_control_and_last_words_go_before_streams() -> None:
    pair = SessionPair()
    gone, stream = pair.open(0), pair.open(0)
    pair.run()
    stream.write(b"bytes")
    gone.reset(Cause.CLIENT_RESET)
    pair.end(0).ping(1)
    assert kinds(pair.end(0).data_to_send(pair.now)) == [Kind.PING, Kind.RESET, Kind.DATA]
    assert pair.end(0).data_to_send(pair.now) == b""


@pytest.mark.parametrize(("is_bulk", "quantum"), [(False, SHARED_QUANTUM), (True, BULK_QUANTUM)])
def test_a_pull_is_a_quantum(is_bulk: bool, quantum: int) -> None:
    pair = SessionPair(is_bulk=is_bulk)
    stream = pair.open(0)
    pair.run()
    stream.write(bytes(3 * BULK_QUANTUM))
    sizes = []
    while pull := pair.end(0).data_to_send(pair.now):
        sizes.append(len(pull))
    assert sum(sizes) >= 3 * BULK_QUANTUM
    assert all(quantum <= size <= quantum + DATA_HEADER_SIZE for size in sizes[:-1])


def test_who_left_the_carrier_is_passed_over() -> None:
    pair = SessionPair(carriers=2)
    stream, other = pair.open(0), pair.open(0)
    pair.run()
    stream.write(b"x")
    other.write(b"y")
    pair.attach([stream], 1)
    assert kinds(pair.end(0).data_to_send(pair.now)) == [Kind.DATA]
    assert kinds(pair.end(1).data_to_send(pair.now)) == [Kind.ATTACH, Kind.DATA]
    assert not pair.end(0).ready and list(pair.end(0).legs) == [other.id]


def test_a_carrier_that_is_heard_again_is_trusted_with_last_words() -> None:
    pair = SessionPair()
    stream = pair.open(0)
    pair.run()
    pair.ingress.give_up_on(pair.end(0), pair.now)
    stream.reset(Cause.CLIENT_RESET)
    assert pair.end(0).data_to_send(pair.now) == b""
    far = pair.end(0, EXIT)
    far.send(b"\x12\0\0\0")  # GOAWAY: anything will do
    pair.deliver(0, towards=INGRESS)
    assert pair.carriers[0].is_ready[INGRESS]
    assert kinds(pair.end(0).data_to_send(pair.now)) == [Kind.RESET]


def test_last_words_without_a_carrier_wait_for_one() -> None:
    pair = SessionPair()
    stream = pair.open(0)
    pair.run()
    pair.kill(0)
    stream.reset(Cause.CLIENT_RESET)
    pair.new_carrier()
    pair.run()
    assert pair.sinks[EXIT][stream.id].cause is Cause.CLIENT_RESET
    pair.assert_forgotten()


def test_a_body_that_is_no_notice_closes_the_carrier_and_nothing_else() -> None:
    pair = SessionPair()
    stream = pair.open(0)
    pair.run()
    with pytest.raises(ProtocolError):
        pair.end(0).receive(memoryview(b"\x11\0\0\x01\0"), pair.now)  # a PONG without a number
    assert pair.pongs and pair.ingress.streams == {stream.id: stream}
