"""What a loop tells of itself."""

import attrs


@attrs.frozen
class LoopStatistics:
    """What a loop holds at one moment, and did since its start."""

    endpoints: int
    timers: int
    """Timers that wait; some may be cancelled."""
    wakeups: int
    turns: int
    services: int
    failures: int
    """Calls that raised."""
    lag: float
    worst_lag: float
    """As `Loop.lag`, in the last minute or two."""
