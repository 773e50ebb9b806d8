"""G11: a run that stands still is ended, and says why and where; one that is slow is not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SLOW = """\
import threading, pytest
@pytest.mark.parametrize("number", range(8))
def test_slow(number): threading.Event().wait(0.25)
"""
STUCK = """\
import threading, pytest
@pytest.fixture
def process(tmp_path):
    yield
    print("the fixture has cleaned up")
def test_well(): pass
def test_stuck(process): threading.Event().wait()
def test_never_reached(): pass
"""
DEAF = """\
import signal, time
def test_deaf():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True: signal.pause()
"""


def run(
    folder: Path, text: str, limit: str, cleanup: float = 60.0, interrupts: str = "default_int_handler"
) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(text)
    start = (
        f"import signal, sys, pytest, tests.standstill as it; it.CLEANUP = {cleanup}; "
        f"signal.signal(signal.SIGINT, signal.{interrupts}); "
        "sys.exit(pytest.main(['-p', 'tests.standstill', '-q', '-s', '-o', 'addopts=', sys.argv[1]]))"
    )
    env = {**os.environ, "INGRESS_TEST_LIMIT": limit, "PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-c", start, str(folder / "test_it.py")]
    return subprocess.run(line, capture_output=True, text=True, env=env, cwd=folder, timeout=120, check=False)


def test_g11_a_slow_run_is_left_alone(tmp_path: Path) -> None:
    done = run(tmp_path, SLOW, "1.5")
    assert done.returncode == 0 and "8 passed" in done.stdout, done.stderr


@pytest.mark.parametrize("interrupts", ["default_int_handler", "SIG_IGN"])
def test_g11_a_run_that_stands_still_says_where_and_what_to_do(tmp_path: Path, interrupts: str) -> None:
    """In the background of a script, too, where a shell has interrupts ignored."""
    done = run(tmp_path, STUCK, "3", interrupts=interrupts)
    assert done.returncode == 2, done.stderr  # as after Ctrl-C
    assert "run: no test has finished for 3 s: it stands in test_it.py::test_stuck, at:" in done.stderr
    assert "in test_stuck" in done.stderr  # of the stack
    assert "give it more: INGRESS_TEST_LIMIT=9 ./run tests" in done.stderr
    assert "the fixture has cleaned up" in done.stdout
    assert "test_never_reached" not in done.stdout


def test_g11_what_does_not_listen_is_killed(tmp_path: Path) -> None:
    done = run(tmp_path, DEAF, "1.0", cleanup=0.5)
    assert done.returncode == 3
    assert "it does not end by itself, and is killed" in done.stderr
