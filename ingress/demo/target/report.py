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

    def begin_connection(self, exit_name: str | None) -> None:
        """A connection came, through that exit if it is known."""
        self.connections += 1
        self.open += 1
        self.exits[exit_name or "unknown"] += 1

    def end_connection(self) -> None:
        """A connection is over, however it ended."""
        self.open -= 1

    def add_request(self) -> None:
        """A request was read, up to its body."""
        self.requests += 1

    def add_broken(self) -> None:
        """A connection ended in the middle."""
        self.broken += 1

    def add_sent(self, size: int) -> None:
        """So many bytes of an answer's body are about to be sent."""
        self.sent += size

    def add_received(self, size: int) -> None:
        """So many bytes of a request's body came."""
        self.received += size
