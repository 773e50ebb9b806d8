"""The processes of one system, by role: started, watched, stopped; what they have used, as the kernel counted it.

Each command leads a session of its own, so its children are found and counted with it, and nothing is left running.
"""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

TICK = os.sysconf("SC_CLK_TCK")
ON_A_PROCESSOR = 2
"""Which clock of a process (linux/posix-timers.h): all that its threads have run, as the scheduler counted it."""
GRACE = 3.0
"""Seconds between SIGTERM and SIGKILL; what drains longer has no stream left here."""


@dataclass(frozen=True)
class Command:
    """One process to start. `role` is ingress, hop1, hop2, … or exit."""

    role: str
    argv: Sequence[str]
    env: dict[str, str] = field(default_factory=dict)


class Running:
    """What was started of *commands*, the ingress *pause* seconds after the rest; logs in *folder*.

    Stop it when done.
    """

    def __init__(self, commands: Sequence[Command], folder: pathlib.Path, pause: float = 0.0) -> None:
        self.folder = folder
        self.ingress_began = 0.0
        """When the ingress was started, on the clock of `time.monotonic`."""
        self.started: dict[str, subprocess.Popen[bytes]] = {}
        try:
            for command in sorted(commands, key=lambda command: command.role == "ingress"):
                if command.role == "ingress":
                    time.sleep(pause)
                    self.ingress_began = time.monotonic()
                self.started[command.role] = self._start(command)
        except OSError:
            self.stop()
            raise

    def _start(self, command: Command) -> subprocess.Popen[bytes]:
        with open(self.folder / f"{command.role}.log", "wb") as log:
            return subprocess.Popen(
                command.argv,
                env={**os.environ, **command.env},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def members(self) -> dict[str, list[int]]:
        """The living processes of each role, children too."""
        leaders = {process.pid: role for role, process in self.started.items()}
        found: dict[str, list[int]] = {role: [] for role in self.started}
        for entry in os.scandir("/proc"):
            stat = read_stat(int(entry.name)) if entry.name.isdigit() else None
            if stat and stat[0] != "Z" and int(stat[3]) in leaders:
                found[leaders[int(stat[3])]].append(int(entry.name))
        return found

    def cpu(self) -> dict[str, float]:
        """Seconds of user and system time so far, by role; children that have ended are counted with their parent."""
        return self._sum(cpu_of)

    def memory(self) -> dict[str, float]:
        """Resident bytes, by role."""
        return self._sum(memory_of)

    def _sum(self, of: Callable[[int], float]) -> dict[str, float]:
        return {role: sum(map(of, pids)) for role, pids in self.members().items()}

    def ended(self) -> str | None:
        """What is wrong if a process has ended: its role, status and last words."""
        for role, process in self.started.items():
            if process.poll() is not None:
                return f"{role} ended with {process.returncode}: {self.last_words(role)}"
        return None

    def last_words(self, role: str) -> str:
        """The last line of the role's log."""
        lines = (self.folder / f"{role}.log").read_text(errors="replace").strip().splitlines()
        return lines[-1][-300:] if lines else "it said nothing"

    def stop(self) -> None:
        """End all of it: politely, then not."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for pid in [pid for pids in self.members().values() for pid in pids]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sign)
            deadline = time.monotonic() + GRACE
            for process in self.started.values():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.01, deadline - time.monotonic()))


def read_stat(pid: int) -> list[str] | None:
    """/proc/PID/stat from its third field (the state) on; None if the process is gone."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def cpu_of(pid: int) -> float:
    """Seconds on a processor of a process, in user and system, and of its children that have ended (proc(5), fields 16
    and 17). Its own are told to the nanosecond, by the clock that clock_getcpuclockid(3) names; /proc rounds them to
    hundredths of a second, a twentieth of what a short measurement uses."""
    try:
        own = time.clock_gettime(~pid << 3 | ON_A_PROCESSOR)
    except OSError:
        return 0.0
    stat = read_stat(pid)
    return own + (sum(map(int, stat[13:15])) / TICK if stat else 0.0)


def memory_of(pid: int) -> float:
    """Resident bytes of a process."""
    with contextlib.suppress(OSError):
        if found := re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()):
            return int(found[1]) * 1024.0
    return 0.0


def spent(after: dict[str, float], before: dict[str, float]) -> dict[str, float]:
    """What was used between two readings, by role, and its parts as the tables name them."""
    roles = {role: after[role] - before.get(role, 0.0) for role in after}
    return {
        "all": sum(roles.values()),
        "ingress": roles.get("ingress", 0.0),
        "middle": sum(used for role, used in roles.items() if role.startswith("hop")),
        "exit": roles.get("exit", 0.0),
    }
