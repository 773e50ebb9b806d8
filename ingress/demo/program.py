"""COMMAND of `ingress demo -- COMMAND`: run in our place of the terminal, with the demo in its environment.

What must stay true: whoever signals us means COMMAND; we end with its exit code, and after it.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence

import trio

from ingress.demo.processes import DemoFailed

GRACE = 5.0
"""Seconds COMMAND has to end after a signal that ends us, before it is killed."""
BY_SIGNAL = 128
"""What shells add to a signal's number for the exit code of whatever it ended."""


class Program:
    """COMMAND, running."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._popen = subprocess.Popen(command, env=environment)
        self._pidfd = os.pidfd_open(self._popen.pid)

    async def wait(self) -> int:
        """Its exit code, as a shell tells it."""
        await trio.lowlevel.wait_readable(self._pidfd)
        os.close(self._pidfd)
        code = self._popen.wait()
        return code if code >= 0 else BY_SIGNAL - code

    async def end(self, number: int) -> None:
        """Pass on a signal that means the end; give COMMAND its time, and no more."""
        if number == signal.SIGINT and has_terminal():
            return  # the terminal has told COMMAND itself, whose answer may be to go on
        self._popen.send_signal(number)
        await trio.sleep(GRACE)
        self._popen.kill()


def has_terminal() -> bool:
    """Whether the terminal sends its signals to our process group, which is COMMAND's as well."""
    try:
        with open("/dev/tty", "rb") as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False


def find_program(command: Sequence[str]) -> None:
    """DemoFailed if there is no such command: better before a network is started for it."""
    if shutil.which(command[0]) is None:
        raise DemoFailed(f"{command[0]}: there is no such command")
