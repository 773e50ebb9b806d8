"""Files that only their owner may read: keys, password files, user hashes.

What must stay true: a secret file that the group or others can read is refused, never quietly used; a file is
written whole or not at all, and is never readable by others, not even for a moment.
"""

import os
import stat
import tempfile
from pathlib import Path

from relay.errors import OperatorError


def read_private(path: Path) -> bytes:
    """The content of *path*; OperatorError if it is missing or if others than its owner can read it."""
    try:
        with path.open("rb") as file:
            refuse_shared(path, os.fstat(file.fileno()).st_mode)
            return file.read()
    except OSError as error:
        raise OperatorError(f"{path}: cannot be read ({error.strerror})") from error


def refuse_shared(path: Path, mode: int) -> None:
    """OperatorError if *mode* lets the group or others touch the file."""
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise OperatorError(f"{path}: others than its owner can read it (mode {mode & 0o777:o}); run: chmod 600 {path}")


def write_private(path: Path, data: bytes) -> None:
    """Put *data* at *path*, mode 600, in one step: a reader sees the old file or the new one, never a part."""
    make_private_folder(path.parent)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def make_private_folder(path: Path) -> None:
    """Make *path* and what leads to it; the folders that were missing get mode 700."""
    if not path.is_dir():
        make_private_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
