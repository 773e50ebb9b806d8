"""The demo on a terminal: a live table, what was told, and a line to type in."""

import codecs
import os
import termios
import textwrap
import tty
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import trio

from ingress.demo import table
from ingress.demo.admin import NoAnswer
from ingress.demo.display import REFRESH, Execute
from ingress.demo.editor import Editor
from ingress.demo.running import Demo

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

KEPT = 14
"""Lines of what was told that stay on the screen."""


class LiveDisplay:
    """Paths, lines, what was told, and a line to type in; drawn again when something changes."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._editor = Editor()
        self._told: deque[str] = deque(maxlen=KEPT)
        self._report: Any = {"paths": [], "lines": [], "blame": []}
        self._lines: Any = {}
        self._live: Live | None = None

    def tell(self, text: str) -> None:
        """Keep it among the last lines; may be called before `run`, and is shown then."""
        self._told.extend(text.splitlines())
        self._draw()

    async def run(self, execute: Execute) -> None:
        """Needs the terminal, which is as it was when this returns or raises."""
        from rich.console import Console
        from rich.live import Live

        console = Console(highlight=False, emoji=False)
        with cbreak(0), Live(console=console, auto_refresh=False, vertical_overflow="crop") as self._live:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._look)
                await self._read(execute)
                nursery.cancel_scope.cancel()

    async def _look(self) -> None:
        while True:
            self._demo.check()
            try:
                self._report = await self._demo.ask(ask="paths")
            except NoAnswer:
                self._report = {"paths": [], "lines": [], "blame": ["the ingress does not answer"]}
            self._lines = await self._demo.line_states()
            self._draw()
            await trio.sleep(REFRESH)

    async def _read(self, execute: Execute) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while not self._editor.has_ended:
            await trio.lowlevel.wait_readable(0)
            for line in self._editor.feed(decoder.decode(os.read(0, 1024))):
                if not await execute(line):
                    return
            self._draw()

    def _draw(self) -> None:
        if self._live is None:
            return
        from rich.console import Group
        from rich.text import Text

        width = self._live.console.width
        blame = wrapped((f"blame: {said}" for said in self._report["blame"]), width)
        rows = wrapped(self._told, width)
        counts = (len(self._report["paths"]), len(self._report["lines"]), len(rows))
        paths, lines, told = fit(self._live.console.height - len(blame), *counts)
        shown: list[RenderableType] = [table.path_table(self._report["paths"][:paths])]
        if lines:
            shown += [Text(), table.line_table(self._report["lines"], self._lines)]
        self._live.update(
            Group(
                *shown,
                *(Text(row, style="red") for row in blame),
                Text(),
                *(Text(row) for row in rows[len(rows) - told :]),
                Text(f"> {self._editor.text}▏", no_wrap=True, overflow="crop"),
            ),
            refresh=True,
        )


def wrapped(lines: Iterable[str], width: int) -> list[str]:
    """*lines* in rows of the screen, so that they can be counted."""
    return [row for line in lines for row in textwrap.wrap(line, width) or [""]]


def fit(height: int, paths: int, lines: int, told: int) -> tuple[int, int, int]:
    """How many paths, lines and told lines fit on *height* rows, with their headers, gaps and the line to type in.

    What was told keeps a quarter; then the lines go, all or none; then the paths, the worst first.
    """
    told = min(told, max(1, height // 4))
    room = height - told - 1 - 2
    lines = lines if room - (lines + 2) >= min(paths, 3) else 0
    return max(min(paths, 1), min(paths, room - (lines + 2 if lines else 0))), lines, told


@contextmanager
def cbreak(terminal: int) -> Iterator[None]:
    """Keys as they are pressed and not shown; the terminal is afterwards as it was."""
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
