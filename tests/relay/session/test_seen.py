"""Ids that were used are remembered for ever, in little memory."""

from hypothesis import given
from hypothesis import strategies as st

from relay.session.acceptor import SeenIds


@given(st.lists(st.integers(1, 40)))
def test_it_holds_what_was_added_and_nothing_else(numbers: list[int]) -> None:
    seen = SeenIds()
    for number in numbers:
        seen.add(number)
        seen.add(number)
    assert [number for number in range(1, 50) if number in seen] == sorted(set(numbers))


@given(st.permutations(range(1, 30)))
def test_a_sequence_that_is_complete_takes_one_number(numbers: list[int]) -> None:
    seen = SeenIds()
    for number in numbers:
        seen.add(number)
    assert seen._floor == 29 and not seen._above
