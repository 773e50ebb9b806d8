"""Redundant streams: a path's death costs them nothing at all."""

import pytest

from tests.network.files import with_table
from tests.network.load import Load
from tests.network.network import Network

pytestmark = pytest.mark.network
PAUSE = 0.4
"""Seconds: sooner, no path is called stalled (docs/survival.md), so that a single stream would stand still for longer.
A round trip of this network is 0.05 at most; a busy machine adds its own."""


def legs(answer: dict[str, list[dict[str, int]]]) -> list[int]:
    """How many redundant streams each path to us-one carries."""
    return [path["redundant"] for path in answer["paths"] if str(path["exit"]) == "us-one"]


def test_a_silent_path_costs_a_redundant_stream_nothing(breakable: Network) -> None:
    breakable.reload(with_table(breakable.original, "[[rule]]", 'host = "*.test"', "redundant = true"))
    load = Load(breakable, ("echo", "download"))
    load.until_flowing()
    breakable.until(lambda answer: legs(answer) == [2, 2])
    for line in ("ix-one", "ix-two", "one-one"):
        breakable.order(f"cut {line}")
        breakable.until(lambda answer: sorted(legs(answer)) == [0, 2])  # it was noticed: by then it was survived
        breakable.order(f"heal {line}")
        breakable.until(lambda answer: legs(answer) == [2, 2])
    load.until_past()
    load.end()
    assert max(load.round_trips) < PAUSE
