"""Streams change carriers, carriers die, and each end hears of it in its own time: one script for each promise."""

import pytest

from relay.model.cause import Cause
from relay.session.last_words import Unconfirmed
from tests.relay.session.pair import EXIT, INGRESS, SessionPair

BYTES = bytes(range(251)) * 400


def sent_to_the_exit(pair: SessionPair, carrier: int, until: int = 1 << 30) -> bytes:
    """What waits at the ingress for *carrier*, taken onto the wire and looked at."""
    while pair.pull(carrier, EXIT):
        pass
    return bytes(pair.carriers[carrier].queues[EXIT][:until])


def test_bytes_in_flight_survive_the_loss_of_their_carrier() -> None:
    pair = SessionPair(carriers=2)
    stream = pair.open(0)
    stream.write(BYTES)
    pair.deliver(0, 40_000)
    assert 0 < len(pair.received(stream)) < 40_000
    detached = pair.kill(0)
    assert detached == [stream]
    pair.attach(detached, 1)
    pair.run()
    assert pair.received(stream) == BYTES
    assert pair.opened == [stream.id]


def test_a_thousand_streams_move_in_one_exchange() -> None:
    pair = SessionPair(carriers=2)
    streams = [pair.open(0) for _ in range(1000)]
    pair.run()
    pair.hold(0)
    pair.attach(pair.ingress.riders(pair.end(0)), 1)
    pair.deliver(1, towards=EXIT)
    pair.deliver(1, towards=INGRESS)
    assert len(pair.exit.streams) == 1000
    assert all(stream.legs[0].carrier is pair.end(1) and not stream.owed for stream in streams)
    assert all(leg.carrier.number == 2 for one in pair.exit.streams.values() for leg in one.legs)


def test_a_planned_move_sends_nothing_twice() -> None:
    pair = SessionPair(carriers=2)
    stream = pair.open(0)
    pair.run()
    stream.write(BYTES)
    while pair.pull(0, EXIT):
        pass
    pair.attach([stream], 1, planned=True)
    stream.write(b"end")
    assert len(sent_to_the_exit(pair, 1)) < 100
    pair.deliver(1)
    assert pair.exit.streams[stream.id].receiver.early == 3
    assert pair.received(stream) == b""
    pair.run()
    assert pair.received(stream) == BYTES + b"end"
    assert not stream.drains and not pair.ingress.is_awaited(pair.end(0))


@pytest.mark.parametrize("end", [INGRESS, EXIT])
@pytest.mark.parametrize("heard_by", [INGRESS, EXIT, None])
def test_what_the_old_carrier_took_with_it_is_sent_again(end: int, heard_by: int | None) -> None:
    pair = SessionPair(carriers=2)
    stream = pair.open(0)
    pair.run()
    writer = stream if end == INGRESS else pair.at_exit(stream)
    writer.write(BYTES)
    pair.pull(0, 1 - end)
    pair.hold(0)
    pair.attach([stream], 1, planned=True)
    pair.run()
    assert pair.received(stream, 1 - end) == b""
    assert pair.kill(0, heard_by) == []
    pair.run()
    if heard_by not in (end, INGRESS, None):  # the reader alone has heard, and it is the exit: the ingress must give up
        assert pair.received(stream, 1 - end) == b""
        pair.ingress.give_up_on(pair.end(0), pair.now)
        pair.run()
    assert pair.received(stream, 1 - end) == BYTES


@pytest.mark.parametrize("end", [INGRESS, EXIT])
def test_a_stalled_carrier_is_not_waited_for(end: int) -> None:
    pair = SessionPair(carriers=2)
    stream = pair.open(0)
    pair.run()
    writer = stream if end == INGRESS else pair.at_exit(stream)
    writer.write(BYTES)
    pair.pull(0, 1 - end)
    pair.hold(0, 1 - end)
    pair.attach([stream], 1, planned=True)
    pair.run()
    assert pair.ingress.is_awaited(pair.end(0))
    pair.ingress.give_up_on(pair.end(0), pair.now)
    pair.run()
    assert pair.received(stream, 1 - end) == BYTES
    pair.release(0)
    pair.run()
    assert pair.received(stream, 1 - end) == BYTES


def test_a_planned_move_that_overtakes_a_rescue_trusts_nobody() -> None:
    """The exit still believes in the first carrier; the ingress knows that it is dead."""
    pair = SessionPair(carriers=3)
    stream = pair.open(0)
    pair.run()
    pair.at_exit(stream).write(BYTES)
    pair.pull(0, INGRESS)
    pair.kill(0, INGRESS)
    pair.attach([stream], 1)
    pair.pull(1, EXIT)
    pair.hold(1)
    pair.attach([stream], 2, planned=True)
    pair.run()
    assert pair.received(stream, INGRESS) == BYTES


def test_a_planned_move_onto_the_same_carrier_still_knows_what_it_had() -> None:
    pair = SessionPair(carriers=2)
    stream = pair.open(0)
    pair.run()
    stream.write(BYTES)
    pair.pull(0, EXIT)
    pair.kill(0, EXIT)
    pair.attach([stream], 0, planned=True)
    pair.attach([stream], 1, planned=True)
    pair.run()
    pair.ingress.give_up_on(pair.end(0), pair.now)
    pair.run()
    assert pair.received(stream) == BYTES


