"""Lists are read again when their files change, without a reload; what is wrong leaves the last good one in force."""

from collections.abc import Callable

import trio

from ingress.lists.load import Lists, has_changed, load_lists
from relay import log
from relay.errors import OperatorError

EVERY = 30.0
"""Seconds between looks at the files: lists are fetched once a day, and who cannot wait reloads."""

InForce = Callable[[], Lists]
Use = Callable[[Lists], None]


class ListWatch:
    """Looks at the files of *lists*, those in force; *use* gets what was read anew."""

    def __init__(self, lists: InForce, use: Use) -> None:
        self._lists, self._use = lists, use
        self.refused = ""
        """What is wrong with files as they are now, so that older content is in force; empty if nothing is."""

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await trio.sleep(EVERY)
            wrong = await look(self._lists, self._use)
            if wrong and wrong != self.refused:
                log.event("lists-refused", level="warning", why=wrong)
            self.refused = wrong


async def look(lists: InForce, use: Use) -> str:
    """Look once; what is wrong with what has changed."""
    known = lists()
    if not await trio.to_thread.run_sync(has_changed, known, abandon_on_cancel=True):
        return ""
    try:
        file = None if known.countries is None else known.countries.file
        found = await trio.to_thread.run_sync(load_lists, known.loaded, file, known, abandon_on_cancel=True)
    except OperatorError as error:
        return str(error)
    if lists() is known:  # else a reload was faster, and has read them
        use(found)
        log.event("lists-read", lists=", ".join(map(str, found.loaded)))
    return ""
