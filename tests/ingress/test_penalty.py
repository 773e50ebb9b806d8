import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.penalty import BY_ADDRESS, BY_NAME, FIRST, FORGOTTEN, MOST_REMEMBERED, PenaltyBox, Scale

HOME = "192.0.2.1"
HOUR = 3600.0


def after(failures: int, key: str = HOME, scale: Scale = BY_NAME) -> PenaltyBox[str]:
    """A box that saw so many wrong passwords at time 0."""
    box: PenaltyBox[str] = PenaltyBox(scale)
    for _ in range(failures):
        box.failed(key, 0.0)
    return box


@pytest.mark.parametrize("scale", [BY_NAME, BY_ADDRESS])
def test_a_few_wrong_passwords_cost_nothing(scale: Scale) -> None:
    assert after(scale.free, scale=scale).remaining(HOME, 0.0) == 0


@pytest.mark.parametrize("scale", [BY_NAME, BY_ADDRESS])
@pytest.mark.parametrize(("more", "doubled"), [(1, 0), (2, 1), (3, 2), (20, 19), (2000, 60)])
def test_each_further_one_doubles_the_wait(scale: Scale, more: int, doubled: int) -> None:
    wait = min(FIRST * 2**doubled, scale.longest)
    box = after(scale.free + more, scale=scale)
    assert box.remaining(HOME, 0.0) == wait
    assert box.remaining(HOME, wait - 0.5) == 0.5
    assert box.remaining(HOME, wait) == 0


def test_others_do_not_wait() -> None:
    assert after(BY_NAME.free + 1).remaining("192.0.2.2", 0.0) == 0


def test_old_failures_are_forgotten() -> None:
    box = after(BY_NAME.free + 1)
    assert box.count(HOME, FIRST + FORGOTTEN) == BY_NAME.free + 1
    assert box.count(HOME, FIRST + FORGOTTEN + 1) == 0
    assert box.failed(HOME, FIRST + FORGOTTEN + 1) == 0.0
    box = after(BY_NAME.free + 1)
    assert box.failed(HOME, FIRST + FORGOTTEN - 1) == 2 * FIRST


def test_what_is_forgiven_is_not_counted_and_the_refusal_ends_with_the_last_of_it() -> None:
    box = after(BY_NAME.free + 2)
    assert box.forgive("192.0.2.2") == 0
    assert box.forgive(HOME, 2) == 2
    assert box.count(HOME, 0.0) == BY_NAME.free
    assert box.remaining(HOME, 0.0) == 2 * FIRST
    assert box.forgive(HOME) == BY_NAME.free
    assert (box.remaining(HOME, 0.0), len(box)) == (0, 0)
    assert after(2).forgive(HOME, 5) == 2


def test_memory_is_bounded_and_the_oldest_makes_room() -> None:
    box = after(BY_NAME.free + 1)
    for count in range(MOST_REMEMBERED):
        box.failed(f"10.{count >> 16}.{count >> 8 & 255}.{count & 255}", 0.0)
    assert len(box) == MOST_REMEMBERED
    assert box.remaining(HOME, 0.0) == 0


@pytest.mark.parametrize(("scale", "first", "later"), [(BY_NAME, 25, 12), (BY_ADDRESS, 85, 60)])
def test_what_a_guesser_gains_in_an_hour_is_what_docs_threats_says(scale: Scale, first: int, later: int) -> None:
    box: PenaltyBox[str] = PenaltyBox(scale)
    now, guesses = 0.0, []
    while now < 3 * HOUR:
        guesses.append(now)
        box.failed(HOME, now)
        now += box.remaining(HOME, now)
    hours = [sum(hour * HOUR <= one < (hour + 1) * HOUR for one in guesses) for hour in range(3)]
    assert hours == [first, later, later]


@given(st.lists(st.tuples(st.sampled_from(["192.0.2.1", "192.0.2.2", "::1"]), st.floats(0, 1000))))
def test_no_wait_is_longer_than_the_longest(failures: list[tuple[str, float]]) -> None:
    box: PenaltyBox[str] = PenaltyBox(BY_NAME)
    now = 0.0
    for key, pause in failures:
        now += pause
        assert 0 <= box.failed(key, now) <= BY_NAME.longest
        assert box.remaining(key, now + BY_NAME.longest) == 0
