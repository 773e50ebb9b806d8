"""Lists are read again when their files change, without a reload; what is wrong leaves the last good one in force."""

from collections.abc import Callable

import trio

from ingress.lists.load import Lists, has_changed, load_lists
from relay import log
from relay.errors import OperatorError

EVERY = 30.0
"""Seconds between looks at the files: lists are fetched once a day, and who cannot wait reloads."""


async def watch_lists(lists: Callable[[], Lists], use: Callable[[Lists], None]) -> None:
    """Look at the files of *lists*, those in force, for ever; *use* gets what was read anew."""
    refused = ""
    while True:
        await trio.sleep(EVERY)
        known = lists()
        if not await trio.to_thread.run_sync(has_changed, known, abandon_on_cancel=True):
            refused = ""
            continue
        try:
            file = None if known.countries is None else known.countries.file
            found = await trio.to_thread.run_sync(load_lists, known.loaded, file, known, abandon_on_cancel=True)
        except OperatorError as error:
            if str(error) != refused:
                log.event("lists-refused", level="warning", why=str(error))
            refused = str(error)
            continue
        refused = ""
        if lists() is known:  # else a reload was faster, and has read them
            use(found)
            log.event("lists-read", lists=", ".join(map(str, found.loaded)))
