"""The state file, with plain calls that may take as long as a disk does: for a thread that nothing waits for.

What must stay true:
1. One process writes: whoever comes second is told so, and changes nothing.
2. After a crash at any moment the file is what the last whole batch made of it (SQLite's write-ahead log).
3. A file that is damaged is set aside under a name that says so, and another is begun; one of a newer program is left
   as it is.
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ingress.state.schema import STEPS, VERSION
from relay.private import make_private_folder

T = TypeVar("T")
Row = tuple[object, ...]
Batch = list[tuple[str, Sequence[Row]]]
"""SQL statements, each with the rows that it is carried out for."""

WAIT = 2.0
"""Seconds to wait for whoever reads the file and has it locked."""
DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}
"""What SQLite calls a file that is none of ours: broken, no database, or one without our tables."""


class Unusable(Exception):
    """Nothing can be kept, and why; what to do about it stands behind a semicolon."""


class Damaged(Exception):
    """What stands in the file's place is none, or broken."""


class StateFile:
    """An open state file. Not for several threads at a time."""

    def __init__(self, path: Path) -> None:
        """Open *path*, or begin it.

        Raises:
            Unusable: nothing can be kept there.
        """
        self.path = path
        self.was_damaged: Path | None = None
        """Where a damaged file was set aside, if one was found."""
        self._is_closed = False
        try:
            make_private_folder(path.parent)
            self._lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unusable(f"{path.parent}: {error.strerror}; name another folder: state = …") from error
        try:
            self._lock_it()
            self._connection = self._open_whole()
        except BaseException:
            os.close(self._lock)
            raise

    def _lock_it(self) -> None:
        """So that no other process writes, until this one ends, however it does."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._lock, 20, 0).decode("ascii", "replace").strip()
            who = f" (process {holder})" if holder else ""
            raise Unusable(f"{self.path} is another running ingress's{who}; stop it, or name another folder") from error
        try:
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, str(os.getpid()).encode(), 0)
        except OSError as error:
            lock = self.path.with_suffix(".lock")
            raise Unusable(f"{lock}: {error.strerror}; make room, or name another folder: state = …") from error

    def _open_whole(self) -> sqlite3.Connection:
        try:
            return _open(self.path)
        except Damaged:
            self.was_damaged = _set_aside(self.path)
            return _open(self.path)

    def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """What *query* finds. Raises Damaged or Unusable."""
        with _Told(self.path):
            return query(self._connection)

    def write(self, batch: Batch) -> None:
        """Carry out all of *batch*, or nothing.

        Raises:
            Damaged: then `begin_anew` helps.
            Unusable: for now; it may be tried again.
        """

        def carry_out(connection: sqlite3.Connection) -> None:
            for statement, rows in batch:
                connection.executemany(statement, rows)

        self.change(carry_out)

    def change(self, call: Callable[[sqlite3.Connection], None]) -> None:
        """Have *call* change the file, in one transaction. Raises as `write`."""
        if self._is_closed:
            raise Damaged(f"{self.path} could not be set aside")
        with _Told(self.path):
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                call(self._connection)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def begin_anew(self) -> None:
        """Set the damaged file aside and begin another. If that fails, `write` says Damaged until it is done."""
        self._connection.close()
        self._is_closed = True
        if self.path.exists():  # an earlier trial may have got so far
            self.was_damaged = _set_aside(self.path)
        self._connection = _open(self.path)
        self._is_closed = False

    def close(self) -> None:
        """Let go of it. Harmless when repeated."""
        self._connection.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __repr__(self) -> str:
        return f"<StateFile {self.path}>"


class _Told:
    """Turns what SQLite says into this file's own errors."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, UnicodeDecodeError):  # SQLite quotes what it has found
            raise Damaged("it holds what is no text") from error
        if isinstance(error, sqlite3.Error):
            # the low byte is the error itself, the rest tells its kind apart
            if (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in DAMAGE:
                raise Damaged(str(error)) from error
            raise Unusable(f"{self._path}: {error}; make room, or name another folder: state = …") from error


def _open(path: Path) -> sqlite3.Connection:
    """Raises Damaged or Unusable."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # what SQLite makes is as open as umask
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}; move it away, or name another folder: state = …") from error
    with _Told(path):
        connection = sqlite3.connect(path, timeout=WAIT, isolation_level=None, check_same_thread=False)
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise Unusable(f"{path} is of a newer version of this program, and is left as it is; upgrade, or move it away")
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise Damaged(found)
    for number, step in enumerate(STEPS[version:], version + 1):
        connection.executescript(f"BEGIN; {step} PRAGMA user_version = {number}; COMMIT;")


def _set_aside(path: Path) -> Path:
    """One is kept: the last."""
    aside = path.with_name(f"{path.name}.damaged")
    os.replace(path, aside)
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    return aside
