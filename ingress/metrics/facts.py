"""What the samples are read off: a report, and the little that no report has."""

from collections.abc import Collection, Mapping

import attrs

from ingress.measure.histogram import Histogram
from ingress.report.rows import Report


@attrs.frozen
class Facts:
    """One ingress at one moment."""

    report: Report
    version: str
    opens: Histogram
    pauses: Histogram
    sick: Collection[str]
    """Exits that reach no targets."""
    certificate_ends: float
    """The ingress's own; seconds since 1970."""
    node_certificates: Mapping[str, float]
    """The same by node, of those that have shown one."""
    reloads: Mapping[str, int]
    """By what became of them."""
    log_dropped: Mapping[str, int]
    """By why they were not written."""
    is_kept: bool
    """What is learned is kept over a restart."""
