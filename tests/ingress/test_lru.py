"""A dictionary that forgets what was used longest ago."""

from hypothesis import given
from hypothesis import strategies as st

from ingress.lru import LARGE, Lru


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=60))
def test_what_was_used_longest_ago_is_forgotten_first(steps: list[tuple[int, bool]]) -> None:
    kept, order = Lru[int, int](4), list[int]()
    for key, is_put in steps:
        if is_put:
            kept.put(key, key)
        assert kept.use(key) == (key if is_put or key in order else None)
        if key in order or is_put:
            order = ([one for one in order if one != key] + [key])[-4:]
    assert [key for key, _ in kept.items()] == order


def test_a_large_one_lets_several_go_at_once_and_never_holds_more() -> None:
    kept = Lru[int, int](LARGE)
    for key in range(3 * LARGE):
        kept.put(key, key)
        assert key in kept and len(kept) <= LARGE
        assert key < LARGE or len(kept) > 0.98 * LARGE
    assert list(kept) == list(range(3 * LARGE - len(kept), 3 * LARGE))
