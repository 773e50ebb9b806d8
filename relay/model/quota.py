"""How much a line may carry, or somebody may use, in a day or a month: as the file says it."""

import enum

import attrs


class Each(enum.StrEnum):
    """How long a period is."""

    DAY = "day"
    MONTH = "month"


class Counts(enum.StrEnum):
    """What a seller counts: up is away from the ingress."""

    BOTH = "both"
    UP = "up"
    DOWN = "down"
    LARGER = "larger"
    """Of the two sums, the larger one."""
    P95 = "p95"
    """A rate: what five minutes of the period stayed below, but for a twentieth of them; the larger of the two ways."""


@attrs.frozen(kw_only=True)
class Quota:
    """One, of a line or of an allowance."""

    amount: float | None = None
    """Bytes in a period, or bytes per second if the percentile counts, where it may be left out."""
    each: Each = Each.MONTH
    day: int | None = None
    """On which a month begins, or on its last day if it has no such day; None: not said, the first."""
    zone: str | None = None
    """By whose clocks a day begins (`Asia/Tokyo`); None: by those of the ingress."""
    counts: Counts = Counts.BOTH
    stops: bool = False
    """When it is used, the line carries nothing new."""
    shares: tuple[tuple[str, float], ...] = ()
    """What part of it each ingress may use, by name; above 0, together no more than 1."""

    def share(self, ingress: str) -> float:
        """The part that *ingress* may use."""
        return dict(self.shares).get(ingress, 1.0)

    @property
    def period(self) -> str:
        """What says when periods begin: two quotas with the same have the same periods."""
        return f"{self.each} {self.day or 1} {self.zone or ''}"
