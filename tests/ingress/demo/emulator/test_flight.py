"""Flights under virtual time: order, delay, rate, loss and black holes, with chance seeded."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.demo.emulator.flight import CHUNK, IN_FLIGHT, QUEUE, RETRANSMIT, SEGMENT, Flight, Mark, OneWay


def way(*, delay: float = 0.0, jitter: float = 0.0, loss: float = 0.0, rate: float | None = None) -> OneWay:
    made = OneWay(Random(7))
    made.delay, made.jitter, made.loss, made.rate = delay, jitter, loss, rate
    made.round_trip = 2 * delay
    return made


def arrivals(flight: Flight) -> list[tuple[float, bytes | Mark]]:
    """Everything under way, with the time of its arrival; leaves the flight empty."""
    found: list[tuple[float, bytes | Mark]] = []
    while (when := flight.next_arrival()) is not None:
        chunk = flight.arrived(when)
        assert chunk is not None
        found.append((when, chunk if isinstance(chunk, Mark) else bytes(chunk)))
        flight.take(0 if isinstance(chunk, Mark) else len(chunk))
    return found


def test_a_chunk_arrives_exactly_after_the_delay_of_the_way() -> None:
    flight = Flight(way(delay=0.05))
    flight.send(b"hello", 10.0)
    assert flight.arrived(10.0499) is None
    assert arrivals(flight) == [(10.05, b"hello")]


def test_what_the_receiver_did_not_take_stays_first() -> None:
    flight = Flight(way())
    flight.send(b"hello", 0.0)
    flight.send(b" world", 0.0)
    flight.take(2)
    assert flight.held == 9
    assert arrivals(flight) == [(0.0, b"llo"), (0.0, b" world")]


@given(
    st.lists(st.tuples(st.binary(min_size=1, max_size=9000), st.floats(0, 0.2)), min_size=1, max_size=30),
    st.floats(0, 0.2),
    st.floats(0, 0.1),
    st.sampled_from([0.0, 0.01, 0.5]),
    st.sampled_from([None, 1e4, 1e6]),
)
def test_order_is_kept_and_nothing_comes_before_its_time(
    sends: list[tuple[bytes, float]], delay: float, jitter: float, loss: float, rate: float | None
) -> None:
    flight = Flight(way(delay=delay, jitter=jitter, loss=loss, rate=rate))
    now, sent = 0.0, []
    for data, pause in sends:
        now += pause
        flight.send(data, now)
        sent.append((now, data))
    flight.end(Mark.FIN, now)
    came = arrivals(flight)
    assert [data for _, data in came] == [data for _, data in sent] + [Mark.FIN]
    assert [when for when, _ in came] == sorted(when for when, _ in came)
    assert all(when >= at + delay for (when, _), (at, _) in zip(came, sent, strict=False))
    assert flight.held == 0
    if rate is not None:
        assert came[-1][0] >= sum(len(data) for data, _ in sends) / rate + delay


def test_jitter_adds_at_most_what_it_says() -> None:
    line = way(delay=0.02, jitter=0.004)
    spread = [line.arrival(100, 0.0) for _ in range(500)]
    assert 0.02 <= min(spread) < 0.021
    assert 0.023 < max(spread) <= 0.024


def test_a_lost_lone_segment_waits_for_the_retransmission_timeout() -> None:
    line = way(delay=0.085, loss=0.01)
    late = [when for when in (line.arrival(200, 0.0) for _ in range(5000)) if when > 0.085]
    assert 20 <= len(late) <= 90
    assert min(late) == pytest.approx(0.085 + RETRANSMIT + 0.17)


def test_a_hole_in_many_segments_is_mended_in_a_round_trip() -> None:
    line = way(delay=0.085, loss=0.01)
    late = [when for when in (line.arrival(20 * SEGMENT, 0.0) for _ in range(2000)) if when > 0.085]
    assert min(late) == pytest.approx(0.085 + 0.17)
    assert 250 <= len(late) <= 500  # 1 - 0.99 ** 20 is 18 %


def test_flights_share_the_rate_of_their_line() -> None:
    line = way(rate=100_000)
    first, second = Flight(line), Flight(line)
    first.send(bytes(5000), 0.0)
    second.send(bytes(5000), 0.0)
    assert first.next_arrival() == pytest.approx(0.05)
    assert second.next_arrival() == pytest.approx(0.10)


def test_a_full_queue_holds_the_sender_back_until_it_says() -> None:
    line = way(rate=50_000)
    flight, now, sent = Flight(line), 0.0, 0
    while room := flight.room(now):
        flight.send(bytes(room), now)
        sent += room
    assert sent <= 50_000 * QUEUE + 2 * SEGMENT
    when = line.wake()
    assert when is not None and when > now
    assert flight.room(when - 0.001) == 0
    assert flight.room(when) > 0


def test_a_receiver_that_does_not_take_ends_the_room() -> None:
    flight = Flight(way())
    while room := flight.room(0.0):
        flight.send(bytes(room), 0.0)
    assert flight.held == IN_FLIGHT
    flight.take(CHUNK)
    assert flight.room(0.0) == CHUNK


def test_a_black_hole_keeps_everything_until_it_ends() -> None:
    line = way(delay=0.05)
    flight = Flight(line)
    flight.send(b"under way", 0.0)
    line.blocked = True
    assert flight.room(0.1) == 0 and flight.next_arrival() is None and flight.arrived(60.0) is None
    line.blocked = False
    assert flight.arrived(60.0) is not None
    assert arrivals(flight) == [(0.05, b"under way")]


def test_what_is_dropped_frees_the_room() -> None:
    flight = Flight(way())
    flight.send(bytes(1000), 0.0)
    flight.drop()
    assert flight.held == 0 and flight.next_arrival() is None


@given(size=st.integers(0, 65_000), now=st.floats(0, 100), delay=st.floats(0, 1), jitter=st.floats(0, 1))
def test_a_datagram_arrives_after_the_delay_and_no_later_than_by_its_jitter(
    size: int, now: float, delay: float, jitter: float
) -> None:
    when = way(delay=delay, jitter=jitter).datagram_arrival(size, now)
    assert when is not None and now + delay <= when <= now + delay + jitter


def test_a_datagram_is_lost_by_chance_at_a_full_queue_and_in_a_black_hole() -> None:
    assert way(loss=1.0).datagram_arrival(100, 0.0) is None
    line = way(rate=1000.0)
    found = [line.datagram_arrival(50, 0.0) for _ in range(10)]
    assert found[:3] == [0.05, 0.1, pytest.approx(0.15)] and found[3:] == [None] * 7
    assert line.datagram_arrival(50, 0.1) is not None  # the queue has moved on
    line.blocked = True
    assert line.datagram_arrival(50, 9.0) is None


def test_a_policer_drops_datagrams_beyond_its_rate_and_leaves_streams_alone() -> None:
    line = way()
    line.police(1000.0)
    found = [line.datagram_arrival(1000, 100.0) for _ in range(7)]
    assert found == [100.0] * 5 + [None] * 2
    assert line.datagram_arrival(1000, 100.5) is None and line.datagram_arrival(500, 100.5) == 100.5
    assert line.arrival(100_000, 100.5) == 100.5
    line.police(None)
    assert line.datagram_arrival(100_000, 100.5) == 100.5
