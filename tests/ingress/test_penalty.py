import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.penalty import FIRST, FORGOTTEN, FREE, LONGEST, MOST_ADDRESSES, PenaltyBox

HOME = "192.0.2.1"


def after(failures: int, address: str = HOME) -> PenaltyBox:
    """A box that saw so many wrong passwords at time 0."""
    box = PenaltyBox()
    for _ in range(failures):
        box.failed(address, 0.0)
    return box


def test_a_few_wrong_passwords_cost_nothing() -> None:
    assert not after(FREE).is_refused(HOME, 0.0)


@pytest.mark.parametrize(("more", "wait"), [(1, FIRST), (2, 2 * FIRST), (3, 4 * FIRST), (20, LONGEST), (2000, LONGEST)])
def test_each_further_one_doubles_the_wait(more: int, wait: float) -> None:
    box = after(FREE + more)
    assert box.remaining(HOME, 0.0) == wait
    assert box.is_refused(HOME, wait - 0.001)
    assert not box.is_refused(HOME, wait)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2", True),
    ],
)
def test_who_shares_a_wait(one: str, other: str, is_same: bool) -> None:
    assert after(FREE + 1, one).is_refused(other, 0.0) is is_same


def test_old_failures_are_forgotten() -> None:
    box = after(FREE + 1)
    assert box.failed(HOME, FIRST + FORGOTTEN + 1) == 0.0
    box = after(FREE + 1)
    assert box.failed(HOME, FIRST + FORGOTTEN - 1) == 2 * FIRST


def test_a_right_password_clears_its_address() -> None:
    box = after(FREE + 1)
    box.succeeded("192.0.2.2")
    assert box.is_refused(HOME, 0.0)
    box.succeeded(HOME)
    assert box.failed(HOME, 0.0) == 0.0


def test_memory_is_bounded_and_the_oldest_makes_room() -> None:
    box = after(FREE + 1)
    for count in range(MOST_ADDRESSES):
        box.failed(f"10.{count >> 16}.{count >> 8 & 255}.{count & 255}", 0.0)
    assert len(box) == MOST_ADDRESSES
    assert not box.is_refused(HOME, 0.0)


@given(st.lists(st.tuples(st.sampled_from(["192.0.2.1", "192.0.2.2", "::1"]), st.floats(0, 1000))))
def test_no_wait_is_longer_than_the_longest(failures: list[tuple[str, float]]) -> None:
    box, now = PenaltyBox(), 0.0
    for address, pause in failures:
        now += pause
        assert 0 <= box.failed(address, now) <= LONGEST
        assert box.remaining(address, now + LONGEST) == 0
