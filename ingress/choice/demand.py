"""What one stream asks of the choice: made once, by the rules and by whoever knows which exits may dial the target.

Every rule action ends here, as a field of the demand; what chooses a path reads nothing else of the stream.
"""

from collections.abc import Iterable

from ingress.choice.rules import Rules
from ingress.choice.sites import family_of, needed_family_of, site_of
from ingress.config import Rule


class Demand:
    """One stream's target, who asks, and what may carry it. Never changed once it is made."""

    __slots__ = ("client", "exits", "family", "host", "legs", "needs", "port", "site", "user")

    def __init__(
        self,
        host: str,
        port: int,
        client: str = "",
        user: str = "",
        exits: frozenset[str] | None = None,
        legs: int = 1,
    ) -> None:
        self.host = host
        self.port = port
        self.site = site_of(host)
        """What shares sessions and whereabouts with the host: its last two labels."""
        self.family = family_of(host)
        """Of the address that the host is; None for a name."""
        self.needs = needed_family_of(host)
        """The family without which an exit cannot reach it, as far as the host tells."""
        self.client = client
        """The client's address, without its port; empty for one that is not known."""
        self.user = user
        """Who logged in; empty if nobody did."""
        self.exits = exits
        """The exits that may take it; None for all."""
        self.legs = legs
        """Paths that the stream is to ride on at once, sharing no line: 1, or 2 for a redundant one."""

    def __repr__(self) -> str:
        exits = "any exit" if self.exits is None else ", ".join(sorted(self.exits)) or "no exit"
        return f"<Demand {self.host}:{self.port} by {self.client or 'nobody'}, {exits}, {self.legs} legs>"


class Demands:
    """Makes demands by the rules of a file."""

    __slots__ = ("_rules",)

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        wanted = tuple(rules)
        self._rules = Rules(wanted) if wanted else None

    def make(self, host: str, port: int, client: str, user: str, exits: frozenset[str] | None) -> Demand:
        """The demand of a stream to *host*; *exits* are those that may dial it, None for all."""
        rule = None if self._rules is None else self._rules.match(host, port, user)
        return Demand(host, port, client, user, exits, 1 if rule is None or not rule.redundant else 2)
