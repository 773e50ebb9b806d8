"""A pytest plugin: a test that fails while the kernel has no memory for TCP says so.

The kernel then resets connections, drops what arrives and takes less than a buffer holds, whatever the program does;
who fills its memory is mostly another program of this machine. `./run` loads it.
"""

from collections.abc import Generator
from pathlib import Path

import pytest

from relay.engine.kernel_memory import kernel_memory

COUNTERS = ("TCPAbortOnMemory", "TCPMemoryPressures", "TCPMemoryPressuresChrono")
NETSTAT = Path("/proc/net/netstat")


def counters(text: str) -> dict[str, int]:
    """Those of COUNTERS, from /proc/net/netstat: a line of names, then one of values."""
    lines = [line.split() for line in text.splitlines()]
    found = dict(
        pair for names, values in zip(lines[::2], lines[1::2], strict=True) for pair in zip(names, values, strict=True)
    )
    return {name: int(found.get(name, 0)) for name in COUNTERS}


def told(before: dict[str, int], now: dict[str, int], shortage: str | None) -> list[str]:
    """What there is to say about the time between *before* and *now*."""
    grown = [f"{name} has grown by {now[name] - before[name]}" for name in COUNTERS if now[name] > before[name]]
    return grown + ([] if shortage is None else [shortage])


class Shortage:
    """Looks when a test begins, and when it has failed."""

    def __init__(self) -> None:
        self._before = counters(NETSTAT.read_text())

    def pytest_runtest_logstart(self) -> None:
        """A test begins."""
        self._before = counters(NETSTAT.read_text())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """A stage of it has ended."""
        report = yield
        if report.failed:
            memory = kernel_memory()
            said = told(self._before, counters(NETSTAT.read_text()), None if memory is None else memory.shortage)
            if said:
                report.sections.append(("the kernel was short of memory for TCP", "\n".join(said)))
        return report


def pytest_configure(config: pytest.Config) -> None:
    """Look after this run."""
    config.pluginmanager.register(Shortage(), "shortage")
