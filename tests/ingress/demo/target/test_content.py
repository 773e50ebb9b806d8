"""The bytes that everyone knows."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from ingress.demo.target.content import PERIOD, content, sha256_of


@given(st.integers(0, 5 * PERIOD), st.integers(0, PERIOD), st.integers(0, PERIOD))
def test_any_cut_gives_the_same_bytes(offset: int, first: int, second: int) -> None:
    second = min(second, PERIOD - first)
    assert content(offset, first) + content(offset + first, second) == content(offset, first + second)


def test_the_digest_is_of_all_the_bytes() -> None:
    whole = content(0, PERIOD) + content(PERIOD, PERIOD) + content(2 * PERIOD, 5)
    assert sha256_of(2 * PERIOD + 5) == hashlib.sha256(whole).hexdigest()
    assert sha256_of(0) == hashlib.sha256(b"").hexdigest()


def test_it_never_changes() -> None:
    assert sha256_of(1_000_000) == "5858f1ddb69575313ef98ed59f658fe89ae717252f3f7a52f3e6ff9b9c0784ea"
