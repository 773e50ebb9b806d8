"""How streams and sessions begin and end: one script for each promise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.model.cause import Cause
from relay.session.initiator import Initiator
from relay.session.session import ACK_DELAY_LEAST, EXPIRY
from relay.session.sink import CLOSED
from relay.session.states import StreamState
from relay.session.window import Memory
from tests.relay.session.pair import EXIT, INGRESS, PLENTY, RecordingSink, SessionPair

BYTES = bytes(range(251)) * 400


def test_a_short_stream_from_open_to_oblivion() -> None:
    pair = SessionPair()
    stream = pair.open(0, host="example.org", port=80)
    stream.write(b"question")
    stream.finish()
    pair.run()
    far = pair.at_exit(stream)
    far.write(b"answer")
    far.finish()
    pair.run()
    assert pair.received(stream) == b"question" and pair.received(stream, INGRESS) == b"answer"
    assert pair.sinks[INGRESS][1].fins == pair.sinks[EXIT][1].fins == 1
    assert pair.sinks[INGRESS][1].took == pytest.approx(0.02)
    pair.assert_forgotten()


def test_a_reset_that_overtakes_its_open_leaves_nothing_to_open() -> None:
    pair = SessionPair(carriers=2)
    stream = pair.open(0)
    pair.pull(0, EXIT)
    pair.ping(1)
    pair.deliver(1)
    pair.deliver(1, towards=INGRESS)
    stream.reset(Cause.CLIENT_RESET)
    pair.deliver(1)
    pair.run()
    assert pair.opened == []
    pair.assert_forgotten()


def test_the_last_acknowledgement_may_be_lost() -> None:
    """The exit has forgotten the stream, the ingress has not; it asks, hears GONE, and that is no error."""
    pair = SessionPair(carriers=2)
    stream = pair.open(0)
    stream.finish()
    pair.run()
    pair.at_exit(stream).finish()
    pair.deliver(0, towards=INGRESS)
    pair.hold(0, INGRESS)
    pair.advance(0.1)
    pair.run()
    assert not pair.exit.streams
    pair.attach(pair.kill(0), 1)
    pair.run()
    assert pair.sinks[INGRESS][stream.id].cause is None and pair.sinks[INGRESS][stream.id].fins == 1
    pair.assert_forgotten()


def test_the_last_acknowledgement_is_said_on_every_leg_that_is_left() -> None:
    """The leg that was told is dead; the other was blocked."""
    pair = SessionPair(carriers=2)
    stream = pair.open(0, 1)
    pair.run()
    pair.at_exit(stream).finish()
    for carrier in (0, 1):
        pair.deliver(carrier, towards=INGRESS)
    stream.finish()
    pair.deliver(0)
    pair.pull(1, EXIT)
    pair.advance(0.05)
    pair.pull(0, INGRESS)
    pair.hold(0)
    pair.deliver(1)
    pair.kill(0)
    pair.run()
    pair.assert_forgotten()


def test_the_last_acknowledgement_is_said_again_where_the_stream_was_rescued_to() -> None:
    """The carrier that had it dies; ATTACH, FIN and the ingress's last ACK reach the exit in one read."""
    pair = SessionPair(carriers=2)
    stream = pair.open(0)
    pair.run()
    pair.at_exit(stream).finish()
    fin = pair.pull(0, INGRESS)
    stream.finish()
    pair.deliver(0)
    pair.advance(0.05)
    assert pair.pull(0, INGRESS)
    pair.attach([stream], 1)
    pair.ingress.give_up_on(pair.end(0), pair.now)
    pair.pull(1, EXIT)
    pair.deliver(0, fin, towards=INGRESS)
    pair.advance(0.05)
    pair.deliver(1)
    pair.kill(0)
    pair.run()
    pair.assert_forgotten()


def test_a_carrier_that_stalls_is_given_no_last_words() -> None:
    pair = SessionPair(carriers=2)
    stream = pair.open(1)
    pair.run(ping=False)
    pair.hold(0)
    pair.ingress.give_up_on(pair.end(0), pair.now)
    stream.finish()
    pair.deliver(1)
    pair.at_exit(stream).finish()
    pair.deliver(1, towards=INGRESS)
    assert not pair.ingress.streams
    pair.ping(0)
    pair.pull(0, EXIT)
    pair.run(ping=False)
    assert not pair.exit.streams
    pair.release(0)
    pair.run()
    pair.assert_forgotten()


def test_a_reset_of_a_finished_stream_at_the_exit_is_said_once() -> None:
    pair = SessionPair()
    stream = pair.open(0)
    pair.deliver(0)
    far = pair.at_exit(stream)
    far.finish()
    far.reset(Cause.TARGET_RESET)
    for _ in range(5):
        pair.pull(0, INGRESS)
    assert len(pair.carriers[0].queues[INGRESS]) < 100
    pair.run()
    assert pair.sinks[INGRESS][stream.id].cause is Cause.TARGET_RESET
    pair.assert_forgotten()


