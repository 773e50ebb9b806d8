"""What streams may promise together: newcomers start, readers grow, and the sum stays below the limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.session.window import FLOOR, INITIAL_WINDOW, LARGEST_WINDOW, Memory

MIB = 2**20


def grow(memory: Memory, wish: int, held: int = 0) -> int:
    """A stream grows as far as it may towards *wish*, and stops to read; *held* of it stays. Returns what it had."""
    start = memory.start()
    memory.started += start
    over, size = 0, start
    while (more := memory.window(min(2 * size, wish), start, over)) > size:
        size = more
        memory.used += size - start - over
        over = size - start
    memory.used -= max(over - held, 0)
    return size


def test_the_first_streams_start_with_all() -> None:
    memory = Memory(256 * MIB)
    starts = []
    for _ in range(3000):
        starts.append(memory.start())
        memory.started += starts[-1]
    assert starts[:256] == [INITIAL_WINDOW] * 256
    assert starts[700] >= INITIAL_WINDOW // 6
    assert starts[-1] == FLOOR
    assert starts == sorted(starts, reverse=True)


@given(limit=st.integers(MIB, 1 << 30), count=st.integers(1, 20_000))
def test_b2_what_was_given_to_start_with_is_bounded(limit: int, count: int) -> None:
    memory = Memory(limit)
    for _ in range(count):
        memory.started += memory.start()
    assert memory.started <= limit // 2 + FLOOR * count


def test_b1_one_stream_may_have_what_a_long_fast_path_needs() -> None:
    assert grow(Memory(256 * MIB), LARGEST_WINDOW) >= 23 * MIB


def test_b1_five_that_stopped_leave_the_next_enough() -> None:
    memory = Memory(256 * MIB)
    for _ in range(5):
        grow(memory, LARGEST_WINDOW, held=LARGEST_WINDOW)
    assert grow(memory, 8 * MIB) >= 5 * MIB // 4


def test_b1_a_hundred_that_took_all_they_could_leave_half_as_much_again_as_the_start() -> None:
    """The worst case of docs/memory.md: no kernel took any of it."""
    memory = Memory(256 * MIB)
    for _ in range(100):
        grow(memory, LARGEST_WINDOW, held=LARGEST_WINDOW)
    assert grow(memory, LARGEST_WINDOW) >= INITIAL_WINDOW * 3 // 2
    assert memory.denied


def test_b1_a_hundred_whose_bytes_the_kernel_took_leave_all() -> None:
    memory = Memory(256 * MIB)
    for _ in range(100):
        grow(memory, 4 * MIB, held=0)
    assert grow(memory, 8 * MIB) == 8 * MIB


@given(wishes=st.lists(st.tuples(st.integers(FLOOR, LARGEST_WINDOW), st.integers(0, LARGEST_WINDOW)), max_size=300))
def test_whoever_grows_the_sum_is_bounded(wishes: list[tuple[int, int]]) -> None:
    memory = Memory(64 * MIB)
    for wish, held in wishes:
        grow(memory, wish, held)
        assert memory.used <= memory.limit * 3 // 8
        assert memory.started + memory.used <= memory.limit * 7 // 8 + FLOOR * len(wishes)
    assert grow(memory, LARGEST_WINDOW) >= FLOOR


@pytest.mark.parametrize("limit", [50_000, MIB, 256 * MIB])
def test_another_limit_counts_from_now_on(limit: int) -> None:
    memory = Memory(MIB)
    memory.started = memory.used = 10 * MIB
    memory.resize(limit)
    assert memory.is_full == (limit < 20 * MIB) and memory.is_short == (limit < 20 * MIB)
    assert memory.statistics().limit == limit and "started" in repr(memory)
