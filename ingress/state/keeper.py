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

EVERY = 5.0
"""Seconds between two batches: what is lost when the process is killed is what happened in them, and while the last was
written."""
TEND = 3600.0
"""Seconds between two looks at what is too old, or too much."""
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
        """All that is not in the file yet; the same again, and what came since, until `written` is called."""

    def everything(self) -> Batch:
        """As `news`, for an empty file."""

    def written(self) -> None:
        """What `news` or `everything` gave last is in the file."""

    def tend(self, connection: sqlite3.Connection) -> None:
        """Take out what is too old, or too much. Called in a thread, inside a transaction."""


class Keeper:
    """One ingress's. `trouble` says why nothing is kept now; empty while all is well."""

    def __init__(self, path: Path, parts: Sequence[Part]) -> None:
        self.trouble = ""
        self.is_open = False
        """What the file has is known. Before, nothing is written: it might be less than what stands there."""
        self._path = path
        self._parts = parts
        self._file: StateFile | None = None
        self._is_written = False
        """Set by the thread: the last batch is in the file, and the parts have not heard it yet."""
        self._is_anew = False
        """The file is a new one: all that is known must be written, not only the news."""
        self._tend_at = float("-inf")
        self._limiter = trio.CapacityLimiter(1)
        self._turn = trio.Lock()

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

    async def ask(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """What *query* finds in the file, with all that is known by now.

        Raises:
            Unusable: nothing is kept, or the file cannot be read now.
        """
        await self._write()
        file = self._file
        if file is None or not self.is_open:
            raise Unusable(self.trouble or f"{self._path} is not open yet; ask again in a moment")
        try:
            return await self._in_thread(lambda: file.read(query))
        except Damaged as error:
            raise Unusable(f"{self._path} is damaged, and will be set aside: {error}") from error

    async def _write(self) -> None:
        """Write what is new, and what could not be written before."""
        async with self._turn:
            file = self._file
            if file is not None and self.is_open:
                await self._write_to(file)

    async def _write_to(self, file: StateFile) -> None:
        self._confirm()
        batch = [one for part in self._parts for one in (part.everything() if self._is_anew else part.news())]
        now = trio.current_time()
        tend = self._parts if now >= self._tend_at else ()
        if not batch and not tend:
            return
        try:
            await self._in_thread(lambda: self._put(file, batch, tend))
            self._tend_at = now + TEND if tend else self._tend_at
            self._tell("")
        except Damaged:
            await self._begin_anew(file)
        except Unusable as error:
            self._tell(str(error))
        finally:
            self._confirm()

    def _put(self, file: StateFile, batch: Batch, tend: Sequence[Part]) -> None:
        file.write(batch)
        self._is_written = True
        for part in tend:
            file.change(part.tend)

    def _confirm(self) -> None:
        """Tell the parts what the thread has done, be it that nobody waited for it any more."""
        if self._is_written:
            self._is_written = self._is_anew = False
            for part in self._parts:
                part.written()

    async def _begin_anew(self, file: StateFile) -> None:
        self._is_anew = True
        try:
            await self._in_thread(file.begin_anew)
            self._tell_damaged(file.was_damaged)
        except (Unusable, Damaged, OSError) as error:
            self._tell(str(error))

    async def _end(self) -> None:
        await self._in_thread(lambda: None)  # a batch that is being written: what was in it is not written twice
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
