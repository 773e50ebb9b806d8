"""Resets that follow bytes (A1): what was written before arrives, then the reset, once; and where that ends."""

import pytest

from relay.model.cause import Cause
from relay.session.session import EXPIRY, RESET_PATIENCE
from relay.session.sink import CLOSED
from relay.session.states import StreamState
from relay.session.window import INITIAL_WINDOW
from relay.wire.codes import Feature
from tests.relay.session.pair import EXIT, INGRESS, RecordingSink, SessionPair
from tests.relay.session.reset_ends import BYTES, ENDS, MANY, OURS, Ends


@ENDS
def test_a1_what_was_written_arrives_before_the_reset(end: int) -> None:
    ends = Ends(end)
    ends.far.write(b"a greeting that nobody reads")
    ends.near.write(BYTES)
    ends.near.reset(ends.cause)
    ends.near.write(b"late")
    ends.near.finish()
    ends.near.reset(Cause.INTERNAL)
    assert ends.near.sink is CLOSED and ends.near.receiver.kept == 0
    ends.pair.run()
    ends.assert_told(BYTES)


@ENDS
def test_a1_a_fin_that_was_said_before_stays_before_it(end: int) -> None:
    for is_known in (False, True):
        ends = Ends(end)
        ends.near.write(BYTES)
        ends.near.finish()
        if is_known:
            ends.pair.run()
        ends.near.reset(ends.cause)
        ends.pair.run()
        ends.assert_told(BYTES, fins=1)


@ENDS
def test_a1_more_than_a_window_goes_as_the_reader_takes_it(end: int) -> None:
    ends = Ends(end)
    ends.sink.is_holding = True
    ends.near.write(MANY)
    ends.near.reset(ends.cause)
    ends.pair.run()
    assert ends.far.receiver.received == INITIAL_WINDOW < len(MANY) and ends.sink.cause is None
    while ends.sink.cause is None:
        before = ends.far.receiver.consumed
        ends.sink.consume(50_000)
        ends.pair.run()
        assert ends.far.receiver.consumed > before
    ends.assert_told(MANY)


@ENDS
def test_a1_the_reset_waits_until_the_reader_has_taken_the_last_byte(end: int) -> None:
    """And what it has not taken counts as memory."""
    ends = Ends(end)
    ends.sink.is_holding = True
    ends.near.write(BYTES)
    ends.near.reset(ends.cause)
    ends.pair.run()
    assert ends.near.state is StreamState.RESET and ends.near.session.memory.used == 0, "acknowledged, so forgotten"
    assert ends.far.state is StreamState.RESET_ARRIVED and ends.sink.cause is None
    assert ends.far.receiver.kept == len(BYTES)
    ends.sink.consume(len(BYTES) - 1)
    assert ends.sink.cause is None
    ends.sink.consume()
    ends.pair.run()
    ends.assert_told(BYTES)


@ENDS
def test_a1_the_other_direction_ends_at_once(end: int) -> None:
    """At the end that resets, and at the other as soon as it has heard of it."""
    ends = Ends(end)
    ends.sink.is_holding = True
    ends.far.write(MANY)
    ends.pair.deliver(0, 10_000, towards=end)
    had = len(ends.own_sink.data)
    ends.near.write(BYTES)
    ends.near.reset(ends.cause)
    ends.deliver()
    assert ends.far.state is StreamState.RESET_ARRIVED and ends.far.sender.kept == 0
    assert ends.far.write(b"for nobody") and ends.far.sender.kept == 0
    ends.far.finish()
    ends.pair.run()
    assert len(ends.own_sink.data) == had and ends.own_sink.fins == 0
    ends.sink.consume()
    ends.pair.run()
    ends.assert_told(BYTES)


@ENDS
@pytest.mark.parametrize("planned", [False, True])
def test_a1_it_is_moved_and_rescued_like_any_byte(end: int, planned: bool) -> None:
    ends = Ends(end, carriers=3)
    ends.near.write(BYTES)
    ends.pair.pull(0, ends.towards)
    ends.near.reset(ends.cause)
    ends.pair.attach([ends.stream], 1, planned=planned)
    ends.pair.deliver(1)
    ends.deliver(1)
    assert (ends.sink.cause is None) is planned, "by plan, the old carrier still has the bytes"
    if not planned:
        ends.pair.kill(0)
    ends.pair.run()
    ends.assert_told(BYTES)


