"""Who has an allowance: what of it is open now, and the buckets of its rate."""

from ingress.client.pace import Buckets
from ingress.config.allowance import Allowance
from relay.engine import Loop

Key = tuple[int, str]
"""Which allowance of the file, and whose of those that it fits."""


class Owner:
    """A user, an address, or all that share one allowance; there is one as long as something of it is open."""

    def __init__(self, key: Key, allowance: Allowance, loop: Loop) -> None:
        self.key = key
        self.allowance = allowance
        self.streams = self.associations = 0
        """Open now."""
        has_rate = allowance.rate.up is not None or allowance.rate.down is not None
        self.buckets = Buckets(loop, allowance) if has_rate else None
        self.is_told = False
        """That it was refused something stands in the log, since there was less."""

    @property
    def is_open(self) -> bool:
        """Whether it has something open."""
        return self.streams > 0 or self.associations > 0

    @property
    def name(self) -> str:
        """For people."""
        return self.key[1] or self.allowance.place

    def __repr__(self) -> str:
        return f"<Owner {self.name} by {self.allowance.place}, {self.streams} streams>"
