"""Windows follow what the path delivers, within their bounds."""

import pytest

from relay.session.window import (
    ACK_BYTES,
    INITIAL_WINDOW,
    LARGEST_WINDOW,
    SLACK,
    STARTUP_GAIN,
    Window,
)

SRTT = 0.1


def settled(rate: float, base: float, halves: int = 100) -> Window:
    """A window that one stream has used for long: a path of *rate* bytes per second and a round trip of *base*."""
    window, offset, now = Window(), 0, 0.0
    for _ in range(halves):
        moved = window.size // 2
        trip = max(base, window.size / rate)
        offset, now = offset + moved, now + trip / 2
        window.consume(offset, now, trip, base)
    return window


@pytest.mark.parametrize("rate", [3e6, 12.5e6, 25e6, 100e6])
@pytest.mark.parametrize("base", [0.03, 0.13, 0.3])
def test_a_window_holds_what_the_path_does_and_a_little_more(rate: float, base: float) -> None:
    size = settled(rate, base).size
    content = rate * base
    assert size >= min(content, LARGEST_WINDOW)
    assert size <= max(INITIAL_WINDOW, 1.3 * rate * (base + SLACK))


def test_a_fast_long_path_is_filled_within_few_round_trips() -> None:
    assert settled(100e6, 0.13, 16).size >= 100e6 * 0.13  # 8 round trips


def test_a_window_is_bounded() -> None:
    assert settled(1e9, 0.5).size == LARGEST_WINDOW


def test_a_slow_reader_keeps_the_first_window() -> None:
    window = Window()
    for turn in range(1, 20):
        assert not window.consume(turn * INITIAL_WINDOW // 2, turn * 1.0, SRTT, SRTT)
    assert window.size == INITIAL_WINDOW


def test_a_path_that_became_narrower_gets_a_smaller_window() -> None:
    window = settled(25e6, 0.13)
    before, offset, now = window.size, 1 << 30, 1000.0
    for _ in range(40):
        offset, now = offset + window.size // 2, now + window.size / 2 / 2.5e6
        window.consume(offset, now, window.size / 2.5e6, 0.13)
    assert window.size < before / 4


def test_what_fills_its_window_is_told_once() -> None:
    window = Window()
    assert not window.consume(INITIAL_WINDOW // 2, 0.0, SRTT, SRTT)
    assert window.consume(INITIAL_WINDOW, 0.01, SRTT, SRTT)
    assert not window.consume(INITIAL_WINDOW + 1, 0.02, SRTT, SRTT)


def test_b1_a_burst_is_no_path_without_end() -> None:
    """What a read brings at once is consumed at one moment: over so short a time, delivery means nothing."""
    window, offset, now = Window(), 0, 0.0
    for _ in range(100):
        now += 0.1
        for _ in range(8):  # 1 MiB every round trip, all at once
            offset += INITIAL_WINDOW // 2
            window.consume(offset, now, SRTT, SRTT)
    assert window.size <= 1.5 * STARTUP_GAIN * 2**20


def test_acknowledgements_follow_the_window() -> None:
    assert Window().ack_after == ACK_BYTES
    grown = settled(100e6, 0.13)
    assert grown.ack_after == grown.size // 8
