"""Opens the state file off the loop, hands every part what it has, and writes their news in batches.

Nothing waits for it: not the start, not a stream, not a round. What cannot be written stays news, and is tried again.
"""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import trio

from ingress.state.file import Batch, Damaged, StateFile, Unusable
from relay import log

EVERY = 10.0
"""Seconds between two batches at least: as much is lost when the process is killed."""
LAST = 2.0
"""Seconds that the last batch may take when the process ends."""
TRY_AGAIN = 60.0
"""Seconds until a file that could not be opened is tried again: another process may have ended, a disk been mended."""


T = TypeVar("T")


class Part(Protocol):
    """Something that is kept. All but `read` is called in the loop, and must be cheap."""

    def read(self, connection: sqlite3.Connection) -> object:
        """What the file has of it. Called in a thread; a ValueError says that it makes no sense."""

    def recall(self, found: object) -> None:
        """What `read` found is known from now on."""

    def news(self) -> Batch:
        """What is to be written: what has changed since this was asked last."""

    def everything(self) -> Batch:
        """What is to be written to an empty file."""


class Keeper:
    """One ingress's. `trouble` says why nothing is kept now; empty while all is well."""

    def __init__(self, path: Path, parts: Sequence[Part]) -> None:
        self.trouble = ""
        self.is_open = False
        """What the file has is known. Before, nothing is written: it might be less than what stands there."""
        self._path = path
        self._parts = parts
        self._file: StateFile | None = None
        self._unwritten: Batch = []
        self._is_anew = False
        """The file is a new one: all that is known must be written, not only the news."""
        self._limiter = trio.CapacityLimiter(1)

    async def run(self) -> None:
        """Keep things until cancelled; what is known then is written once more."""
        try:
            while not await self._open():  # noqa: ASYNC110 - nobody would tell
                await trio.sleep(TRY_AGAIN)
            while True:
                await trio.sleep(EVERY)
                await self._write()
        finally:
            with trio.CancelScope(deadline=trio.current_time() + LAST, shield=True):
                await self._end()

    async def _open(self) -> bool:
        try:
            found = await self._in_thread(self._open_and_read)
        except (Unusable, Damaged, OSError) as error:
            self._tell(str(error))
            return False
        self._tell_damaged(None if self._file is None else self._file.was_damaged)
        for part, one in zip(self._parts, found, strict=True):
            part.recall(one)
        self.is_open = True
        self._tell("")
        return True

    def _open_and_read(self) -> list[object]:
        file = self._file = self._file or StateFile(self._path)
        try:
            return [file.read(part.read) for part in self._parts]
        except (Damaged, ValueError):
            file.begin_anew()
            return [file.read(part.read) for part in self._parts]

    async def _write(self) -> None:
        """What is new, and what could not be written before."""
        file = self._file
        if file is None or not self.is_open:
            return
        for part in self._parts:
            self._unwritten += part.everything() if self._is_anew else part.news()
        self._is_anew = False
        batch = self._unwritten
        if not batch:
            return
        try:
            await self._in_thread(lambda: file.write(batch))
            self._unwritten = []
            self._tell("")
        except Damaged:
            await self._begin_anew(file)
        except Unusable as error:
            self._unwritten = _without_doubles(batch)
            self._tell(str(error))

    async def _begin_anew(self, file: StateFile) -> None:
        self._unwritten, self._is_anew = [], True
        try:
            await self._in_thread(file.begin_anew)
            self._tell_damaged(file.was_damaged)
        except (Unusable, Damaged, OSError) as error:
            self._tell(str(error))

    async def _end(self) -> None:
        await self._write()
        await self._in_thread(self._close)  # behind one that is opening it

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()

    async def _in_thread(self, call: Callable[[], T]) -> T:
        """Abandoned if it takes longer than whoever cancels wants to wait: a disk may hang for minutes."""
        return await trio.to_thread.run_sync(call, limiter=self._limiter, abandon_on_cancel=True)

    def _tell(self, trouble: str) -> None:
        """Once when it begins, and once when it is over."""
        if trouble and not self.trouble:
            log.event("state-not-kept", level="warning", why=trouble)
        elif self.trouble and not trouble:
            log.event("state-kept-again", file=self._path)
        self.trouble = trouble

    def _tell_damaged(self, aside: Path | None) -> None:
        if aside is not None:
            log.event("state-damaged", level="warning", file=self._path, aside=aside)

    def __repr__(self) -> str:
        return f"<Keeper of {self._path}{': ' if self.trouble else ''}{self.trouble}>"


def _without_doubles(batch: Batch) -> Batch:
    """Of rows with the same key, which are the statement and the first two values, the last: it may wait for long."""
    rows = {(statement, row[:2]): row for statement, some in batch for row in some}
    found: dict[str, list[tuple[object, ...]]] = {}
    for (statement, _), row in rows.items():
        found.setdefault(statement, []).append(row)
    return list(found.items())
