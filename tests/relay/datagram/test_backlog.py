"""What waits for a carrier: in order, not for long, and not too much."""

from hypothesis import given
from hypothesis import strategies as st

from relay.datagram.backlog import MOST, PATIENCE, Backlog


def test_what_is_late_is_dropped() -> None:
    backlog = Backlog()
    backlog.put(b"late", 0.0)
    backlog.put(b"just", PATIENCE)
    assert backlog.take(2 * PATIENCE, 100) == [b"just"]
    assert (backlog.dropped, len(backlog)) == (1, 0)


@given(sizes=st.lists(st.integers(1, MOST // 3), max_size=40), most=st.integers(1, MOST))
def test_the_newest_stay_in_order(sizes: list[int], most: int) -> None:
    backlog = Backlog()
    for number, size in enumerate(sizes):
        backlog.put(bytes([number]) * size, 0.0)
    left = len(backlog)
    assert backlog.dropped == len(sizes) - left
    found: list[bytes] = []
    while taken := backlog.take(0.0, most):
        assert sum(map(len, taken[:-1])) < most
        found += taken
    assert sum(map(len, found)) <= MOST
    assert [frame[0] for frame in found] == list(range(len(sizes)))[len(sizes) - left :]
