"""Holds lines and lets them go: what an operator asks for, what was kept over a restart, and what ends by itself.

What is in force stands in `Holds`; this tells the fleet and the log of every change.
"""

import time
from collections.abc import Iterable

import trio

from ingress.choice.holds import Hold, Holds, left_without, moment, read_holds
from ingress.measure.evidence import HeldLine
from ingress.paths.fleet import Fleet
from ingress.state.notes import NotePart
from relay import log
from relay.config.mistakes import nearest
from relay.errors import OperatorError

LOOK = 60.0
"""Seconds between two looks at the clock of the wall, while a hold ends later than that: it may be set."""
LONGEST = 10 * 365 * 86400.0
"""Seconds that may be asked for."""


class Holding:
    """One ingress's."""

    def __init__(self, fleet: Fleet) -> None:
        self.holds = Holds()
        self.part = NotePart("holds", self.holds.write, read_holds, self._recall)
        """What the state file keeps."""
        self._fleet = fleet
        self._news = trio.Event()

    def hold(self, line: str, seconds: float | None, *, force: bool) -> None:
        """Nothing new goes over *line*, and what can leaves it, for *seconds* or until it is released (None).

        Raises:
            OperatorError: there is no such line, or an exit would be left without a path and *force* is not said.
        """
        lines = self._fleet.network.lines
        if line not in lines:
            raise OperatorError(f"there is no line {line}: {nearest(line, lines)}")
        if seconds is not None and not 0 < seconds <= LONGEST:
            raise OperatorError("a line is held for more than no time, and for ten years at most")
        lost = [] if force else self._left_without(line)
        if lost:
            exits = f"exit{'s' if len(lost) > 1 else ''} {', '.join(lost)}"
            raise OperatorError(f"without {line} nothing leads to {exits}; with --force it is held all the same")
        now = time.time()
        self.holds.put(Hold(line, now, None if seconds is None else now + seconds))
        if seconds is None:
            log.event("line-held", about=line, line=line)
        else:
            log.event("line-held", about=line, line=line, seconds=seconds)
        self._changed()

    def release(self, line: str) -> None:
        """New streams may go over *line* again. OperatorError: it is not held."""
        self.holds.drop(line)
        self._tell_released([line], "by hand")

    def plan(self) -> None:
        """The fleet goes by another file: what is not in it is not held any more."""
        self._tell_released(
            [hold.line for hold in self.holds.keep(self._fleet.network.lines)], "it is no longer in the file"
        )

    async def watch(self) -> None:
        """End what ends by itself, until cancelled."""
        while True:
            end = self.holds.next_end
            with trio.move_on_after(float("inf") if end is None else min(LOOK, max(0.0, end - time.time()))):
                await self._news.wait()
            self._news = trio.Event()
            self._tell_released([hold.line for hold in self.holds.end(time.time())], "its time is over")

    def _left_without(self, line: str) -> list[str]:
        fleet = self._fleet
        working = {live.name for live in fleet.live.values() if live.is_usable}
        closed = {live.name for live in fleet.live.values() if live.is_closed}
        return left_without(fleet.found.used, working, closed, line)

    def _recall(self, holds: Iterable[Hold]) -> None:
        self.holds.recall(holds)
        self.plan()
        self._changed()

    def _tell_released(self, lines: Iterable[str], why: str) -> None:
        for line in lines:
            log.event("line-released", about=line, line=line, why=why)
        if lines:
            self._changed()

    def _changed(self) -> None:
        self._fleet.network_monitor.held = [HeldLine(hold.line, moment(hold.since)) for hold in self.holds.all]
        self._fleet.standings.close("hold", self.holds.reasons)
        self._news.set()
