"""Every fault under every kind of load, again and again: `./run tests -m matrix`. It takes its time; .ci/run leaves it
out, and takes each fault once (test_faults.py).

INGRESS_TEST_ROUNDS says how often, 3 times if nothing else is said.
"""

import os

import pytest

from tests.network.faults import FAULTS, strike
from tests.network.load import Load
from tests.network.network import Network

pytestmark = pytest.mark.matrix
ROUNDS = int(os.environ.get("INGRESS_TEST_ROUNDS", "3"))
LOADS = {
    "a download": ("download",),
    "an upload": ("upload",),
    "keystrokes": ("echo",),
    "new connections": ("requests",),
    "downloads": ("download",) * 4,
    "keystrokes on many streams": ("echo",) * 20,
    "everything": ("download", "upload", "echo", "requests") * 2,
}
STRIKES = 2
"""Faults in a row under one load: the second meets streams that were moved before."""


@pytest.mark.parametrize("round_", range(ROUNDS))
@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_lost(breakable: Network, fault: str, load: str, round_: int) -> None:
    before = breakable.paths()["totals"]["lost"]
    working = Load(breakable, LOADS[load])
    working.until_flowing()
    for _ in range(STRIKES):
        strike(breakable, fault)
        working.until_past()
        breakable.mend()
    working.end()
    assert breakable.paths()["totals"]["lost"] == before