def test_a_reset_at_the_exit_reaches_an_ingress_that_comes_back() -> None:
    pair = SessionPair()
    stream = pair.open(0)
    pair.run()
    pair.kill(0)
    pair.at_exit(stream).write(BYTES)
    pair.at_exit(stream).reset(Cause.TARGET_RESET)
    assert pair.exit.memory.used == 0
    pair.new_carrier()
    pair.attach([stream], 1)
    pair.run()
    assert pair.sinks[INGRESS][stream.id].cause is Cause.TARGET_RESET
    pair.assert_forgotten()


def test_what_a_socket_still_does_after_the_end_is_of_no_account() -> None:
    pair = SessionPair()
    stream = pair.open(0)
    pair.run()
    far = pair.at_exit(stream)
    pair.sinks[EXIT][stream.id].is_holding = True
    stream.write(BYTES)
    pair.run()
    far.reset(Cause.TARGET_RESET)
    pair.sinks[EXIT][stream.id].consume()
    for ended in (far, stream):
        pair.run()
        ended.write(b"late")
        ended.finish()
        ended.reset(Cause.INTERNAL)
    pair.attach([stream], 0)
    pair.run()
    pair.assert_forgotten()


@pytest.mark.parametrize("patience", [1000, 2000])
def test_a_sink_may_give_up_in_the_middle_of_its_bytes(patience: int) -> None:
    class Impatient(RecordingSink):
        def on_data(self, data: memoryview) -> None:
            super().on_data(data)
            if len(self.data) == patience:
                self.stream.reset(Cause.CLIENT_RESET)

    pair = SessionPair(carriers=2)
    stream = pair.open(0)
    pair.run()
    sink = Impatient()
    stream.bind(sink)
    sink.stream = stream
    far = pair.at_exit(stream)
    far.write(BYTES[:1000])
    pair.pull(0, INGRESS)
    pair.attach([stream], 1, planned=True)
    pair.deliver(1)
    far.write(BYTES[:1000])
    far.finish()
    pair.deliver(1, towards=INGRESS)
    pair.run()
    assert len(sink.data) == patience and sink.fins == 0 and sink.cause is None
    pair.assert_forgotten()


def test_an_exit_that_does_not_know_the_stream_ends_it() -> None:
    pair = SessionPair(carriers=2)
    stream = pair.open(0)
    pair.run()
    pair.exit.forget(pair.at_exit(stream))
    pair.attach([stream], 1)
    pair.run()
    assert pair.sinks[INGRESS][stream.id].cause is Cause.GONE
    pair.assert_forgotten()


@given(st.floats(0, 1e9))
def test_a_deadline_that_is_kept_is_over(start: float) -> None:
    session = Initiator(bytes(16), Memory(PLENTY), start)
    session.open("host", 80, RecordingSink(), (), start)
    deadline = session.next_deadline()
    assert deadline is not None
    session.handle_deadline(deadline)
    assert session.next_deadline() is None and not session.streams


def test_each_end_expires_by_its_own_clock() -> None:
    pair = SessionPair()
    stream = pair.open(0)
    stream.write(BYTES)
    pair.run()
    pair.kill(0, EXIT)
    pair.advance(EXPIRY - 0.001)
    assert pair.exit.streams and not pair.exit.has_expired(pair.now)
    pair.advance(0.002)
    assert pair.sinks[EXIT][stream.id].cause is Cause.SESSION_EXPIRED
    assert pair.exit.has_expired(pair.now) and pair.exit.memory.used == 0 and pair.exit.next_deadline() is None
    assert pair.sinks[INGRESS][stream.id].cause is None
    pair.kill(0, INGRESS)
    pair.advance(EXPIRY + 0.001)
    assert pair.sinks[INGRESS][stream.id].cause is Cause.SESSION_EXPIRED


def test_the_earlier_of_two_deadlines_counts() -> None:
    """An acknowledgement, a quarter of the 0.1 s that an exit takes for the round trip at first; and the expiry."""
    pair = SessionPair()
    stream = pair.open(0)
    stream.write(b"x")
    pair.deliver(0)
    assert pair.exit.next_deadline() == pair.now + ACK_DELAY_LEAST * 5
    pair.kill(0)
    assert pair.exit.next_deadline() == pair.now + ACK_DELAY_LEAST * 5
    pair.advance(1.0)
    assert pair.exit.next_deadline() == pair.now - 1.0 + EXPIRY