@ENDS
def test_a1_what_a_carrier_took_with_it_is_sent_again(end: int) -> None:
    ends = Ends(end)
    ends.near.write(BYTES)
    ends.near.reset(ends.cause)
    ends.pair.pull(0, ends.towards)
    detached = ends.pair.kill(0)
    assert detached == [ends.stream] and ends.sink.data == b""
    ends.pair.attach(detached, 1)
    ends.pair.run()
    ends.assert_told(BYTES)


@ENDS
def test_a1_an_acknowledgement_that_was_lost_is_asked_for(end: int) -> None:
    """The far end knows the stream no more, and says so; or it says again what it had."""
    ends = Ends(end)
    ends.near.write(BYTES)
    ends.near.reset(ends.cause)
    ends.deliver()
    ends.pair.hold(0)
    ends.pair.advance(0.2)
    assert ends.sink.cause is ends.cause and ends.near.state is StreamState.RESET_WRITTEN
    ends.pair.attach(ends.pair.kill(0), 1)
    ends.pair.run()
    ends.assert_told(BYTES)


@ENDS
def test_a1_a_reader_that_takes_its_time_loses_its_carrier_and_nothing_else(end: int) -> None:
    """Its stream is forgotten opposite by then: GONE is no news."""
    ends = Ends(end)
    ends.sink.is_holding = True
    ends.near.write(BYTES)
    ends.near.reset(ends.cause)
    ends.pair.run()
    ends.pair.attach(ends.pair.kill(0), 1)
    ends.pair.run()
    assert ends.sink.cause is None and ends.far.receiver.kept == len(BYTES)
    ends.sink.consume()
    ends.pair.run()
    ends.assert_told(BYTES)


@ENDS
def test_a1_on_two_legs_it_arrives_once(end: int) -> None:
    ends = Ends(end)
    ends.pair.attach([ends.stream], 0, 1)
    ends.pair.run()
    ends.near.write(BYTES)
    ends.near.reset(ends.cause)
    ends.deliver(1)
    ends.deliver(0)
    ends.pair.run()
    ends.assert_told(BYTES)


@ENDS
def test_a1_a_reset_before_the_bytes_it_follows_waits_for_them(end: int) -> None:
    """By plan, the bytes and the FIN still come over the old carrier, and the reset over the new one."""
    ends = Ends(end)
    ends.near.write(BYTES)
    ends.near.finish()
    for _ in range(2):
        ends.pair.pull(0, ends.towards)
    ends.pair.attach([ends.stream], 1, planned=True)
    ends.deliver(1)
    if end == EXIT:
        ends.pair.deliver(1, towards=EXIT)
    ends.near.reset(ends.cause)
    ends.deliver(1)
    assert ends.far.state is StreamState.RESET_ARRIVED and ends.sink.data == b"" and ends.sink.cause is None
    ends.deliver(0)
    ends.pair.run()
    ends.assert_told(BYTES, fins=1)


@ENDS
def test_a1_both_may_reset_at_the_same_time(end: int) -> None:
    ends = Ends(end)
    for stream, cause in ((ends.near, ends.cause), (ends.far, Cause.INTERNAL)):
        stream.write(BYTES)
        stream.reset(cause)
    ends.pair.run()
    assert ends.sink.cause is ends.own_sink.cause is None and not ends.sink.data and not ends.own_sink.data
    ends.pair.assert_forgotten()


@ENDS
@pytest.mark.parametrize("arrived", [600, 1 << 20], ids=["a part", "all"])
def test_a1_a_reader_that_resets_meanwhile_ends_it(end: int, arrived: int) -> None:
    ends = Ends(end)
    ends.pair.attach([ends.stream], 0, 1)
    ends.pair.run()
    ends.sink.is_holding = True
    ends.near.write(BYTES)
    ends.near.reset(ends.cause)
    ends.deliver(0, arrived)
    ends.far.reset(Cause.INTERNAL)
    ends.pair.run()
    assert ends.sink.cause is None and ends.own_sink.cause is None
    ends.pair.assert_forgotten()


@ENDS
def test_a1_after_a_minute_it_is_reset_all_the_same(end: int) -> None:
    """The reader takes nothing: both ends give up, each by its own clock, and it is told at once."""
    ends = Ends(end)
    ends.sink.is_holding = True
    ends.near.write(MANY)
    ends.near.reset(ends.cause)
    ends.pair.run()
    ends.pair.advance(RESET_PATIENCE - 1.0)
    ends.pair.run()
    assert ends.sink.cause is None and ends.near.session.memory.used > 0
    ends.pair.advance(1.0)
    ends.pair.run()
    assert ends.near.session.resets_cut_short + ends.far.session.resets_cut_short >= 1
    assert ends.sink.cause is ends.cause and len(ends.sink.data) == INITIAL_WINDOW
    ends.pair.assert_forgotten()


