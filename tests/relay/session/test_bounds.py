"""What bounds sessions and their streams, and who goes first: one script for each promise."""

import pytest

from relay.model.cause import Cause
from relay.session.session import LOOK_AGAIN
from relay.session.window import BACKLOG, FLOOR, INITIAL_WINDOW, LARGEST_WINDOW
from relay.wire.bodies import open_stream, parse_time, time_target
from relay.wire.codes import Feature
from relay.wire.errors import ProtocolError
from relay.wire.frames import Kind, frame
from tests.relay.session.pair import EXIT, INGRESS, PLENTY, SessionPair

BYTES = bytes(range(251)) * 400


@pytest.mark.parametrize("end", [INGRESS, EXIT])
def test_c2_a_stream_that_moves_at_every_round_while_nothing_is_delivered_stays_within_the_ranges(end: int) -> None:
    """40 moves: four a second, for as long as a carrier may be stuck. The last carrier delivers first."""
    pair = SessionPair(carriers=41)
    stream = pair.open(0)
    pair.run()
    writer = stream if end == INGRESS else pair.at_exit(stream)
    reader = pair.at_exit(stream) if end == INGRESS else stream
    for number in range(40):
        pair.hold(number, 1 - end)
        writer.write(BYTES[:3000])
        while pair.pull(number, 1 - end):
            pass
        pair.attach([stream], number + 1, planned=True)
        pair.run()
    most = 0
    for number in reversed(range(1, 41, 2)):
        pair.release(number)
        pair.run()
        most = max(most, reader.receiver.ranges)
    assert most == 20 and not pair.received(stream, 1 - end)
    for number in range(0, 41, 2):
        pair.release(number)
        pair.run()
    assert pair.received(stream, 1 - end) == BYTES[:3000] * 40
    assert reader.receiver.ranges == reader.receiver.held == 0


def test_an_exit_that_is_full_refuses_and_says_why() -> None:
    pair = SessionPair(memory=(1 << 30, 50_000))
    first = pair.open(0)
    pair.run()
    pair.sinks[EXIT][first.id].is_holding = True
    first.write(BYTES)
    pair.run()
    second = pair.open(0)
    second.write(b"x")
    pair.run()
    assert pair.sinks[INGRESS][second.id].cause is Cause.LIMIT
    assert pair.opened == [first.id]
    pair.most_streams = 1
    pair.sinks[EXIT][first.id].consume()
    third = pair.open(0)
    pair.run()
    assert pair.sinks[INGRESS][third.id].cause is Cause.LIMIT
    assert pair.received(first) == BYTES