def test_forgetting_is_harmless_when_repeated() -> None:
    pair = SessionPair()
    stream = pair.open(0)
    for _ in range(2):
        pair.ingress.forget(stream)
    assert stream.state is StreamState.RESET and not pair.ingress.streams


def test_a_stream_opened_on_nothing_waits_no_longer_than_the_session() -> None:
    pair = SessionPair(carriers=0)
    stream = pair.open()
    stream.write(b"x")
    pair.advance(EXPIRY + 0.001)
    assert pair.sinks[INGRESS][stream.id].cause is Cause.SESSION_EXPIRED


def test_a_host_that_no_open_can_carry_is_refused_at_once() -> None:
    pair = SessionPair()
    for host in ("", "é" * 128, "\ud800"):
        with pytest.raises(ValueError):
            pair.open(0, host=host)
    assert not pair.ingress.streams


def test_a_session_that_is_closed_forgets_all_before_it_tells_anybody() -> None:
    """And nobody twice: not those that this end had given up itself."""
    pair = SessionPair()
    streams = [pair.open(0) for _ in range(3)]
    pair.run()
    pair.at_exit(streams[1]).reset(Cause.TARGET_RESET)
    left: list[int] = []
    for stream in streams:
        sink = pair.sinks[EXIT][stream.id]
        told = sink.on_reset
        sink.on_reset = lambda cause, told=told: (left.append(len(pair.end(0, EXIT).legs)), told(cause))  # type: ignore[method-assign]
    for _ in range(2):
        pair.exit.close(Cause.EXIT_LOST)
    assert left == [0, 0]
    assert [pair.sinks[EXIT][stream.id].cause for stream in streams] == [Cause.EXIT_LOST, None, Cause.EXIT_LOST]
    assert pair.exit.memory.used == 0 and pair.exit.riders(pair.end(0, EXIT)) == []


def test_a_stream_of_another_session_is_not_attached() -> None:
    pair, other = SessionPair(), SessionPair()
    stranger, own = other.open(0), pair.open(0)
    pair.run()
    pair.attach([stranger, own], 0)
    assert (stranger.generation, own.generation) == (1, 2)
    assert [leg.carrier for leg in stranger.legs] == [other.end(0)]
    assert pair.ingress.riders(pair.end(0)) == [own]


def test_nothing_holds_a_sink_once_its_stream_is_over() -> None:
    """So that a socket, its binding and its stream are freed without waiting for the collector of cycles."""
    pair = SessionPair()
    reset, complete, refused = pair.open(0), pair.open(0), pair.open(0)
    pair.run()
    reset.reset(Cause.CLIENT_RESET)
    complete.finish()
    pair.at_exit(complete).finish()
    pair.at_exit(refused).reset(Cause.REFUSED)
    pair.run()
    for stream in (reset, complete, refused):
        assert stream.sink is CLOSED and pair.at_exit(stream).sink is CLOSED
        stream.sink.on_data(memoryview(b""))
        stream.sink.on_connected(0.0)
        for call in (stream.sink.on_fin, stream.sink.on_room):
            call()
        stream.sink.on_reset(Cause.GONE)
        assert not stream.legs and not pair.at_exit(stream).legs


def test_a_sink_that_resets_when_it_is_told_of_the_end_has_the_last_say() -> None:
    class Rude(RecordingSink):
        def on_fin(self) -> None:
            super().on_fin()
            self.stream.reset(Cause.CLIENT_RESET)

    pair = SessionPair()
    stream = pair.open(0)
    sink = Rude()
    sink.stream = stream
    stream.bind(sink)
    pair.run()
    stream.finish()
    pair.at_exit(stream).finish()
    pair.run()
    assert stream.state is StreamState.RESET and sink.cause is None
    pair.assert_forgotten()


def test_an_opener_may_refuse_at_once() -> None:
    pair = SessionPair()
    pair.exit._on_open_told = lambda stream, host, port: (stream.reset(Cause.POLICY), RecordingSink())[1]
    stream = pair.open(0)
    pair.deliver(0)
    assert pair.exit.streams[stream.id].sink is CLOSED
    pair.run()
    assert pair.sinks[INGRESS][stream.id].cause is Cause.POLICY
    pair.assert_forgotten()


def test_what_lives_describes_itself() -> None:
    pair = SessionPair()
    stream = pair.open(0)
    stream.write(b"abc")
    pair.run()
    assert repr(pair.ingress) == "<Initiator 00010203, 1 streams, 1 carriers>"
    assert repr(pair.end(0)) == "<CarrierEnd 1 path-1 up, 1 streams, 0 ready>"
    assert repr(stream) == "<Stream 1 OPEN on 1, sent 3..3 of 262144, received 0..0 of 262144>"
    assert repr(pair.at_exit(stream)) == "<Stream 1 OPEN on 1, sent 0..0 of 262144, received 3..3 of 262144>"
