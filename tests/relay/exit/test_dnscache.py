"""How long an answer is believed, and that the cache stays small."""

import pytest

from relay.exit.dnscache import FAILURE, LONGEST, LONGEST_ABSENT, SHORTEST, Answer, Cache, Outcome
from relay.model.cause import Cause

ADDRESSES = ("192.0.2.1",)


@pytest.mark.parametrize(
    ("outcome", "ttl", "kept"),
    [
        (ADDRESSES, 0, SHORTEST),
        (ADDRESSES, 300, 300),
        (ADDRESSES, 1e9, LONGEST),
        (Cause.NAME_NOT_FOUND, 0, FAILURE),
        (Cause.NAME_NOT_FOUND, 30, 30),
        (Cause.NAME_NOT_FOUND, 1e9, LONGEST_ABSENT),
        (Cause.DNS_TIMEOUT, 1e9, FAILURE),
    ],
)
def test_an_answer_is_kept_for_its_bounded_ttl(outcome: Outcome, ttl: float, kept: float) -> None:
    cache = Cache()
    cache.put("a.example", Answer(outcome, ttl), now=1000.0)
    assert cache.get("a.example", now=1000.0 + kept - 0.01) == outcome
    assert cache.get("a.example", now=1000.0 + kept) is None
    assert cache.get("b.example", now=1000.0) is None


def test_a_new_answer_replaces_the_old_one() -> None:
    cache = Cache()
    cache.put("a.example", Answer(Cause.DNS_TIMEOUT, 0), now=0.0)
    cache.put("a.example", Answer(ADDRESSES, 60), now=1.0)
    assert cache.get("a.example", now=50.0) == ADDRESSES
    assert len(cache) == 1


def test_the_oldest_names_make_room() -> None:
    cache = Cache(most=3)
    for name in ("a", "b", "c", "a", "d"):
        cache.put(name, Answer(ADDRESSES, 60), now=0.0)
    assert [cache.get(name, now=1.0) for name in "abcd"] == [ADDRESSES, None, ADDRESSES, ADDRESSES]
