"""Which exit a client keeps for a site, for how long, and when it is given up."""

import pytest

from ingress.choice.affinity import FOLLOW, KEEP, MOST, Affinity, is_given_up


def test_a_client_keeps_its_exit_for_half_an_hour_after_the_last_use() -> None:
    affinity = Affinity()
    affinity.use("10.0.0.1", "example.com", "us1", 0.0)
    affinity.use("10.0.0.2", "example.com", "us2", 0.0)
    assert affinity.exit("10.0.0.1", "example.com", KEEP - 1) == "us1"
    assert affinity.exit("10.0.0.1", "example.com", KEEP) is None
    assert affinity.exit("10.0.0.3", "example.com", 0.0) is None
    assert affinity.count("example.com", 1.0) == {"us1": 1, "us2": 1}
    affinity.use("10.0.0.2", "other.example", "us2", KEEP)
    assert affinity.count("example.com", KEEP) == {}


def test_affinity_is_bounded() -> None:
    affinity = Affinity()
    for number in range(MOST + 5):
        affinity.use(str(number), "example.com", "us1", 0.0)
    assert MOST * 0.98 < len(affinity) <= MOST
    assert affinity.exit("0", "example.com", 0.0) is None
    assert affinity.last_exit("0", 0.0) is None
    assert affinity.last_exit(str(MOST + 4), 0.0) == "us1"


def test_the_last_exit_is_remembered_for_some_minutes() -> None:
    affinity = Affinity()
    affinity.use("10.0.0.1", "example.com", "us1", 0.0)
    affinity.use("10.0.0.1", "other.example", "us2", 1.0)
    assert affinity.last_exit("10.0.0.1", FOLLOW) == "us2"
    assert affinity.last_exit("10.0.0.1", FOLLOW + 1) is None
    assert affinity.last_exit("10.0.0.2", 1.0) is None


@pytest.mark.parametrize(
    ("kept", "other", "gives_way"),
    [(0.2, 0.165, False), (0.1, 0.071, False), (0.2, 0.159, True), (0.13, 0.5, False), (0.101, 0.07, True)],
)
def test_an_exit_gives_way_to_one_30_ms_and_20_percent_better(kept: float, other: float, gives_way: bool) -> None:
    assert is_given_up(kept, other) is gives_way
