"""What the target saw: counted here, told at /report."""

from collections import Counter

import attrs


@attrs.define
class TargetCounts:
    """Counts since the start; connections by the exit they came from."""

    connections: int = 0
    open: int = 0
    requests: int = 0
    broken: int = 0
    """Connections that ended in the middle of a request or an answer, by a reset or too early a FIN."""
    sent: int = 0
    """Bytes of answers' bodies."""
    received: int = 0
    """Bytes of requests' bodies."""
    exits: Counter[str] = attrs.Factory(Counter)
