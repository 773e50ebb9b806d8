"""Which `[[rule]]` a connection falls under: the first that matches."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping

import attrs

from ingress.choice.sites import TCP
from ingress.config.rule import Rule
from ingress.lists.countries import Countries
from ingress.lists.entries import Entries
from ingress.lists.load import NO_LISTS, Lists
from ingress.lists.targets import NetworkTable, TargetSet
from ingress.lru import Lru
from relay.model.addresses import IpAddress, is_inside, plain
from relay.model.hosts import NoHost, read_host
from relay.model.network import Address

MOST = 16_384
"""Questions whose answer is remembered."""


class Query:
    """What a client asks for, and who it is. Never changed once it is made."""

    __slots__ = ("_client", "addresses", "client", "host", "key", "listen", "port", "protocol", "user")

    def __init__(
        self,
        host: str,
        port: int,
        client: str = "",
        user: str = "",
        listen: Address | None = None,
        protocol: str = TCP,
        addresses: tuple[IpAddress, ...] = (),
    ) -> None:
        self.host = host
        """As the door spells it."""
        self.port = port
        self.client = client
        """The client's address, without its port; empty for one that is not known."""
        self.user = user
        """Who logged in; empty if nobody did."""
        self.listen = listen
        """The address that the client came in by, as the file has it; None if it is not known."""
        self.protocol = protocol
        self.addresses = addresses
        """What this machine has found that the host means, for rules that have it looked up; empty if it has found
        nothing, or was not asked."""
        self.key = (host, port, client, user, listen, protocol, addresses)
        self._client: IpAddress | None = None

    @property
    def client_address(self) -> IpAddress | None:
        """The client's address; None if it is not known."""
        if self._client is None and self.client:
            self._client = plain(self.client)
        return self._client


@attrs.frozen
class Match:
    """A rule that matched, and by what."""

    rule: Rule
    because: str
    """The conditions that held, for people; empty for a rule without any."""
    paths: frozenset[str] | None = None
    """The names of those that it leaves; None for all."""


_Judged = tuple[Match | None, tuple[Rule, ...]]
"""As `Rules.match` and `Rules.asking` answer."""
Leaves = Callable[[Rule], frozenset[str] | None]
"""The names of the paths that a rule leaves to what it is for; None for all."""


def leaves_all(rule: Rule) -> None:
    """Of a network whose paths nobody asks for."""


class Rules:
    """The rules of an ingress, in the order of the file, and the lists that they name."""

    __slots__ = ("_by_name", "_compiled", "_countries", "_found", "_others", "resolve")

    def __init__(
        self,
        rules: Iterable[Rule],
        lists: Lists = NO_LISTS,
        listen_names: Mapping[Address, str] | None = None,
        leaves: Leaves = leaves_all,
    ) -> None:
        self._countries = lists.countries
        self._compiled = tuple(_Compiled(rule, lists, listen_names or {}, leaves(rule)) for rule in rules)
        self._found: Lru[tuple[object, ...], _Judged] = Lru(MOST)
        self.resolve = any(compiled.resolves for compiled in self._compiled)
        """Whether any of them has names looked up."""
        self._by_name: dict[str, list[int]] = {}
        """Rules that are only for names that they say themselves, by these: of a thousand rules, few are looked at."""
        self._others: list[int] = []
        for at, compiled in enumerate(self._compiled):
            names = {pattern.name for pattern in compiled.rule.hosts}
            if len(compiled.rule.targets) > len(compiled.rule.hosts) or not names:
                self._others.append(at)
            for name in names if at not in self._others[-1:] else ():
                self._by_name.setdefault(name, []).append(at)

    def match(self, query: Query) -> Match | None:
        """The first rule that matches."""
        return self._judged(query)[0]

    def asking(self, query: Query) -> tuple[Rule, ...]:
        """Those that would have to know the addresses of the host, which is a name, before it is certain which rule
        matches: all else of theirs holds, and no rule above them matches."""
        return self._judged(query)[1]

    def _judged(self, query: Query) -> _Judged:
        found = self._found.get(query.key)
        if found is None:
            found = self._judge(query)
            self._found.put(query.key, found)
        return found

    def _judge(self, query: Query) -> _Judged:
        target = _Target(query.host, self._countries, query.addresses)
        asking: list[Rule] = []
        for at in self._candidates(target.name):
            compiled = self._compiled[at]
            because = compiled.why(query, target)
            if because is not None:
                return Match(compiled.rule, because, compiled.paths), tuple(asking)
            if compiled.resolves and target.name is not None and compiled.passes(query):
                asking.append(compiled.rule)
        return None, tuple(asking)

    def _candidates(self, name: str | None) -> list[int]:
        """Where those stand that may be for a target of this name, or for an address (None), in order."""
        if name is None or not self._by_name:
            return self._others
        found: list[int] = []
        end = len(name)
        while end >= 0:
            at = name.rfind(".", 0, end)
            found += self._by_name.get(name[at + 1 :], ())
            end = at
        return sorted({*self._others, *found}) if found else self._others

    @property
    def restrict_paths(self) -> bool:
        """Whether any of them leaves only some paths."""
        return any(compiled.paths is not None for compiled in self._compiled)


