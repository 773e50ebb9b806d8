"""Ids that were used are remembered for ever, in little memory."""

from hypothesis import given
from hypothesis import strategies as st

from relay.session.acceptor import BEHIND, SeenIds


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


def test_c5_ids_with_gaps_take_a_bit_each_and_what_is_too_old_counts_as_used() -> None:
    seen = SeenIds()
    for number in range(2, 4 * BEHIND, 2):
        seen.add(number)
    assert 4 * BEHIND - 2 in seen and 4 * BEHIND - 3 not in seen
    assert 3 * BEHIND - 1 not in seen and 3 * BEHIND - 3 in seen
    assert seen._above.bit_length() == BEHIND
    seen.add(1 << 63)
    assert 4 * BEHIND - 3 in seen and (1 << 63) - 1 not in seen
    assert seen._above.bit_length() == BEHIND
