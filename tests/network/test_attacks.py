"""Each attacker of `./run bench hostile`, for some seconds: who works beside it loses nothing, nothing is left of it.

How much slower it is for him is a figure, and the benchmark's.
"""

import random

import pytest
import trio

from bench.hostile.__main__ import run_attacks
from bench.hostile.attacks import ATTACKS
from bench.hostile.network import BOUND
from bench.hostile.report import descriptors_back
from bench.hostile.rounds import Times
from bench.results import Row

pytestmark = pytest.mark.network
TIMES = Times(attack=2.5, calm=0.5)


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    """All of them over one network."""
    seed = random.SystemRandom().randrange(1 << 32)
    return trio.run(run_attacks, ATTACKS, TIMES, seed, print)


@pytest.mark.parametrize("name", [attack.name for attack in ATTACKS])
def test_an_attacker_takes_nothing_from_others(name: str, rows: dict[str, Row]) -> None:
    row = rows[name]
    told = f"{row.version}: {row.how}"
    assert row.error is None, told
    (found,) = row.rounds
    assert found["lost"] == 0, told
    assert found["broken"] == 0, told
    assert found["serves"], told
    assert max(value for key, value in found.items() if key.startswith("peak.")) <= BOUND, told
    assert descriptors_back(found), told
    assert row.how and found["echoes"] > 0
