"""The demo without a terminal: a line for everything that changes, orders from standard input."""

import os
import sys
from typing import Any

import trio

from ingress.demo import table
from ingress.demo.admin import NoAnswer
from ingress.demo.display import REFRESH, Execute
from ingress.demo.running import Demo


class PlainDisplay:
    """Prints what changes, a line each. The end of the input is not the end of the demo, which may be a daemon."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo

    def tell(self, text: str) -> None:
        """One line, at once."""
        print(text, flush=True)

    async def run(self, execute: Execute) -> None:
        """Show, and carry out what is read, until *execute* says that it was the last order."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._show)
            await self._read(execute)
            nursery.cancel_scope.cancel()

    async def _show(self) -> None:
        before: Any = None
        while True:
            self._demo.check()
            try:
                after = await self._demo.ask(ask="paths")
            except NoAnswer:
                after = {"paths": []}
            for line in table.told_changes(before, after):
                self.tell(line)
            before = after
            await trio.sleep(REFRESH)

    async def _read(self, execute: Execute) -> None:
        if sys.stdin.isatty() and os.tcgetpgrp(0) != os.getpgrp():
            await trio.sleep_forever()  # reading would stop us, as the shell's job control has it
        waiting = b""
        while data := await trio.to_thread.run_sync(os.read, 0, 4096, abandon_on_cancel=True):
            *lines, waiting = (waiting + data).split(b"\n")
            for line in lines:
                if not await execute(line.decode(errors="replace")):
                    return
        await trio.sleep_forever()
