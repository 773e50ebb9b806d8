"""The demo on a terminal: a live table, what was told, and a line to type in."""

import codecs
import os
import termios
import tty
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import trio

from ingress.cli.fitting import shared, shortened, wrapped
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
MOST_BLAME = 6
"""Rows of findings at most: they are sorted, the gravest first."""


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
        blame = wrapped((f"blame: {said}" for said in self._report["blame"]), width)[:MOST_BLAME]
        rows = wrapped(self._told, width)
        every_path, every_line = self._report["paths"], self._report["lines"]
        room = self._live.console.height - 1 - len(blame)
        counts = fit(room, len(every_path), len(every_line), len(rows))
        paths, more_paths = shortened(every_path, counts[0], _is_well)
        lines, more_lines = shortened(every_line, counts[1], _is_well)
        told = rows[len(rows) - counts[2] :]
        network = self._demo.network
        address = f"proxy {network.proxy}   try: curl -x socks5h://{network.proxy} http://{network.target}/"
        self._live.update(
            Group(
                Text(address, style="bold", no_wrap=True, overflow="crop"),
                *(Text(row, style="red") for row in blame),
                table.path_table(paths, width),
                *_left_out(more_paths),
                Text(),
                table.line_table(lines, self._lines),
                *_left_out(more_lines),
                Text(),
                *(Text(row) for row in told),
                Text(f"> {self._editor.text}▏", no_wrap=True, overflow="crop"),
            ),
            refresh=True,
        )


def _is_well(row: Any) -> bool:
    return bool(row["state"] == "up")


def _left_out(count: int) -> "list[RenderableType]":
    from rich.text import Text

    return [Text(f"… {count} more")] if count else []


def fit(height: int, paths: int, lines: int, told: int) -> tuple[int, int, int]:
    """How many paths, lines and told lines fit on *height* rows, with their names, gaps and the line to type in.

    What was told keeps a fifth, and what the tables leave, which share the rest.
    """
    rows = height - 5  # two rows of names, two gaps, the line to type in
    paths, lines = shared(max(2, rows - min(told, max(1, height // 5))), paths, lines)
    return paths, lines, max(min(told, 1), min(told, rows - paths - lines))


@contextmanager
def cbreak(terminal: int) -> Iterator[None]:
    """Keys as they are pressed and not shown; the terminal is afterwards as it was."""
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
