"""Files that only their owner may read: keys, password files, user hashes.

What must stay true: a secret file that the group or others can read is refused, never quietly used; a file is
written whole or not at all, and is never readable by others, not even for a moment. Root leaves a file to whom it
belonged, or to whom its folder belongs: the service that reads it is another user.
"""

import os
import pwd
import stat
import tempfile
from pathlib import Path

from relay.errors import OperatorError
from relay.files import Unfit, open_file, read_whole


def read_private(path: Path) -> bytes:
    """The content of *path*; OperatorError if it is missing or if others than its owner can read it."""
    try:
        with open_file(path) as file:
            refuse_shared(path, os.fstat(file.fileno()).st_mode)
            return read_whole(path, file)
    except OSError as error:
        raise OperatorError(f"{path}: {unreadable(path, error)}") from error


def refuse_shared(path: Path, mode: int) -> None:
    """OperatorError if *mode* lets the group or others touch the file."""
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise OperatorError(f"{path}: others than its owner can read it (mode {mode & 0o777:o}); run: chmod 600 {path}")


def unreadable(path: Path, error: OSError) -> str:
    """Why *path* could not be read, and what to do about it."""
    if isinstance(error, Unfit):
        return str(error.strerror)
    if not isinstance(error, PermissionError):
        return f"cannot be read ({error.strerror})"
    user, shut = user_name(os.geteuid()), _shut_folder(path)
    if shut is not None:
        is_theirs = shut.parent.stat().st_uid == os.geteuid()
        mend = f"run: chown -R {user}: {shut}" if is_theirs else f"bring the files to a folder of {user}"
        return f"{user} cannot get into {shut}; {mend}"
    return f"{user} cannot read it; run: chown {user}: {path}"


def user_name(user: int) -> str:
    """As it is called on this machine; its number, if it is not."""
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def _shut_folder(path: Path) -> Path | None:
    """The first folder on the way to *path* that this user cannot pass."""
    folders = reversed(path.absolute().parents)
    return next((folder for folder in folders if not os.access(folder, os.X_OK, effective_ids=True)), None)


def write_private(path: Path, data: bytes) -> None:
    """Put *data* at *path*, mode 600, in one step: a reader sees the old file or the new one, never a part."""
    make_private_folder(path.parent)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _leave_to(file.fileno(), path if path.exists() else path.parent)
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
        _leave_to(path, path.parent)


def _leave_to(what: int | Path, like: Path) -> None:
    """Give *what*, a descriptor or a folder, to the owner of *like*; only root can, and only root has to."""
    if os.geteuid() == 0:
        owner = like.stat()
        os.chown(what, owner.st_uid, owner.st_gid)
