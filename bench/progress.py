"""Tells how far a run is: a bar on a terminal, a line for each step elsewhere (stderr; tables go to stdout)."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """Told before each step what comes next."""

    def step(self, what: str) -> None:
        """The step before is done; *what* begins."""


class Silent:
    """For a part of a step."""

    def step(self, what: str) -> None:
        """Nothing."""


class Lines:
    """One line a step."""

    def __init__(self, title: str, steps: int) -> None:
        self._title, self._steps, self._done = title, steps, 0

    def step(self, what: str) -> None:
        """Print the step."""
        self._done += 1
        print(f"{self._title} {self._done}/{self._steps} {what}", file=sys.stderr, flush=True)


@contextmanager
def shown_progress(title: str, steps: int) -> Iterator[Progress]:
    """A Progress for so many steps."""
    if not sys.stderr.isatty():
        yield Lines(title, steps)
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn(title),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with RichProgress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("starting", total=steps)

        class Bar:
            done = 0

            def step(self, what: str) -> None:
                bar.update(task, completed=self.done, description=what)
                self.done += 1

        yield Bar()
        bar.update(task, completed=steps, description="done")
