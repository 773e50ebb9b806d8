"""Marks that leave descriptors to what lives, and the limit that is raised at the start."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from relay.engine import descriptors
from relay.engine.descriptors import (
    accept_mark,
    dial_mark,
    note_limit,
    share_of_newcomers,
    share_of_strangers,
    spare_reserve,
)

RAISED = """
from relay.engine.descriptors import accept_mark, raise_limit
from relay.engine.sockopts import kernel_limits
raise_limit()
print(kernel_limits().partition("nofile=")[2], accept_mark())
"""


def run_with(limits: str, program: str) -> str:
    """What *program* prints in a process that was started behind `ulimit` *limits*."""
    words = ["sh", "-c", f'{limits}; exec "$@"', "sh", sys.executable, "-c", program]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def test_d6_a_soft_limit_is_raised_to_the_hard_one_and_said() -> None:
    assert run_with("ulimit -Sn 1024; ulimit -Hn 4096", RAISED) == f"4096/4096 (raised from 1024) {4096 - 64}"


def test_a_limit_that_is_the_hard_one_is_left_alone() -> None:
    assert run_with("ulimit -n 512", RAISED) == f"512/512 {512 - 64}"


@pytest.fixture
def limit_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes the process believe in a limit."""
    monkeypatch.setattr(descriptors._noted, "dial_mark", 0)
    return lambda count: monkeypatch.setattr(descriptors, "limit", lambda: count)


@pytest.mark.parametrize(("count", "dials", "accepts"), [(20_000, 19_872, 19_936), (512, 384, 448), (64, 48, 56)])
def test_targets_stop_first_and_callers_next(
    limit_of: Callable[[int], None], count: int, dials: int, accepts: int
) -> None:
    limit_of(count)
    assert (dial_mark(), accept_mark()) == (dials, accepts)
    assert share_of_strangers() == count // 4
    assert share_of_newcomers() == count // 2


def test_a_limit_that_changed_is_noticed_where_it_is_asked_for_and_where_it_seems_reached(
    limit_of: Callable[[int], None],
) -> None:
    limit_of(512)
    note_limit()
    spare_reserve(383)
    with pytest.raises(OSError, match="Too many open files"):
        spare_reserve(384)
    limit_of(1024)  # room at once
    spare_reserve(384)
    limit_of(512)  # and none once somebody has looked
    spare_reserve(384)
    note_limit()
    with pytest.raises(OSError, match="Too many open files"):
        spare_reserve(384)
