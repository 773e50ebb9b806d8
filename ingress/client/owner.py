"""Who has an allowance: what of it is open now, and the buckets of its rate."""

from ingress.client.pace import Buckets
from ingress.config.allowance import Allowance, RateBounds
from ingress.quota.tally import Tally
from relay.engine import Loop

SLOW = 64_000 / 8
"""Bytes per second, each way, for who has used its quota: enough to be told so, and to read mail."""

Key = tuple[int, str]
"""Which allowance of the file, and whose of those that it fits."""


class Owner:
    """A user, an address, or all that share one allowance; there is one as long as something of it is open."""

    def __init__(self, key: Key, allowance: Allowance, loop: Loop, tally: Tally | None = None) -> None:
        """*tally* is what it has used of its quota, if it has one."""
        self.key = key
        self.allowance = allowance
        self.streams = self.associations = self.senders = 0
        """Open now; senders are those of datagrams to forwards."""
        self.tally = tally
        self._loop = loop
        self.is_slow = False
        """Its quota is used: it has SLOW, and may open nothing."""
        self.buckets: Buckets | None = None
        self.heed_quota()
        if not self.is_slow:
            self._pour()
        self.is_told = False
        """That it was refused something stands in the log, since there was less."""

    def heed_quota(self) -> bool:
        """Go by what is left of its quota now; whether it has other buckets than before."""
        is_slow = self.tally is not None and self.tally.is_used
        if is_slow == self.is_slow:
            return False
        self.is_slow = is_slow
        self._pour()
        return True

    def _pour(self) -> None:
        up, down = self.allowance.rate.up, self.allowance.rate.down
        if self.is_slow:
            up, down = min(up or SLOW, SLOW), min(down or SLOW, SLOW)
        self.buckets = None if up is None and down is None else Buckets(self._loop, RateBounds(up, down))

    @property
    def is_open(self) -> bool:
        """Whether it has something open."""
        return self.streams + self.associations + self.senders > 0

    @property
    def name(self) -> str:
        """For people."""
        return self.key[1] or self.allowance.place

    def __repr__(self) -> str:
        return f"<Owner {self.name} by {self.allowance.place}, {self.streams} streams>"
