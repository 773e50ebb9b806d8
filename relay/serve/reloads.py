"""Reading the files again, however it is asked for: one after another, and away from the loop that streams live in."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import trio

from relay import log
from relay.admin.server import Answer
from relay.errors import OperatorError

T = TypeVar("T")


class Reloads:
    """Of one process. *reload* goes by the files and says what was done; OperatorError leaves all as it was."""

    def __init__(self, reload: Callable[[], Awaitable[str]]) -> None:
        self.refused = ""
        """Why the files as they are now are not in force; empty if they are, as far as anybody asked."""
        self.count_done = self.count_refused = 0
        self._reload = reload
        self._turn = trio.Lock()  # who asks last has read last: an older file never takes the place of a newer one

    async def reload(self) -> str:
        """Go by the files as they are from now on. Returns what was done.

        Raises:
            OperatorError: with the mistakes, which the log has too: who asked may have given up waiting.
        """
        async with self._turn:
            try:
                done = await self._reload()
            except OperatorError as error:
                self.refused = str(error)
                self.count_refused += 1
                log.event("reload-failed", level="error", why=str(error))
                raise
            self.refused = ""
            self.count_done += 1
            return done

    async def on_signal(self) -> None:
        """The same, and mistakes are only logged. Whoever waits already will read the files as they are now."""
        if not self._turn.statistics().tasks_waiting:
            try:
                await self.reload()
            except OperatorError:
                return  # it was logged

    async def answer(self, _: Mapping[str, Any]) -> Answer:
        """The admin socket's `reload`."""
        return {"version": 1, "done": await self.reload()}


async def read_aside(read: Callable[..., T], *words: object) -> T:
    """What `read(*words)` returns, called in a thread: a large file, or a slow disk, holds up no stream.

    Cancelled, it is left behind, so that a process can end whatever its disk does. *read* must change nothing.
    """
    return await trio.to_thread.run_sync(partial(read, *words), abandon_on_cancel=True)
