"""What a peer can repeat without end costs a bounded number of frames, legs, words and streams at the other end."""

from collections.abc import Iterable

import pytest

from bench.hostile.peers import words
from relay.model.cause import Cause
from relay.session import initiator as module
from relay.session.carrier import MOST_WAITING
from relay.session.riding import MOST_DRAINS
from relay.wire import bodies
from relay.wire.errors import ProtocolError
from relay.wire.frames import BUDGET, Kind, frame
from tests.relay.session.pair import EXIT, INGRESS, SessionPair
from tests.relay.session.test_carrier import kinds

NOTHING = memoryview(b"")


def say(pair: SessionPair, frames: Iterable[bytes], towards: int = EXIT, carrier: int = 0) -> bool:
    """Have the other end hear *frames* and pull nothing meanwhile; whether it is left with some of them."""
    end = pair.end(carrier, towards)
    for piece in words.pieces(frames):
        news = memoryview(piece)
        while end.receive(news, pair.now):
            if end.is_full:
                return True
            news = NOTHING
    return False


@pytest.mark.parametrize("frames", [words.pings, words.attaches], ids=["pings", "attaches"])
def test_c5_who_asks_and_does_not_read_is_not_heard(frames) -> None:
    pair = SessionPair()
    end, number = pair.end(0, EXIT), 5000
    assert say(pair, frames(number))
    waiting = len(end.control)
    assert MOST_WAITING < waiting <= MOST_WAITING + BUDGET
    heard_at = end.heard_at
    pair.now += 5
    assert end.receive(NOTHING, pair.now) and len(end.control) == waiting
    assert end.heard_at == heard_at, "nothing was heard: it will be closed as silent"


def test_c5_who_reads_gets_every_answer() -> None:
    pair = SessionPair()
    end, answers = pair.end(0, EXIT), []
    news = memoryview(b"".join(words.pings(3000)))
    while end.receive(news, pair.now):
        answers += kinds(end.data_to_send(pair.now))
        news = NOTHING
    answers += kinds(end.data_to_send(pair.now))
    assert answers == [Kind.PONG] * 3000


def test_c5_a_storm_of_attachments_leaves_few_legs() -> None:
    pair = SessionPair()
    stream = pair.open(0)
    pair.run()
    end = pair.end(0, EXIT)
    storm = (bodies.attach(stream.id, generation, 0, 1 << 20, 0) for generation in range(2, 50_000))
    assert say(pair, storm)
    assert len(end.ready) <= MOST_WAITING + BUDGET + 1
    assert len(pair.at_exit(stream).legs) == 1


def test_c5_moves_to_and_fro_leave_few_drains() -> None:
    """A planned move behind every byte, over two carriers, and no acknowledgement ever."""
    pair = SessionPair(carriers=2)
    stream = pair.open(0)
    pair.run()
    own, generation = pair.at_exit(stream), stream.generation
    for number in range(1000):
        own.write(b"x")
        pair.end(number % 2, EXIT).data_to_send(pair.now)
        generation += 1
        move = bodies.attach(stream.id, generation, 0, 1 << 20, bodies.PLANNED)
        say(pair, [move], carrier=(number + 1) % 2)
    assert 0 < len(own.drains) <= MOST_DRAINS


def test_c5_streams_beyond_the_bound_leave_nothing_behind() -> None:
    pair = SessionPair()
    pair.most_streams = 10
    end = pair.end(0, EXIT)
    news = memoryview(b"".join(words.opens(1000, "target.test", 443)))
    while end.receive(news, pair.now):
        end.data_to_send(pair.now)
        news = NOTHING
    assert len(pair.exit.streams) == len(pair.opened) == 10


def test_an_open_that_found_no_room_does_not_dial_later() -> None:
    pair = SessionPair(carriers=2)
    pair.most_streams = 0
    stream = pair.open(0, 1)
    pair.deliver(0)
    pair.most_streams = 10
    pair.run()
    assert pair.sinks[INGRESS][stream.id].cause is Cause.LIMIT
    assert pair.opened == []
    pair.assert_forgotten()


def test_c5_resets_of_unknown_ids_are_remembered_in_little() -> None:
    pair = SessionPair()
    assert not say(pair, words.resets(20_000))
    assert pair.exit._seen._above.bit_length() <= 40_000
    assert not pair.exit.streams and not pair.end(0, EXIT).control


def test_c5_a_reset_of_what_was_never_opened_is_a_protocol_error() -> None:
    pair = SessionPair()
    stream = pair.open(0)
    pair.run()
    with pytest.raises(ProtocolError, match="never opened"):
        say(pair, [bodies.reset(stream.id + 1, Cause.TARGET_RESET)], INGRESS)


def test_c5_resets_without_end_do_not_make_words_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WORDS", 100)
    pair = SessionPair()
    pair.open(0).reset(Cause.CLIENT_RESET)
    pair.run()
    with pytest.raises(ProtocolError, match="more streams than"):
        say(pair, (bodies.reset(1, Cause.TARGET_RESET) for _ in range(1000)), INGRESS)
    assert len(pair.ingress.last_words.waiting) <= 100


@pytest.mark.parametrize(
    "again",
    [
        bodies.connected(1, 0.02),
        bodies.attached(1, 1, 0, 1 << 20, 0),
        bodies.ack(1, 0, 1 << 20),
        bodies.fin(1, 5),
        frame(Kind.GOAWAY),
    ],
    ids=["connected", "attached", "ack", "fin", "goaway"],
)
def test_c3_what_is_said_again_says_nothing_new(again: bytes) -> None:
    pair = SessionPair()
    stream = pair.open(0)
    pair.run()
    pair.at_exit(stream).write(b"bytes")
    pair.at_exit(stream).finish()
    pair.run()
    end = pair.end(0)
    say(pair, (again for _ in range(5000)), INGRESS)
    sink = pair.sinks[INGRESS][stream.id]
    assert (sink.data, sink.fins, sink.rooms) == (b"bytes", 1, 0)
    assert not end.control and len(end.ready) <= 1 and not pair.ingress.last_words.waiting
