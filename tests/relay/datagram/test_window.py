"""The window against a set that remembers everything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.datagram.window import SIZE, ReplayWindow


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
    window.fresh(first)
    model.fresh(base)
    for step in steps:
        at = max(base - SIZE + 1, at + step)
        assert window.fresh((at + offset) % 2**32) is model.fresh(at)


@pytest.mark.parametrize("ahead", [1, 2, SIZE - 1, SIZE, SIZE + 1, 10 * SIZE])
def test_what_was_skipped_may_still_come(ahead: int) -> None:
    window = ReplayWindow()
    assert window.fresh(1)
    assert window.fresh(1 + ahead)
    assert not window.fresh(1)
    assert window.fresh(ahead) is (ahead > 1)
    assert not window.fresh(1 + ahead)