@ENDS
def test_a1_a_reader_that_has_everything_and_takes_nothing_is_reset_after_a_minute(end: int) -> None:
    ends = Ends(end)
    ends.sink.is_holding = True
    ends.near.write(BYTES)
    ends.near.reset(ends.cause)
    ends.pair.run()
    for stream in ends.pair.kill(0):
        assert stream is ends.stream
    ends.pair.advance(RESET_PATIENCE)
    assert ends.sink.cause is ends.cause and ends.far.session.resets_cut_short == 1
    assert ends.far.session.memory.statistics().cut_short == 1
    ends.pair.run()
    ends.pair.assert_forgotten()


@ENDS
def test_a1_without_a_carrier_it_waits_as_long_as_the_session(end: int) -> None:
    ends = Ends(end, carriers=1)
    ends.near.write(BYTES)
    ends.near.reset(ends.cause)
    ends.pair.kill(0)
    ends.pair.advance(EXPIRY + 0.001)
    assert ends.sink.cause is Cause.SESSION_EXPIRED and ends.own_sink.cause is None
    assert not ends.pair.ingress.streams and not ends.pair.exit.streams
    assert ends.pair.ingress.memory.used == ends.pair.exit.memory.used == 0


@ENDS
def test_a1_a_peer_that_did_not_announce_it_is_told_at_once(end: int) -> None:
    ends = Ends(end, features=Feature(0))
    ends.near.write(MANY)
    ends.near.reset(ends.cause)
    ends.deliver()
    assert ends.sink.cause is ends.cause and not ends.sink.data
    ends.pair.run()
    ends.pair.assert_forgotten()


@ENDS
def test_a1_at_once_is_still_at_once(end: int) -> None:
    for is_late in (False, True):
        ends = Ends(end)
        ends.near.write(MANY)
        if is_late:
            ends.near.reset(ends.cause)
        ends.near.abort(ends.cause)
        ends.deliver()
        assert ends.sink.cause is ends.cause and not ends.sink.data
        ends.pair.run()
        ends.pair.assert_forgotten()


@pytest.mark.parametrize("cause", [Cause.REFUSED, Cause.LIMIT, Cause.POLICY])
def test_a1_a_refusal_follows_nothing_and_waits_for_nothing(cause: Cause) -> None:
    pair = SessionPair(announced=(OURS, OURS))
    pair.connects_at_once = False
    stream = pair.open(0)
    stream.write(MANY)
    pair.deliver(0)
    pair.at_exit(stream).reset(cause)
    pair.deliver(0, towards=INGRESS)
    assert pair.sinks[INGRESS][stream.id].cause is cause
    pair.run()
    pair.assert_forgotten()


def test_a1_a_client_that_leaves_while_the_exit_dials_has_its_bytes_delivered() -> None:
    pair = SessionPair(announced=(OURS, OURS))
    pair.connects_at_once = False
    stream = pair.open(0)
    pair.run()
    sink = pair.sinks[EXIT][stream.id]
    sink.is_holding = True  # as a binding does without a socket
    stream.write(BYTES)
    stream.reset(Cause.CLIENT_RESET)
    pair.run()
    assert sink.cause is None
    pair.exit.streams[stream.id].connected(0.1, pair.now)
    sink.consume()
    pair.run()
    assert sink.data == BYTES and sink.cause is Cause.CLIENT_RESET
    pair.assert_forgotten()


def test_a1_a_dial_that_fails_after_the_client_has_left_ends_it() -> None:
    pair = SessionPair(announced=(OURS, OURS))
    pair.connects_at_once = False
    stream = pair.open(0)
    stream.write(BYTES)
    pair.run()
    pair.sinks[EXIT][stream.id].is_holding = True
    stream.reset(Cause.CLIENT_RESET)
    pair.run()
    pair.at_exit(stream).reset(Cause.REFUSED)
    pair.run()
    pair.assert_forgotten()


def test_a1_a_sink_may_reset_when_it_is_told_of_the_fin_before_a_reset() -> None:
    class Rude(RecordingSink):
        def on_fin(self) -> None:
            super().on_fin()
            self.stream.reset(Cause.CLIENT_RESET)

    pair = SessionPair(2, announced=(OURS, OURS))
    stream = pair.open(0, 1)
    pair.run()
    sink = Rude()
    sink.stream = stream
    stream.bind(sink)
    far = pair.at_exit(stream)
    far.write(BYTES)
    far.finish()
    far.reset(Cause.TARGET_RESET)
    pair.run()
    assert sink.data == BYTES and sink.fins == 1 and sink.cause is None
    pair.assert_forgotten()
