"""Numbers as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.cli.render_units import age, milliseconds, percent, size


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.0k"),
        (9_960, "10k"),
        (34_000_000, "34M"),
        (999_600, "1.0M"),
        (5.6e9, "5.6G"),
        (2e12, "2.0T"),
    ],
)
def test_sizes(count: float, shown: str) -> None:
    assert size(count) == shown


@given(st.integers(0, 99 * 10**12))
def test_sizes_are_short(count: int) -> None:
    assert len(size(count)) <= 5


@pytest.mark.parametrize(
    ("seconds", "shown"), [(None, "-"), (0.21, "0.2s"), (59, "59s"), (75, "1m"), (7200, "2h"), (200_000, "2d")]
)
def test_ages(seconds: float | None, shown: str) -> None:
    assert age(seconds) == shown


def test_what_is_not_known_is_a_dash() -> None:
    assert (milliseconds(None), percent(None)) == ("-", "-")
    assert (milliseconds(0.1302), milliseconds(0.0012, 1), percent(0.01)) == ("130", "1.2", "1%")
