"""A pytest plugin: ends a run in which no test has finished for a while, and says where it stands.

A slow machine takes longer and is left alone; what hangs is ended as Ctrl-C would, so that the tests' processes are
ended too, and by force if that does not help. `./run` loads it.
"""

import faulthandler
import os
import signal
import sys
import threading

import pytest

VARIABLE = "INGRESS_TEST_LIMIT"
USUAL = 420.0
"""Seconds. The slowest test takes a few on an idle machine, and some tens on one that has ten times too much to do."""
CLEANUP = 20.0
"""Seconds for what the tests have started to be ended."""


class Watchdog:
    """Told of everything that begins and ends; runs its own thread."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._progress = threading.Event()
        self._over = threading.Event()
        self._now = "the collection of tests"
        threading.Thread(target=self._watch, daemon=True).start()

    def pytest_collection_finish(self) -> None:
        """All tests are known."""
        self._progress.set()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins."""
        self._now = nodeid

    def pytest_runtest_logfinish(self) -> None:
        """A test has finished, whatever became of it."""
        self._progress.set()

    def pytest_unconfigure(self) -> None:
        """The run is over."""
        self._over.set()
        self._progress.set()

    def _watch(self) -> None:
        while self._progress.wait(self._limit):
            if self._over.is_set():
                return
            self._progress.clear()
        self._say(f"no test has finished for {self._limit:g} s: it stands in {self._now}, at:")
        faulthandler.dump_traceback(sys.__stderr__)
        self._say(f"if the machine is only slow, give it more: {VARIABLE}={3 * self._limit:g} ./run tests")
        os.kill(os.getpid(), signal.SIGINT)
        if not self._over.wait(CLEANUP):
            self._say("it does not end by itself, and is killed; processes that it started may be left")
            os._exit(3)

    def _say(self, text: str) -> None:
        os.write(2, f"\nrun: {text}\n".encode())


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Watch this run, unless somebody sits at a debugger."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's `&` has it so, and what we say would not be heard
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not config.getoption("usepdb"):
        config.pluginmanager.register(Watchdog(float(os.environ.get(VARIABLE) or USUAL)), "standstill")
