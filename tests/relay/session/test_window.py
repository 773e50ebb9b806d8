"""Windows follow what the path delivers, within their bounds, and shrink to the floor at the memory limit."""

import pytest

from relay.session.window import (
    ACK_BYTES,
    FLOOR,
    INITIAL_WINDOW,
    LARGEST_WINDOW,
    SLACK,
    Memory,
    Window,
)

SRTT = 0.1
ROOMY = 1 << 40


def settled(rate: float, base: float, memory: Memory, halves: int = 100) -> Window:
    """A window that one stream has used for long: a path of *rate* bytes per second and a round trip of *base*."""
    window, offset, now = Window(), 0, 0.0
    for _ in range(halves):
        moved = window.size // 2
        trip = max(base, window.size / rate)
        offset, now = offset + moved, now + trip / 2
        window.consume(offset, now, trip, base, memory)
    return window


@pytest.mark.parametrize("rate", [3e6, 12.5e6, 25e6, 100e6])
@pytest.mark.parametrize("base", [0.03, 0.13, 0.3])
def test_a_window_holds_what_the_path_does_and_a_little_more(rate: float, base: float) -> None:
    size = settled(rate, base, Memory(ROOMY)).size
    content = rate * base
    assert size >= min(content, LARGEST_WINDOW)
    assert size <= max(INITIAL_WINDOW, 1.3 * rate * (base + SLACK))


def test_a_fast_long_path_is_filled_within_few_round_trips() -> None:
    assert settled(100e6, 0.13, Memory(ROOMY), 16).size >= 100e6 * 0.13  # 8 round trips


def test_a_window_is_bounded() -> None:
    assert settled(1e9, 0.5, Memory(ROOMY)).size == LARGEST_WINDOW


def test_a_slow_reader_keeps_the_first_window() -> None:
    window = Window()
    for turn in range(1, 20):
        assert not window.consume(turn * INITIAL_WINDOW // 2, turn * 1.0, SRTT, SRTT, Memory(ROOMY))
    assert window.size == INITIAL_WINDOW


def test_a_path_that_became_narrower_gets_a_smaller_window() -> None:
    window = settled(25e6, 0.13, Memory(ROOMY))
    before, offset, now = window.size, 1 << 30, 1000.0
    for _ in range(40):
        offset, now = offset + window.size // 2, now + window.size / 2 / 2.5e6
        window.consume(offset, now, window.size / 2.5e6, 0.13, Memory(ROOMY))
    assert window.size < before / 4


def test_what_fills_its_window_is_told_once() -> None:
    window, memory = Window(), Memory(ROOMY)
    assert not window.consume(INITIAL_WINDOW // 2, 0.0, SRTT, SRTT, memory)
    assert window.consume(INITIAL_WINDOW, 0.01, SRTT, SRTT, memory)
    assert not window.consume(INITIAL_WINDOW + 1, 0.02, SRTT, SRTT, memory)


def test_windows_stop_growing_when_memory_is_tight() -> None:
    assert settled(25e6, 0.13, Memory(1000, 499)).size > INITIAL_WINDOW
    assert settled(25e6, 0.13, Memory(1000, 500)).size == INITIAL_WINDOW


@pytest.mark.parametrize(
    ("used", "consumed", "told", "limit"),
    [
        (0, 0, 0, INITIAL_WINDOW),
        (0, 5000, INITIAL_WINDOW, INITIAL_WINDOW + 5000),
        (1000, 5000, INITIAL_WINDOW, INITIAL_WINDOW),  # full: nothing new until the old promise is used up
        (1000, INITIAL_WINDOW, INITIAL_WINDOW, INITIAL_WINDOW + FLOOR),
        (999, 7, 1 << 30, 1 << 30),  # never withdrawn
    ],
)
def test_limits(used: int, consumed: int, told: int, limit: int) -> None:
    assert Window().limit(consumed, told, Memory(1000, used)) == limit


def test_acknowledgements_follow_the_window() -> None:
    assert Window().ack_after == ACK_BYTES
    grown = settled(100e6, 0.13, Memory(ROOMY))
    assert grown.ack_after == grown.size // 8
