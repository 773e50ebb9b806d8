"""Which address goes first: what is remembered, for how long, and that nothing is lost by it."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.engine.winners import KEEP, MOST_NAMES, WORTH, Winners

V6, V4, OTHER_V6, OTHER_V4 = "2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"


def winners(address: str, waited: float = 0.25) -> Winners:
    made = Winners()
    made.won("a.example", address, waited, 0.0)
    return made


@pytest.mark.parametrize(
    ("winner", "addresses", "order"),
    [
        (V4, [V6, V4], [V4, V6]),
        (OTHER_V4, [V4, OTHER_V4], [OTHER_V4, V4]),
        (V4, [V6, OTHER_V4], [OTHER_V4, V6]),  # the name has another address now: its family counts
        (V4, [V6, OTHER_V6, OTHER_V4], [OTHER_V4, V6, OTHER_V6]),
        (V4, [V6], [V6]),
        (V4, [], []),
    ],
)
def test_f3_f8_what_answered_goes_first(winner: str, addresses: Sequence[str], order: Sequence[str]) -> None:
    made = winners(winner)
    assert list(made.order("a.example", addresses, KEEP - 1)) == order
    assert made.order("b.example", addresses, 1.0) is addresses


def test_f3_it_is_forgotten() -> None:
    assert winners(V4).order("a.example", [V6, V4], KEEP) == [V6, V4]


def test_what_kept_nobody_waiting_is_not_remembered() -> None:
    assert len(winners(V4, WORTH / 2)) == 0


def test_what_is_remembered_is_bounded_and_the_latest_counts() -> None:
    made = Winners()
    for number in range(MOST_NAMES + 1):
        made.won(f"{number}.example", V4, 0.25, 0.0)
    assert len(made) == MOST_NAMES
    assert made.order("0.example", [V6, V4], 1.0) == [V6, V4]
    made.won("1.example", V6, 0.25, 1.0)
    assert made.order("1.example", [V4, V6], 1.0) == [V6, V4]
    assert len(made) == MOST_NAMES


@given(st.lists(st.sampled_from([V6, V4, OTHER_V6, OTHER_V4]), unique=True), st.sampled_from([V6, V4, "192.0.2.3"]))
def test_no_address_is_lost_or_made_up(addresses: list[str], winner: str) -> None:
    assert sorted(winners(winner).order("a.example", addresses, 1.0)) == sorted(addresses)
