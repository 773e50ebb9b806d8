"""The faults: what is done to a line or a node, when, and what a person may notice of it.

Orders speak of `{line}` and `{node}`, which the scene fills in: a line that the load rides on, and the relay behind it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One fault. Times in seconds from the moment it strikes."""

    name: str
    title: str
    steps: tuple[tuple[float, str], ...]
    """When, and the order."""
    lasts: float
    """Until when clients are watched."""
    limit: float | None = None
    """The longest pause to reach, above what `inherent` takes; None where there is no such figure."""
    limit_is: str = ""
    """Of what the limit speaks: `worst`, or `p99` of the pauses."""
    inherent: float = 0.0
    """What the weather itself adds to every echo, or takes from every stream, whatever one does."""
    skip: float = 0.0
    """Seconds that are not looked at: the step down into worse weather is nobody's pause."""
    request_limit: float | None = 1.2
    """The longest that a request may take, one started every 100 ms."""

    @property
    def title_line(self) -> str:
        """Name and title for a list."""
        return f"{self.name:10} {self.title}"


AWHILE, WATCHED = 10.0, 13.0
SLOWED = 0.2

FAULTS = (
    Fault(
        "blackhole",
        "a line black-holed, both ways",
        ((0, "blackhole {line}"), (AWHILE, "heal {line}")),
        WATCHED,
        1.0,
        "p99",
    ),
    Fault(
        "towards",
        "a line black-holed, towards the exit only",
        ((0, "blackhole {line} towards"), (AWHILE, "heal {line}")),
        WATCHED,
        1.0,
        "p99",
    ),
    Fault(
        "back",
        "a line black-holed, back from the exit only",
        ((0, "blackhole {line} back"), (AWHILE, "heal {line}")),
        WATCHED,
        1.0,
        "p99",
    ),
    Fault("killed", "a relay killed", ((0, "kill {node}"), (AWHILE, "start {node}")), WATCHED, 0.35, "worst"),
    Fault("frozen", "a relay frozen (SIGSTOP)", ((0, "freeze {node}"), (AWHILE, "thaw {node}")), WATCHED, 1.0, "p99"),
    Fault("reset", "everything on a line reset", ((0, "reset {line}"),), WATCHED, 0.35, "worst"),
    Fault(
        "drained", "a relay drained (SIGTERM)", ((0, "drain {node}"), (AWHILE, "start {node}")), WATCHED, 0.02, "worst"
    ),
    Fault(
        "degraded",
        "a line slower by 200 ms",
        ((0, "slow {line} 200ms"), (15, "heal {line}")),
        20.0,
        0.02,
        "worst",
        inherent=SLOWED,
        skip=0.5,
    ),
    Fault("lossy", "a line losing 20 %", ((0, "lose {line} 20%"), (10, "heal {line}")), 13.0, request_limit=None),
    Fault(
        "flapping",
        "a line down for 1 s in every 3",
        tuple(step for n in range(4) for step in ((3 * n, "blackhole {line}"), (3 * n + 1, "heal {line}"))),
        15.0,
        1.0,
        "p99",
    ),
    Fault(
        "gone",
        "every line gone for 20 s",
        ((0, "blackhole *"), (20, "heal *")),
        28.0,
        inherent=20.0,
        request_limit=None,
    ),
)


def named(name: str) -> Fault:
    """The fault of that name."""
    return next(fault for fault in FAULTS if fault.name == name)