class _Target:
    """A host, read once for all rules: the name that it is, or the address that it spells."""

    __slots__ = ("_countries", "_country", "address", "found", "name")

    def __init__(self, host: str, countries: Countries | None, addresses: tuple[IpAddress, ...] = ()) -> None:
        meaning = read_host(host)
        self.name = meaning if isinstance(meaning, str) else None
        self.address: IpAddress | None = None if isinstance(meaning, str | NoHost) else plain(meaning)
        self.found = tuple(_Target(str(one), countries) for one in addresses) if self.name is not None else ()
        """The addresses that it was found to mean."""
        self._countries = countries
        self._country: str | None = None

    @property
    def country(self) -> str:
        """Of the address; looked up when a rule asks for it. Empty if it is not known."""
        if self._country is None:
            found = None
            if self._countries is not None and self.address is not None:
                found = self._countries.find(self.address)
            self._country = found or ""
        return self._country


class _Compiled:
    """One rule, ready to be asked."""

    __slots__ = (
        "_clients",
        "_for_addresses",
        "_for_names",
        "_has_targets",
        "_listens",
        "_ports",
        "paths",
        "resolves",
        "rule",
    )

    def __init__(
        self, rule: Rule, lists: Lists, listen_names: Mapping[Address, str], paths: frozenset[str] | None
    ) -> None:
        self.rule = rule
        self.paths = paths
        self._listens = frozenset(rule.listens), listen_names
        entries = Entries(networks=list(rule.cidrs))
        for pattern in rule.hosts:
            entries.names[pattern.scope].add(pattern.name)
        own = TargetSet(entries)
        self._ports = _ports_of(rule)
        self._clients = NetworkTable(rule.clients)
        self._has_targets = bool(rule.targets)
        named = [("host ", "cidr", "", own)]
        named += [("", "a network", f" in {source}", lists.loaded[source].targets) for source in rule.lists]
        self._for_names = tuple((before, behind, one) for before, _, behind, one in named if one.has_names)
        self._for_addresses = tuple((what + behind, one) for _, what, behind, one in named if one.has_networks)
        self.resolves = rule.resolve and bool(rule.countries or self._for_addresses)

    def passes(self, query: Query) -> bool:
        """Whether its conditions besides the target hold. What costs least is asked first: of a thousand rules, most
        end here."""
        rule = self.rule
        if self._ports is not None and query.port not in self._ports:
            return False
        if rule.protocols and query.protocol not in rule.protocols:
            return False
        if rule.users and query.user not in rule.users:
            return False
        if rule.clients and (query.client_address is None or query.client_address not in self._clients):
            return False
        return not rule.listens or self._listen(query.listen) is not None

    def why(self, query: Query, target: _Target) -> str | None:
        """What held of its conditions, None if one did not."""
        if not self.passes(query):
            return None
        found = self._target(target) if self._has_targets else ""
        return None if found is None else ", ".join([*([found] if found else []), *self._others(query)])

    def _others(self, query: Query) -> Iterator[str]:
        """The conditions besides the target, which hold, by which value each."""
        rule, client = self.rule, query.client_address
        if rule.listens:
            yield f"listen {self._listen(query.listen)}"
        if rule.clients and client is not None:
            yield f"client {next(network for network in rule.clients if is_inside(client, (network,)))}"
        if rule.users:
            yield f"user {query.user}"
        if rule.protocols:
            yield f"protocol {query.protocol}"
        if rule.ports:
            yield f"port {next(one for one in rule.ports if query.port in one)}"

    def _listen(self, listen: Address | None) -> str | int | None:
        wanted, names = self._listens
        if listen is None:
            return None
        name = names.get(listen)
        if name in wanted:
            return name
        return listen.port if listen.port in wanted else None

    def _target(self, target: _Target) -> str | None:
        """Which of hosts, cidrs, lists and countries has the target, or an address that it was found to mean."""
        found = self._find(target)
        if found is not None or not self.resolves:
            return found
        for meant in target.found:
            found = self._find(meant)
            if found is not None:
                return f"{found}, by its address {meant.address}"
        return None

    def _find(self, target: _Target) -> str | None:
        if target.name is not None:
            for before, behind, targets in self._for_names:
                found = targets.find_name(target.name)
                if found is not None:
                    return f"{before}{found}{behind}"
        elif target.address is not None:
            for what, targets in self._for_addresses:
                if targets.has_address(target.address):
                    return what
            if self.rule.countries and target.country in self.rule.countries:
                return f"country {target.country}"
        return None


def _ports_of(rule: Rule) -> Container[int] | None:
    """The ports that *rule* is for, to be asked fast; None for all."""
    ranges = [range(one.first, one.last + 1) for one in rule.ports]
    if not ranges:
        return None
    return ranges[0] if len(ranges) == 1 else frozenset(port for one in ranges for port in one)
