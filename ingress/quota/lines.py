"""The lines with a quota: what they have carried, which are near it, which have used it up and carry nothing new."""

from collections.abc import Iterable, Mapping

import attrs

from ingress.messages.message import Message
from ingress.quota.period import date_of
from ingress.quota.tallies import KeptTallies
from ingress.quota.tally import Tally
from relay.model.network import Line
from relay.model.quota import Counts


@attrs.frozen
class QuotaChange:
    """A line has come near its quota, or has used it, or begins another period."""

    line: str
    state: str
    """`near`, `used` or `fresh`."""
    tally: Tally


class LineQuotas:
    """One ingress's, called *ingress*. `plan` comes first."""

    def __init__(self, ingress: str, tallies: KeptTallies) -> None:
        self.tallies: dict[str, Tally] = {}
        """By line, in file order."""
        self._ingress = ingress
        self._all = tallies
        self._states: dict[str, str] = {}

    def plan(self, lines: Iterable[Line]) -> None:
        """These are the lines from now on; what was counted stays."""
        found = {line.name: line.quota for line in lines if line.quota is not None}
        self.tallies = {
            name: self._all.tally((f"line {name}", ""), quota, quota.share(self._ingress))
            for name, quota in found.items()
        }
        self._states = {name: state for name, state in self._states.items() if name in found}

    def add(self, line: str, up: int, down: int) -> None:
        """*line* has carried so many bytes, all that its seller counts."""
        tally = self.tallies.get(line)
        if tally is not None:
            tally.add(up, down, self._all.wall())

    def set(self, line: str, used: float) -> Tally | None:
        """*used* bytes of the quota of *line* are gone, for all who use it together; None if it has none that is a
        sum."""
        tally = self.tallies.get(line)
        if tally is None or not is_a_sum(tally):
            return None
        tally.set(used, self._all.wall())
        return tally

    def look(self) -> list[QuotaChange]:
        """What has changed since it was asked last; once every few seconds."""
        now, changes = self._all.wall(), []
        for name, tally in self.tallies.items():
            tally.look(now)
            state = "used" if tally.is_used else "near" if tally.is_near else "fresh"
            before, self._states[name] = self._states.get(name, "fresh"), state
            if state != before:
                changes.append(QuotaChange(name, state, tally))
        return changes

    def stand_in(self) -> Mapping[str, str]:
        """Why lines are backups now, by line. A percentile falls again: it makes no backup."""
        return {name: sentence(name, one) for name, one in self.tallies.items() if effect(one) == "backup"}

    def closed(self) -> Mapping[str, str]:
        """Why lines carry nothing new now, by line."""
        return {name: sentence(name, one) for name, one in self.tallies.items() if effect(one) == "closed"}


def is_a_sum(tally: Tally) -> bool:
    """Whether it only grows within a period."""
    return tally.quota.counts is not Counts.P95


def effect(tally: Tally) -> str:
    """What becomes of its line: `none`, `backup` or `closed`."""
    if not is_a_sum(tally) or not tally.is_near:
        return "none"
    return "closed" if tally.is_used and tally.quota.stops else "backup"


def sentence(line: str, tally: Tally) -> Message:
    """How the quota of *line* stands. Always the same in a state and a period."""
    key = "quota.full" if tally.is_used else "quota.near"
    return Message(key, line=line, day=date_of(tally.quota, tally.running.end).date().isoformat())
