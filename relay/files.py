"""Reads a file that an operator named: a regular one, of a size that somebody may have written.

What must stay true: nothing that stands in the place of a file holds up who reads it. A named pipe would, for ever, if
nobody writes into it; a device may have no end, and some do something when they are opened. So /dev/stdin and what a
shell makes of `<(command)` are refused too: files are read again by every reload, and these can be read once.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

LARGEST: Final = 16 * 2**20
"""Bytes of a file. A thousand lines of paths.toml are 0.1 MiB, the longest lists of names that people share 10 MiB."""

KINDS: Final = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


class Unfit(OSError):
    """What stands there is not read; `strerror` says why not, and the mend behind a semicolon."""


def read_file(path: Path) -> bytes:
    """The content of *path*.

    Raises:
        Unfit: it is no regular file, or larger than LARGEST.
        OSError: it cannot be read.
    """
    with open_file(path) as file:
        return read_whole(path, file)


@contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """The regular file *path*, to be read by `read_whole`. Raises as `read_file` does."""
    _refuse_special(path, os.stat(path).st_mode)  # before: opening alone makes some devices act
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        _refuse_special(path, os.fstat(descriptor).st_mode)  # after: another may have taken its place
        yield file


def read_whole(path: Path, file: BinaryIO) -> bytes:
    """All of *file*, which `open_file` gave for *path*. Unfit if that is more than LARGEST."""
    content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise Unfit(errno.EFBIG, f"is larger than {LARGEST >> 20} MiB, the most that is read; make it shorter", path)
    return content


def _refuse_special(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = next((name for is_kind, name in KINDS if is_kind(mode)), "something else")
        raise Unfit(errno.EINVAL, f"is {kind} and no file; put a file in its place", path)
