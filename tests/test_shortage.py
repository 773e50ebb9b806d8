"""A test that fails while the kernel is short of memory says so; one that fails without says nothing of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.shortage import COUNTERS, counters, told

ROOT = Path(__file__).parents[1]
NETSTAT = "TcpExt: SyncookiesSent {} IPReversePathFilter\nTcpExt: 7 3 2 1 9\nIpExt: InOctets\nIpExt: 12\n"


def test_counters_are_found_among_others_and_may_be_missing() -> None:
    assert counters(NETSTAT.format(" ".join(COUNTERS))) == dict(zip(COUNTERS, (3, 2, 1), strict=True))
    assert counters("IpExt: InOctets\nIpExt: 12\n") == dict.fromkeys(COUNTERS, 0)
    assert counters("") == dict.fromkeys(COUNTERS, 0)


def test_what_has_grown_is_told_and_what_is_so_now() -> None:
    none, some = dict.fromkeys(COUNTERS, 3), {**dict.fromkeys(COUNTERS, 3), "TCPAbortOnMemory": 5}
    assert told(none, none, None) == []
    assert told(none, some, "it is short") == ["TCPAbortOnMemory has grown by 2", "it is short"]


@pytest.mark.parametrize("is_short", [True, False])
def test_a_failed_test_shows_it_and_a_good_one_does_not(tmp_path: Path, is_short: bool) -> None:
    (tmp_path / "test_it.py").write_text(
        "from relay.engine.kernel_memory import KernelMemory\n"
        "import tests.shortage as it\n"
        f"it.kernel_memory = lambda: KernelMemory(4, {3 if is_short else 5}, 6)\n"
        "it.counters = lambda text: dict.fromkeys(it.COUNTERS, 0)\n"
        "def test_bad(): assert False\n"
        "def test_good(): pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "tests.shortage", "-q", "-o", "addopts=", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "1 failed, 1 passed" in done.stdout
    assert done.stdout.count("the kernel was short of memory for TCP") == is_short