def test_a_planned_move_of_what_the_exit_knows_to_be_detached() -> None:
    pair = SessionPair(carriers=2)
    stream = pair.open(0)
    pair.run()
    stream.write(b"up")
    pair.at_exit(stream).write(b"down")
    pair.pull(0, INGRESS)
    pair.kill(0, EXIT)
    pair.attach([stream], 1, planned=True)
    pair.deliver(1)
    pair.run()
    assert pair.received(stream, INGRESS) == b"down" and pair.received(stream) == b"up"


def test_a_redundant_stream_moves_by_rescue_only() -> None:
    pair = SessionPair(carriers=3)
    stream = pair.open(0, 1)
    pair.run()
    pair.attach([stream], 1, 2, planned=True)
    assert len(stream.legs) == 2 and not stream.owed
    pair.run()
    assert [leg.carrier.number for leg in pair.at_exit(stream).legs] == [2, 3]


def test_connected_is_told_again_with_a_second_open() -> None:
    pair = SessionPair(carriers=2)
    stream = pair.open(0)
    pair.deliver(0)
    pair.kill(0)
    pair.attach([stream], 1)
    pair.run()
    assert pair.opened == [stream.id]
    assert pair.sinks[INGRESS][stream.id].took == pytest.approx(0.02)


def test_a_hedged_open_dials_once() -> None:
    pair = SessionPair(carriers=2)
    stream = pair.open(0)
    pair.pull(0, EXIT)
    pair.attach([stream], 1)
    pair.deliver(1)
    pair.deliver(0)
    pair.run()
    assert pair.opened == [stream.id]
    assert [leg.carrier.number for leg in pair.at_exit(stream).legs] == [2]


def test_an_attach_that_completes_the_stream_is_answered_where_it_came() -> None:
    """The acknowledgement of the exit's FIN comes with a rescue; the old carriers would bring no answer."""
    pair = SessionPair(carriers=2)
    stream = pair.open(0)
    pair.deliver(0)
    pair.deliver(0, towards=INGRESS)
    stream.finish()
    pair.deliver(0)
    pair.at_exit(stream).finish()
    pair.deliver(0, towards=INGRESS)
    assert pair.sinks[INGRESS][stream.id].fins == 1
    pair.hold(0)
    pair.attach([stream], 1)
    pair.run()
    assert not pair.ingress.streams and not pair.exit.streams
    assert pair.sinks[INGRESS][stream.id].cause is None


def test_last_words_find_another_carrier() -> None:
    pair = SessionPair(carriers=2)
    stream = pair.open(0)
    pair.run()
    stream.reset(Cause.CLIENT_RESET)
    said = [number for number in (0, 1) if pair.pull(number, EXIT)]
    assert len(said) == 1
    pair.hold(said[0])
    pair.ingress.give_up_on(pair.end(said[0]), pair.now)
    pair.deliver(1 - said[0])
    assert pair.sinks[EXIT][stream.id].cause is Cause.CLIENT_RESET


def test_redundant_legs_need_each_other_for_nothing() -> None:
    pair = SessionPair(carriers=3)
    stream = pair.open(0, 1)
    pair.run()
    far = pair.at_exit(stream)
    assert len(far.legs) == 2
    pair.hold(0)
    stream.write(b"up")
    far.write(b"down")
    pair.run()
    assert pair.received(stream) == b"up" and pair.received(stream, INGRESS) == b"down"
    assert stream.sender.kept == far.sender.kept == 0
    pair.kill(0, INGRESS)
    stream.add_leg(pair.end(2))
    stream.write(b"!")
    stream.finish()
    far.finish()
    pair.kill(1)
    pair.run()
    assert pair.received(stream) == b"up!"
    pair.kill(0)
    pair.assert_forgotten()


def test_a_leg_that_joins_takes_none_away_whatever_stands_before_the_other() -> None:
    pair = SessionPair(carriers=3)
    stream = pair.open(0, 1)
    pair.run()
    pair.hold(0)
    pair.attach([stream], 1)
    assert not stream.is_settled
    pair.run()
    assert stream.is_settled
    pair.hold(1, EXIT)  # a long queue
    pair.ingress.join(stream, pair.end(2), pair.now)
    pair.run()
    far = pair.at_exit(stream)
    assert [leg.carrier.number for leg in far.legs] == [2, 3]
    pair.hold(2)
    far.write(b"down")
    pair.run()
    assert pair.received(stream, INGRESS) == b"down"


def test_the_last_word_travels_on_every_leg() -> None:
    pair = SessionPair(carriers=2)
    stream = pair.open(0, 1)
    pair.run()
    pair.hold(0, INGRESS)
    pair.at_exit(stream).finish()
    stream.finish()
    pair.run()
    assert not pair.ingress.streams and not pair.exit.streams


def test_nothing_is_said_to_a_carrier_that_is_lost() -> None:
    pair = SessionPair()
    stream = pair.open(0)
    pair.run()
    lost = pair.end(0)
    stream.reset(Cause.CLIENT_RESET)
    pair.kill(0)
    assert lost.data_to_send(pair.now) == b""
    assert len(pair.ingress.last_words.waiting) == 1
    assert pair.ingress.lose(lost, pair.now) == []


def test_last_words_count_as_heard_once_a_later_ping_is_answered() -> None:
    given = Unconfirmed()
    given.pinged(1)
    given.add([b"a"])
    given.ponged(1)
    assert len(given) == 1
    given.pinged(2)
    given.add([b"b"])
    given.pinged(3)
    given.ponged(2)
    assert len(given) == 1
    given.pinged(4)
    given.ponged(3)
    assert given.reclaim() == [b"b"]
    assert len(given) == 0
    given.ponged(4)
    assert given.reclaim() == []
