"""Pipes for splice(2), lent to flows while they hold bytes.

What must stay true: a pipe comes back empty or is closed. Large pipes are a resource of the *user*
(fs.pipe-user-pages-soft, 64 of 1 MiB by default; then the kernel gives 8 KiB ones, slower than copying), so few are
made, and without one a flow goes on copying.
"""

import contextlib
import fcntl
import os

import attrs

SIZES = (1024 * 1024, 256 * 1024)
"""Bytes; the first that the kernel grants. Splicing through the default 64 KiB costs more calls than copying saves."""
MOST = 32
"""Pipes of one process: half of what a user may have, so that two nodes fit on one host."""
RETRY = 10.0
"""Seconds after a refusal in which no pipe is asked for: a refusal costs four system calls."""


@attrs.frozen
class Pipe:
    """Both ends, non-blocking, and the bytes it takes."""

    read_end: int
    write_end: int
    size: int

    def close(self) -> None:
        """Close both ends; once, and bytes inside are lost."""
        os.close(self.read_end)
        os.close(self.write_end)


class Pipes:
    """A pool. `close` it when no flow is left."""

    __slots__ = ("_free", "_made", "_retry_at")

    def __init__(self) -> None:
        self._free: list[Pipe] = []
        self._made = 0
        self._retry_at = 0.0

    def lend(self, now: float) -> Pipe | None:
        """An empty pipe, or None: copy instead."""
        if self._free:
            return self._free.pop()
        if self._made >= MOST or now < self._retry_at:
            return None
        pipe = _make()
        if pipe is None:
            self._retry_at = now + RETRY
        else:
            self._made += 1
        return pipe

    def take_back(self, pipe: Pipe, held: int) -> None:
        """Return *pipe*, which still holds *held* bytes: then it is closed."""
        if held:
            pipe.close()
            self._made -= 1
        else:
            self._free.append(pipe)

    def close(self) -> None:
        """Close the pipes that are not lent."""
        for pipe in self._free:
            pipe.close()
        self._made -= len(self._free)
        self._free.clear()

    def __repr__(self) -> str:
        return f"<Pipes {self._made - len(self._free)} lent, {len(self._free)} free>"


def _make() -> Pipe | None:
    try:
        read_end, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # no descriptors left
        return None
    for size in SIZES:
        with contextlib.suppress(OSError):  # refused: try the next
            return Pipe(read_end, write_end, fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, size))
    os.close(read_end)
    os.close(write_end)
    return None
