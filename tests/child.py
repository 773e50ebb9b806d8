"""A child process of a test: gone when its block is left, however that is, and never waited for without a limit."""

import contextlib
import os
import select
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

LIMIT = 60.0


@contextlib.contextmanager
def child(command: Sequence[str], limit: float = LIMIT, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """*command*, running, its pipes as texts; *options* are those of Popen.

    It is killed after *limit* seconds, so that whoever waits for its end, or for a line that it never writes, waits in
    vain for a minute and not for ever; and when the block is left, so that a failed assertion leaves nothing behind.
    """
    with subprocess.Popen(command, text=True, **options) as process:
        timer = threading.Timer(limit, process.kill)
        timer.start()
        try:
            yield process
        finally:
            timer.cancel()
            process.kill()


def read_fifo(path: Path, limit: float = LIMIT) -> str:
    """All that somebody writes to the named pipe at *path*; an error if nobody has begun after *limit* seconds."""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), encoding="utf-8") as fifo:
        assert select.select([fifo], [], [], limit)[0], f"nobody writes to {path}"
        os.set_blocking(fifo.fileno(), True)
        return fifo.read()
