"""A clock's readings at one moment, as JSON in a file; and what happened between two of them.

The process writes whenever it gets SIGNAL, for trio and the engine leave that one alone; the file appears whole.
"""

import json
import os
import pathlib
import signal
import time
from collections.abc import Mapping

import attrs

from bench.load import Failed
from bench.stages.clock import Account, Clock, Cost

FILE = "BENCH_STAGES_FILE"
"""The environment variable that tells the process where to write."""
SIGNAL = signal.SIGUSR1
LIMIT, LOOK_AGAIN = 5.0, 0.01
"""Seconds within which a process must have written, and between two looks."""


@attrs.frozen
class Snapshot:
    """All accounts and calls since the start of the process, and what a wrapped call costs there."""

    accounts: Mapping[str, Account]
    calls: Mapping[str, int]
    cost: Cost

    def since(self, before: "Snapshot") -> "Snapshot":
        """What was added after *before*, which is of the same process."""
        accounts = {
            name: _less(account, before.accounts.get(name, Account())) for name, account in self.accounts.items()
        }
        calls = {name: count - before.calls.get(name, 0) for name, count in self.calls.items()}
        return Snapshot(accounts, calls, self.cost)

    def added(self) -> dict[str, float]:
        """Nanoseconds that the clock added to each stage, by its calibration."""
        cost = self.cost
        return {
            name: account.entered * cost.inner + account.left * cost.outer + account.nested * cost.nested
            for name, account in self.accounts.items()
        }


def _less(after: Account, before: Account) -> Account:
    pairs = zip(attrs.astuple(after), attrs.astuple(before), strict=True)
    return Account(*(one - other for one, other in pairs))


def take(clock: Clock, cost: Cost) -> Snapshot:
    """The clock's readings now."""
    clock.settle()
    return Snapshot(clock.accounts, {name: count for name, (count,) in clock.calls.items()}, cost)


def write(snapshot: Snapshot, file: pathlib.Path) -> None:
    """Put it where `read` finds it."""
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(attrs.asdict(snapshot)))
    fresh.rename(file)


def read(file: pathlib.Path) -> Snapshot:
    """What was written."""
    kept = json.loads(file.read_text())
    accounts = {name: Account(**account) for name, account in kept["accounts"].items()}
    return Snapshot(accounts, kept["calls"], Cost(**kept["cost"]))


def ask(pid: int, file: pathlib.Path) -> Snapshot:
    """Let the process *pid* write to *file*, and read it.

    Raises:
        Failed: it did not write.
    """
    file.unlink(missing_ok=True)
    os.kill(pid, SIGNAL)
    deadline = time.monotonic() + LIMIT
    while not file.exists():
        if time.monotonic() > deadline:
            raise Failed(f"stages: process {pid} wrote no {file.name} within {LIMIT:.0f} s")
        time.sleep(LOOK_AGAIN)
    return read(file)
