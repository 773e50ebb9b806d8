"""Has quotas counted, and heeded: lines become backups or carry nothing new, owners slow down. A new period lifts it.

Every few seconds, and only if the file says any quota at all.
"""

from collections.abc import Callable

import trio

from ingress.client.allowances import Allowances
from ingress.client.associations import ClientAssociations
from ingress.client.client_accounts import ClientAccounts
from ingress.client.opener import Opener
from ingress.config import IngressConfig
from ingress.messages.message import Message, word
from ingress.paths.fleet import Fleet
from ingress.quota.lines import LineQuotas, QuotaChange, effect, sentence
from ingress.quota.period import date_of
from ingress.quota.tallies import KeptTallies
from ingress.quota.tally import Tally
from ingress.report.quota_rows import owner_row
from ingress.report.rows import QuotaRow
from relay import log

EVERY = 2.0
"""Seconds between two looks: on a line of 1 Gbit/s, a quarter of a gigabyte."""
LEAST = 1.0
"""Seconds that streams have to leave a line at least, however short `drain` is: a few rounds."""
BY = "quota"
MOST_ROWS = 1000
"""Owners that are told at once."""
NEARLY = 0.8
"""Share of a quota that an alert tells: there is still time to do something."""
MOST_NEAR = 100
"""Owners of whom alerts tell at once."""


class QuotaKeeping:
    """One ingress's."""

    def __init__(
        self,
        name: str,
        fleet: Fleet,
        accounts: ClientAccounts,
        allowances: Allowances,
        opener: Opener,
        associations: ClientAssociations,
        tallies: KeptTallies,
        drain: Callable[[], float],
    ) -> None:
        """*drain*: seconds that streams have to leave a line of which the quota is used."""
        self.lines = LineQuotas(name, tallies)
        self.tallies = tallies
        self._fleet = fleet
        self._accounts = accounts
        self._allowances = allowances
        self._opener = opener
        self._associations = associations
        self._drain = drain
        self._closed_at: dict[str, float] = {}
        self.near: list[tuple[Tally, str, str]] = []
        """Owners who have used NEARLY all of their quota, as `Allowances.near` tells them."""
        accounts.on_moved = allowances.used
        tallies.on_recall = self.look

    def use(self, config: IngressConfig) -> None:
        """Go by *config*, whose allowances are in use already, from now on."""
        self._sweep()  # what was carried until now counts by the old ones
        self.lines.plan(config.network.lines.values())
        self._fleet.line_meter.on_carried = self.lines.add
        self.look()

    async def watch(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            await trio.sleep(EVERY)
            if self.lines.tallies or self._allowances.has_quotas:
                self._sweep()
                self.look()

    def _sweep(self) -> None:
        self._fleet.line_meter.sweep()
        if self._allowances.has_quotas:
            self._accounts.sweep()

    def look(self) -> None:
        """Do what follows from what was counted."""
        for change in self.lines.look():
            _tell(change)
        self._heed_lines()
        owners = self._allowances.heed_quotas()
        if owners:
            self._opener.pace(owners)
            self._associations.pace(owners)
        self.near = self._allowances.near(NEARLY, MOST_NEAR)

    def _heed_lines(self) -> None:
        standings, closed, now = self._fleet.standings, self.lines.closed(), self._fleet.loop.now
        standings.stand_in(self.lines.stand_in())
        standings.close(BY, closed)
        self._closed_at = {line: self._closed_at.get(line, now) for line in closed}
        for line, since in self._closed_at.items():
            if now - since >= max(LEAST, self._drain()):
                self._fleet.moving.end_on(line, closed[line])

    def owner_rows(self) -> list[QuotaRow]:
        """What owners have used, who used most of theirs first."""
        rows = [owner_row(*each) for each in self._allowances.quotas()]
        return sorted(rows, key=lambda row: -row.fraction)[:MOST_ROWS]

    # ---- what is told

    def set(self, line: str, used: float) -> Tally | None:
        """*used* bytes of the quota of *line* are gone, says whoever sells it; None if it has none that is a sum."""
        self._sweep()
        tally = self.lines.set(line, used)
        if tally is not None:
            log.event("quota-set", about=line, line=line, used=round(tally.used))
            self.look()
        return tally

    def warnings(self) -> list[str]:
        """Lines that are near their quota, or have used it; clocks that make no sense."""
        told: list[str] = []
        for line, tally in self.lines.tallies.items():
            if tally.is_near:
                told.append(Message("warn.quota", why=sentence(line, tally), does=word("effect", effect(tally))))
            if tally.is_ahead:
                day = date_of(tally.quota, tally.running.start).date().isoformat()
                told.append(Message("warn.quota-clock", line=line, day=day))
        return told


def _tell(change: QuotaChange) -> None:
    tally = change.tally
    ends = date_of(tally.quota, tally.running.end).date().isoformat()
    event = {"near": "quota-near", "used": "quota-used"}.get(change.state, "quota-fresh")
    level = "info" if event == "quota-fresh" else "warning"
    figures = {"used": round(tally.used), "amount": round(tally.amount or 0), "ends": ends}
    log.event(event, level=level, about=change.line, line=change.line, **figures, effect=effect(tally))
