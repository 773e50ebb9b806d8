"""The window against a set that remembers everything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.datagram.window import SIZE, ReplayWindow, fresh_of


class Remembering:
    """What the window should do, with all the memory it likes."""

    def __init__(self) -> None:
        self.top = 0
        self.seen: set[int] = set()

    def fresh(self, number: int) -> bool:
        if number in self.seen or number <= self.top - SIZE:
            return False
        self.seen.add(number)
        self.top = max(self.top, number)
        return True


STEPS = st.lists(
    st.one_of(st.integers(-20, 20), st.integers(-SIZE - 5, SIZE + 5), st.integers(0, 3 * SIZE)), max_size=60
)


@given(steps=STEPS)
def test_every_number_is_fresh_once(steps: list[int]) -> None:
    window, model = ReplayWindow(), Remembering()
    at = 1
    for step in steps:
        at = max(1, at + step)
        assert window.fresh(at) is model.fresh(at)
        assert window.top == model.top


@given(first=st.integers(0, 2**32 - 1), steps=STEPS)
def test_serial_numbers_turn_over(first: int, steps: list[int]) -> None:
    window, model = ReplayWindow(32), Remembering()
    base = at = 4 * SIZE
    offset = first - base
    assert window.fresh(first) and model.fresh(base)
    for step in steps:
        at = max(base - SIZE + 1, at + step)
        assert window.fresh((at + offset) % 2**32) is model.fresh(at)


@given(runs=st.lists(st.tuples(st.integers(-5, 5), st.integers(1, 70)), max_size=300), bits=st.sampled_from([32, 48]))
def test_runs_are_taken_as_their_numbers_would_be(runs: list[tuple[int, int]], bits: int) -> None:
    window, single = ReplayWindow(bits), ReplayWindow(bits)
    for step, count in runs:
        first = max(1, single.top + 1 + step)
        numbers = range(first, first + count)
        fresh = [b"%d" % number for number in numbers if single.fresh(number)]
        assert fresh_of(window, numbers, [b"%d" % number for number in numbers]) == fresh
        assert window.top == single.top


def test_a_run_with_a_gap_or_that_turns_over_is_asked_for_singly() -> None:
    window, three = ReplayWindow(32), [b"a", b"b", b"c"]
    assert fresh_of(window, [1, 3, 2], three) == three
    assert fresh_of(window, [4, 4, 5], three) == [b"a", b"c"]
    assert fresh_of(window, [2**31, 2**32 - 2, 2**32 - 2], three) == three[:2]
    assert fresh_of(window, [2**32 - 1, 0, 1], three) == three
    assert window.top == 1


@pytest.mark.parametrize("ahead", [1, 2, SIZE - 1, SIZE, SIZE + 1, 10 * SIZE])
def test_what_was_skipped_may_still_come(ahead: int) -> None:
    window = ReplayWindow()
    assert window.fresh(1)
    assert window.fresh(1 + ahead)
    assert not window.fresh(1)
    assert window.fresh(ahead) is (ahead > 1)
    assert not window.fresh(1 + ahead)
