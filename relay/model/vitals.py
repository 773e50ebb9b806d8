"""What a process says of itself: how it is, who is connected, what its lines carry. Plain values, pure.

One schema for all who show them: `relay status`, STATUS on the wire (relay.wire.vitals has the ranges), `ingress paths
--json` for the ingress itself and for each node. Times are seconds, sizes bytes; None is what was not told.
"""

import attrs

from relay.model.sent import Sent


@attrs.frozen
class InUse:
    """How much of something bounded is in use."""

    used: int
    limit: int


@attrs.frozen
class Vitals:
    """How a process is at one moment."""

    up: float | None = None
    """Since it began."""
    cpu: float | None = None
    """Processor time that it has used since."""
    load: float | None = None
    """The machine's, over a minute: how many tasks want a processor."""
    lag: float | None = None
    """How late its loop serves: the longest that a due timer waited, in the last second or two."""
    worst_lag: float | None = None
    """The same in the last minute or two."""
    resident: int | None = None
    """Memory that the kernel has given it."""
    memory: InUse | None = None
    """What its streams keep until it is acknowledged, and have promised to take; `memory` of the file bounds
    it."""
    descriptors: InUse | None = None
    time: float | None = None
    """Its machine's clock: seconds since 1970."""


@attrs.frozen
class ConnectedIngress:
    """What one ingress has at a node."""

    ingress: str
    sessions: int = 0
    carriers: int = 0
    """Those that end here."""
    streams: int = 0
    passed_on: int = 0
    """Carriers that go on over a line of this node."""


@attrs.frozen
class LineReport:
    """One line, as a node at one of its ends sees it."""

    line: str
    dial: float | None = None
    """How long the last dial of its address took, at the node where it starts."""
    error: str | None = None
    """Or why it failed."""
    age: float | None = None
    """Since that dial."""
    carriers: int = 0
    """That come or go over it now."""
    bytes_in: int = 0
    """That came to the node over it since its start; of carriers that end there, before TLS."""
    bytes_out: int = 0
    sent: Sent | None = None
    """What the node's kernel knows of what left it over the line since its start."""
