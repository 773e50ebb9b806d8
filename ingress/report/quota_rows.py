"""What was used of quotas: of lines, and of whoever has one by an allowance."""

from ingress.quota.lines import effect
from ingress.quota.period import date_of
from ingress.quota.tally import Tally
from ingress.report.rows import QuotaRow


def quota_row(tally: Tally) -> QuotaRow:
    """That of a line."""
    return _row(tally, effect(tally))


def owner_row(tally: Tally, subject: str, by: str) -> QuotaRow:
    """That of *subject*, a user or an address, who has it *by* an allowance."""
    return _row(tally, "slow" if tally.is_used else "none", subject, by)


def _row(tally: Tally, effect: str, subject: str = "", by: str = "") -> QuotaRow:
    return QuotaRow(
        used=tally.used,
        amount=tally.amount,
        fraction=tally.fraction,
        counts=tally.quota.counts.value,
        each=tally.quota.each.value,
        begins=tally.running.start,
        ends=tally.running.end,
        ends_on=date_of(tally.quota, tally.running.end).date().isoformat(),
        effect=effect,
        subject=subject,
        by=by,
    )
