"""The demo's processes: started, watched, signalled, ended.

What must stay true: nothing that was started here outlives the demo. The keeper sees to that when the demo is killed,
`end` when it ends by itself. Signals of the terminal reach the demo alone, which passes on what it means to.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from ingress.demo import keeper
from relay.errors import OperatorError

GRACE = 1.0
"""Seconds a process has to end after SIGTERM, and again after the second one, before it is killed."""
LONGEST_SOCKET_PATH = 60
"""Bytes of a folder's path, at most: Unix sockets in it have names of up to 108 in all (unix(7))."""
TOLD = 10
"""Lines of a log that are shown when its process fails."""


class DemoFailed(OperatorError):
    """The demo cannot go on; the text says why."""


class Process:
    """A child of the demo, with a log of its own."""

    def __init__(self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,  # ours ends with us, which those who watch it see
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
            )
        self._pidfd = os.pidfd_open(self._popen.pid)

    @property
    def pid(self) -> int:
        """Of the process, as long as it lives."""
        return self._popen.pid

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended yet."""
        return self._popen.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; to a process that has ended: nothing."""
        self._popen.send_signal(number)

    async def wait(self) -> int:
        """Until it ends: its exit code, or minus the signal that ended it."""
        if self._popen.poll() is None:
            await trio.lowlevel.wait_readable(self._pidfd)
        return self._popen.wait()

    async def end(self) -> None:
        """End it: SIGTERM, after GRACE a second one (which ends a drain), after GRACE SIGKILL."""
        self.signal(signal.SIGCONT)
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            self.signal(number)
            with trio.move_on_after(GRACE):
                await self.wait()
                break
        self.close()

    def close(self) -> None:
        """Give back what we hold of a process that has ended."""
        if self._popen.stdin is not None:
            self._popen.stdin.close()
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1

    def last_lines(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-TOLD:])


class Processes:
    """All that the demo runs, in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._environment = clean_environment() | {keeper.MARK: str(folder), "XDG_RUNTIME_DIR": str(folder)}
        self._running: dict[str, Process] = {}

    def __getitem__(self, name: str) -> Process:
        return self._running[name]

    def start(self, name: str, command: Sequence[str]) -> Process:
        """Start *command*; its output goes to NAME.log."""
        process = Process(name, command, self.folder / f"{name}.log", self._environment)
        if name in self._running:
            self._running[name].close()
        self._running[name] = process
        return process

    async def run(self, name: str, command: Sequence[str]) -> None:
        """Run *command* to its end, which must be a good one."""
        process = self.start(name, command)
        if await process.wait() != 0:
            raise DemoFailed(f"{' '.join(command)}: failed\n{process.last_lines()}")

    def check(self) -> None:
        """DemoFailed if one of the processes has ended by itself."""
        for process in self._running.values():
            if process.name != "keys" and not process.is_alive:
                raise DemoFailed(f"{process.name} has ended\n{process.last_lines()}")

    async def end(self) -> None:
        """End all of them at once."""
        async with trio.open_nursery() as nursery:
            for process in self._running.values():
                nursery.start_soon(process.end)


@asynccontextmanager
async def open_processes() -> AsyncIterator[Processes]:
    """A folder and processes in it, until the block ends or this process does."""
    folder = make_folder()
    keeper_process = start_keeper(folder)
    processes = Processes(folder)
    try:
        yield processes
    finally:
        with trio.CancelScope(shield=True):
            await processes.end()
            assert keeper_process.stdin is not None
            keeper_process.stdin.close()
            await trio.to_thread.run_sync(keeper_process.wait)


def make_folder() -> Path:
    """A new folder for our user alone, with a path short enough for sockets in it."""
    folder = Path(tempfile.mkdtemp(prefix="ingress-demo-"))
    if len(str(folder)) <= LONGEST_SOCKET_PATH:
        return folder
    folder.rmdir()
    return Path(tempfile.mkdtemp(prefix="ingress-demo-", dir="/tmp"))


def start_keeper(folder: Path) -> subprocess.Popen[bytes]:
    """What cleans up behind us; it waits for the end of its input."""
    command = [sys.executable, "-I", "-S", keeper.__file__, str(folder)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env={}, start_new_session=True)


def clean_environment() -> dict[str, str]:
    """Ours, without what would send a program elsewhere: other proxies, other options of ours."""
    return {name: value for name, value in os.environ.items() if not is_misleading(name)}


def is_misleading(name: str) -> bool:
    """Whether *name* is of a proxy or of our own options."""
    return name.startswith("INGRESS_") or name.lower().endswith("_proxy")


def public_command(name: str) -> list[str]:
    """How the installed command *name* is run by this very Python."""
    script = Path(sys.executable).parent / name
    return [str(script)] if os.access(script, os.X_OK) else [sys.executable, "-m", name]