@pytest.mark.parametrize("end", [INGRESS, EXIT])
def test_a_full_memory_slows_down_and_never_stops(end: int) -> None:
    """Others hold all the memory of both ends and let go of nothing."""
    pair = SessionPair(memory=(200_000, 200_000), announced=(Feature(0), Feature.START_WINDOWS))
    stream = pair.open(0)
    pair.run()
    for session in pair.sessions:
        session.memory.used += 200_000
    assert all(session.memory.is_full for session in pair.sessions)
    writer = stream if end == INGRESS else pair.at_exit(stream)
    sink = pair.sinks[end][stream.id]
    written, most = 0, 0
    while written < 4 * INITIAL_WINDOW:
        assert writer.room
        while writer.room:
            writer.write(BYTES[: FLOOR // 4])
            written += FLOOR // 4
        most = max(most, writer.sender.kept)
        rooms = sink.rooms
        pair.run(ping=False)
        assert sink.rooms == rooms + 1
    assert len(pair.received(stream, 1 - end)) == written
    assert most <= FLOOR
    reader = pair.sessions[1 - end].streams[stream.id]
    assert reader.receiver.limit <= written + reader.start + FLOOR


def test_a_reader_that_stops_stops_the_writer_and_nothing_else() -> None:
    pair = SessionPair()
    slow, quick = pair.open(0), pair.open(0)
    pair.run()
    pair.sinks[EXIT][slow.id].is_holding = True
    for _ in range(10):
        slow.write(BYTES)
        quick.write(b"q" * 1000)
        pair.run()
    assert len(pair.received(slow)) == INITIAL_WINDOW and not slow.room
    assert len(pair.received(quick)) == 10_000
    for _ in range(40):
        pair.sinks[EXIT][slow.id].consume(50_000)
        pair.run()
    assert pair.received(slow) == BYTES * 10 and slow.room and pair.sinks[INGRESS][slow.id].rooms


def test_streams_on_one_carrier_take_turns() -> None:
    pair = SessionPair()
    bulk = pair.open(0)
    pair.run()
    bulk.write(BYTES)
    thin = pair.open(0)
    thin.write(b"key")
    while thin.id not in pair.sinks[EXIT] or pair.received(thin) != b"key":
        pair.deliver(0, 1000)
    assert len(pair.received(bulk)) < 20_000


def test_control_goes_before_bytes() -> None:
    pair = SessionPair()
    stream = pair.open(0)
    pair.run()
    stream.write(BYTES)
    number = pair.ping(0)
    pair.pull(0, EXIT)
    pair.deliver(0, 20)
    pair.deliver(0, towards=INGRESS)
    assert pair.pongs[-1] == number


def test_news_and_questions_pass_through() -> None:
    pair = SessionPair()
    for kind, body in ((18, b""), (19, b"{}"), (21, bytes(9))):
        pair.end(0)  # the ingress's end lives
        exit_end = pair.carriers[0].ends[EXIT]
        assert exit_end is not None
        exit_end.send(frame(kind, body))
    pair.end(0).send(time_target(7, "host", 80))
    pair.run()
    assert pair.notices[INGRESS] == [(18, b""), (19, b"{}"), (21, bytes(9))]
    ((kind, body),) = pair.notices[EXIT]
    assert kind == Kind.TIME and parse_time(body) == (7, "host", 80)


def test_a_frame_out_of_place_is_a_protocol_error() -> None:
    pair = SessionPair()
    with pytest.raises(ProtocolError, match="OPEN"):
        pair.end(0).receive(memoryview(open_stream(1, 1, "host", 80)), pair.now)
    with pytest.raises(ProtocolError, match="HELLO"):
        pair.end(0).receive(memoryview(b"\x01\0\0\0"), pair.now)


def test_a_writer_may_have_to_wait_because_of_others() -> None:
    pair = SessionPair(memory=(160 * 1024, PLENTY))
    other, stream = pair.open(0), pair.open(0)
    stream.write(b"x" * FLOOR)
    assert not stream.must_wait()
    other.write(b"x" * 60_000)
    assert stream.must_wait() and not stream.room
    pair.run()
    assert pair.sinks[INGRESS][stream.id].rooms == 1 and not stream.must_wait()


@pytest.mark.parametrize("end", [INGRESS, EXIT])
def test_b4_a_peer_that_allows_everything_and_acknowledges_nothing_is_kept_one_largest_window(end: int) -> None:
    pair = SessionPair()
    stream = pair.open(0)
    pair.run()
    writer = stream if end == INGRESS else pair.at_exit(stream)
    writer.receive_ack(0, 1 << 62)
    written = 0
    while writer.room:
        written += len(BYTES)
        writer.write(BYTES)
    assert LARGEST_WINDOW <= written < LARGEST_WINDOW + len(BYTES)
    assert writer.must_wait()


def test_b4_and_no_more_than_its_share_where_memory_is_short() -> None:
    pair = SessionPair(memory=(64 << 20, PLENTY))
    stream = pair.open(0)
    pair.hold(0)
    stream.receive_ack(0, 1 << 62)
    while stream.room:
        stream.write(BYTES)
    assert stream.sender.kept <= pair.ingress.memory.short_at + len(BYTES) < 13 << 20


@pytest.mark.parametrize("end", [INGRESS, EXIT])
def test_b1_what_waits_in_the_kernel_is_promised_no_further_until_it_has_left(end: int) -> None:
    pair = SessionPair()
    stream = pair.open(0)
    pair.run()
    writer, sink = (pair.at_exit(stream), pair.sinks[INGRESS][stream.id])
    if end == EXIT:
        writer, sink = stream, pair.sinks[EXIT][stream.id]
    sink.in_kernel = BACKLOG + INITIAL_WINDOW
    while writer.room:
        writer.write(BYTES[: min(len(BYTES), writer.room)])
    pair.run()
    assert not writer.room and len(sink.data) == INITIAL_WINDOW
    pair.run()
    assert not writer.room
    sink.in_kernel = BACKLOG
    pair.run(LOOK_AGAIN * 3)
    assert writer.room == INITIAL_WINDOW
    assert sink.stream.session.memory.used == 0


def test_b2_streams_start_with_less_where_there_are_many() -> None:
    pair = SessionPair(memory=(8 << 20, 4 << 20), announced=(Feature(0), Feature.START_WINDOWS))
    pair.run()
    streams = []
    for _ in range(200):
        streams.append(pair.open(0))
        pair.run(ping=False)
    mine, theirs = streams[-1], pair.at_exit(streams[-1])
    assert mine.start == theirs.start == FLOOR == mine.sender.limit == theirs.sender.limit
    assert pair.ingress.memory.started <= 4 * (1 << 20) + 200 * FLOOR
    assert pair.exit.memory.started <= 2 * (1 << 20) + INITIAL_WINDOW + 200 * FLOOR
    mine.write(BYTES)
    theirs.write(BYTES)
    pair.run(1.0)
    assert pair.received(mine) == pair.received(mine, INGRESS) == BYTES
    number = pair.new_carrier()
    late = pair.open(number)
    pair.run()
    assert pair.at_exit(late).start == FLOOR


def test_b2_an_exit_tells_when_there_is_more_again() -> None:
    pair = SessionPair(memory=(PLENTY, 4 << 20), announced=(Feature(0), Feature.START_WINDOWS))
    streams = [pair.open(0) for _ in range(50)]
    pair.run()
    late = pair.open(0)
    assert late.sender.limit == FLOOR
    for stream in (*streams, late):
        stream.reset(Cause.CLIENT_RESET)
    pair.run()
    pair.open(0)
    pair.run()
    pair.exit.memory.resize(PLENTY)
    pair.open(0)
    pair.run()
    assert pair.open(0).sender.limit == INITIAL_WINDOW


def test_b2_the_last_bytes_count_until_their_socket_has_them() -> None:
    pair = SessionPair()
    stream = pair.open(0)
    pair.run()
    sink, far = pair.sinks[INGRESS][stream.id], pair.at_exit(stream)
    sink.is_holding = True
    far.write(BYTES)
    far.finish()
    stream.finish()
    pair.run()
    assert not pair.ingress.streams and not pair.exit.streams
    assert pair.ingress.memory.started == stream.start == INITIAL_WINDOW and pair.exit.memory.started == 0
    sink.consume(1000)
    assert pair.ingress.memory.started == INITIAL_WINDOW
    sink.consume()
    pair.assert_forgotten()
    stream.reset(Cause.CLIENT_RESET)
    pair.assert_forgotten()
