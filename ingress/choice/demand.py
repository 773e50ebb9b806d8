"""What one stream asks of the choice: made once, by the rules and by whoever knows which exits may dial the target.

Every rule action ends here, as a field of the demand; what chooses a path reads nothing else of the stream.
"""

from collections.abc import Callable
from typing import Protocol

from ingress.choice.rules import Match, Query, Rules
from ingress.choice.sites import TCP, family_of, needed_family_of, site_of
from ingress.choice.wishes import Wish, Wishes
from ingress.config import IngressConfig
from ingress.config.rule import Denial
from ingress.lists.load import NO_LISTS, Lists
from relay.model.addresses import IpAddress
from relay.model.cause import Cause
from relay.model.network import Address


class Demand:
    """One stream's target, who asks, and what may carry it. Never changed once it is made."""

    __slots__ = (
        "addresses",
        "asking",
        "client",
        "exits",
        "family",
        "host",
        "legs",
        "listen",
        "match",
        "needs",
        "otherwise",
        "paths",
        "port",
        "protocol",
        "site",
        "user",
        "wish",
    )

    def __init__(
        self,
        host: str,
        port: int,
        client: str = "",
        user: str = "",
        exits: frozenset[str] | None = None,
        legs: int = 1,
        match: Match | None = None,
        paths: frozenset[str] | None = None,
        listen: Address | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.site = site_of(host)
        """What shares sessions and whereabouts with the host: the part of it that somebody has registered."""
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
        self.paths = paths
        """The paths that may carry it, by name, from its first byte to its last; None for all."""
        self.listen = listen
        """The address that the client came in by; None if it is not known."""
        self.legs = legs
        """Paths that the stream is to ride on at once, sharing no line: 1, or 2 for a redundant one."""
        self.match = match
        """The rule that it falls under; None if none says anything of it."""
        self.wish: Wish | None = None
        """By which its paths were chosen; None if none was asked."""
        self.protocol = TCP
        self.addresses: tuple[IpAddress, ...] = ()
        """What its host, a name, was found to mean, for a rule that had it looked up."""
        self.asking = False
        """The rules need these addresses, and nobody knows them yet: what it asks holds if no rule matches by them."""
        self.otherwise: Demand | None = None
        """What is asked when nothing can carry this; None if that is the end of it."""

    @property
    def refusal(self) -> Cause | None:
        """Why its rule lets nobody carry it; None if it does."""
        match self.match:
            case Match(rule) if rule.deny is not None:
                return Cause.DROPPED if rule.deny is Denial.DROP else Cause.DENIED
        return None

    @property
    def is_direct(self) -> bool:
        """Whether its rule has it dialled from here."""
        return self.match is not None and self.match.rule.direct

    @property
    def rule_title(self) -> str:
        """The rule that it falls under, for people; empty if none says anything of it."""
        return "" if self.match is None else self.match.rule.title

    @property
    def ruled(self) -> str:
        """The rule that bounds what may carry it, for people; empty if none does."""
        if self.match is None:
            return ""
        rule = self.match.rule
        return rule.title if rule.exit_nodes is not None or rule.is_about_paths or rule.deny is not None else ""

    def __repr__(self) -> str:
        exits = "any exit" if self.exits is None else ", ".join(sorted(self.exits)) or "no exit"
        return f"<Demand {self.host}:{self.port} by {self.client or 'nobody'}, {exits}, {self.legs} legs>"


class NameFinder(Protocol):
    """Whoever looks names up for rules that want it."""

    def known(self, host: str) -> tuple[IpAddress, ...] | None:
        """What *host* means; empty if it means nothing, as far as can be found out; None if that is not known yet."""

    def ask(self, host: str, then: Callable[[], None]) -> None:
        """Have *host* looked up; *then* is called in the loop, once, when it is known or was waited for long enough."""


class Demands:
    """Makes demands by the rules of a file."""

    __slots__ = ("_names", "_rules", "_usual", "_wishes")

    def __init__(
        self,
        rules: Rules | None = None,
        usual: frozenset[str] | None = None,
        wishes: Wishes | None = None,
        names: NameFinder | None = None,
    ) -> None:
        """*rules*: None if the file has none, so that no stream pays for them. *usual*: the paths of what no rule sends
        elsewhere; None for all."""
        self._rules = rules
        self._usual = usual
        self._wishes = Wishes() if wishes is None else wishes
        self._names = names if rules is not None and rules.resolve else None

    def make(
        self,
        host: str,
        port: int,
        client: str,
        user: str,
        exits: frozenset[str] | None,
        listen: Address | None = None,
        protocol: str = TCP,
        before: tuple[IpAddress, ...] = (),
    ) -> Demand:
        """The demand of a stream to *host*; *exits*: those that may dial it, None for all; *before*: what the host was
        found to mean, if nobody knows that now; the rest as in `Query`."""
        if self._rules is None:
            made = self._make(host, port, client, user, exits, listen, None)
        else:
            query = Query(host, port, client, user, listen, protocol)
            if self._names is None or not self._rules.asking(query):
                made = self._make(host, port, client, user, exits, listen, self._rules.match(query))
            else:
                known = self._names.known(host)
                addresses = before if known is None else known
                match = self._rules.match(Query(host, port, client, user, listen, protocol, addresses))
                made = self._make(host, port, client, user, exits, listen, match)
                made.addresses, made.asking = addresses, known is None and not before
        if protocol != TCP:
            made.protocol = protocol
        return made

    def _make(
        self,
        host: str,
        port: int,
        client: str,
        user: str,
        exits: frozenset[str] | None,
        listen: Address | None,
        match: Match | None,
    ) -> Demand:
        usual = self._usual
        if match is None:
            made = Demand(host, port, client, user, exits, 1, None, usual, listen)
            return self._wished(made) if self._wishes else made
        rule = match.rule
        legs = 2 if rule.redundant else 1
        paths = match.paths if rule.is_about_paths else usual
        wanted = rule.exit_nodes
        if wanted is not None:
            wanted = wanted if exits is None else wanted & exits
        made = Demand(host, port, client, user, exits if wanted is None else wanted, legs, match, paths, listen)
        if rule.falls_through:
            made.otherwise = Demand(host, port, client, user, exits, legs, match, usual, listen)
        return self._wished(made) if self._wishes and not made.ruled and not rule.direct else made

    def _wished(self, demand: Demand) -> Demand:
        """*demand*, which no rule bounds, by what was asked for by hand; if nothing of that works, as ever."""
        wish = self._wishes.find(demand.host, demand.client, demand.user)
        if wish is None:
            return demand
        paths = self._wishes.paths_of(wish)
        paths = paths if demand.paths is None else paths & demand.paths
        more = demand.legs, demand.match, paths, demand.listen
        made = Demand(demand.host, demand.port, demand.client, demand.user, demand.exits, *more)
        made.wish, made.otherwise = wish, demand
        return made

    def again(self, demand: Demand, exits: frozenset[str] | None) -> Demand:
        """What a running stream, made for *demand*, asks by these rules."""
        return self.make(
            demand.host,
            demand.port,
            demand.client,
            demand.user,
            exits,
            demand.listen,
            demand.protocol,
            demand.addresses,
        )

    @property
    def restrict_paths(self) -> bool:
        """Whether any demand may be restricted to some paths."""
        has_rules = self._rules is not None and self._rules.restrict_paths
        return has_rules or self._usual is not None or bool(self._wishes)


def demands_of(
    config: IngressConfig, lists: Lists = NO_LISTS, wishes: Wishes | None = None, names: NameFinder | None = None
) -> Demands:
    """By the rules of *config*, the *lists* that they name, and what was asked for by hand; *names* are looked up by
    whom, if a rule wants it."""
    rules = Rules(config.rules, lists, config.listen_names, config.leaves) if config.rules else None
    return Demands(rules, config.usual, wishes, names)
