"""One `[[rule]]` as a value: which connections it is for, and what becomes of them."""

import enum
from collections.abc import Iterable, Iterator, Sequence

import attrs

from ingress.lists.entries import Scope
from ingress.lists.source import ListSource
from ingress.messages.message import Message
from relay.model.network import IpNetwork


class Denial(enum.Enum):
    """How a connection is refused; the values are those of `deny`."""

    REFUSE = "refuse"
    """At once, in the words of the client's protocol: `deny = true`."""
    DROP = "drop"
    """The connection ends without a word."""


@attrs.frozen
class NamePattern:
    """Names that a `host` stands for."""

    scope: Scope
    name: str
    """In lower case, as DNS has it."""

    def __str__(self) -> str:
        return f"{self.scope.value}{self.name}"


@attrs.frozen
class PortRange:
    """From `first` to `last`, both included."""

    first: int
    last: int

    def __contains__(self, port: int) -> bool:
        return self.first <= port <= self.last

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


@attrs.frozen(kw_only=True)
class Rule:
    """What to do with some connections: those that meet every condition that is set, by any one of its values. Hosts,
    lists, cidrs and countries are one condition, the target."""

    place: str = attrs.field(default="a rule", eq=False)
    """Where it stands in the file, for people: `rule 2 (line 97)`."""
    name: str | None = None
    hosts: tuple[NamePattern, ...] = ()
    lists: tuple[ListSource, ...] = ()
    cidrs: tuple[IpNetwork, ...] = ()
    countries: tuple[str, ...] = ()
    """Of literal addresses: two letters, upper case."""
    resolve: bool = False
    """Names are looked up here, and match by the addresses that they mean as well."""
    clients: tuple[IpNetwork, ...] = ()
    users: tuple[str, ...] = ()
    ports: tuple[PortRange, ...] = ()
    protocols: tuple[str, ...] = ()
    """Of `tcp` and `udp`."""
    listens: tuple[str | int, ...] = ()
    """Names and ports of addresses that clients come in by."""
    exits: tuple[str, ...] = ()
    """As the file says: nodes and groups of nodes. Empty: any."""
    exit_nodes: frozenset[str] | None = None
    """The nodes that these are; None for any."""
    direct: bool = False
    """It is dialled from here; no line carries it."""
    deny: Denial | None = None
    via: tuple[str, ...] = ()
    """As in a chain: one line after another."""
    chains: tuple[str, ...] = ()
    """The names of some."""
    follows: tuple[tuple[str, ...], ...] = ()
    """The `via` of these, or its own: a path must follow one of them. Empty: none."""
    avoid: tuple[str, ...] = ()
    """Lines, nodes, groups of either, and providers that no path of it may touch."""
    falls_through: bool = False
    """If none of its exits or paths can be used, any may be."""
    redundant: bool | None = None
    """The bytes travel over two disjoint paths at once; None is left to the program."""
    answer: str | None = None
    """As the ingress's own; None: that one."""

    @property
    def title(self) -> str:
        """How people are told of it."""
        return self.place if self.name is None else f"rule {self.name}"

    @property
    def is_about_paths(self) -> bool:
        """Whether it leaves only some paths."""
        return bool(self.follows or self.avoid)

    @property
    def targets(self) -> Sequence[object]:
        """What it says of the target: any of it will do."""
        return (*self.hosts, *self.lists, *self.cidrs, *self.countries)

    @property
    def does(self) -> str:
        """What becomes of a connection, in a few words."""
        parts: list[str] = []
        if self.deny is not None:
            parts.append(Message("rule.deny" if self.deny is Denial.REFUSE else "rule.drop"))
        if self.direct:
            parts.append(Message("rule.direct"))
        parts += [Message("rule.exit", names=self.exits)] if self.exits else []
        parts += [Message("rule.via", way=" > ".join(self.via))] if self.via else []
        parts += [Message("rule.chain", names=self.chains)] if self.chains else []
        parts += [Message("rule.avoid", names=self.avoid)] if self.avoid else []
        parts += [Message("rule.else")] if self.falls_through else []
        if self.redundant is not None:
            parts.append(Message("rule.redundant" if self.redundant else "rule.single"))
        if self.answer is not None:
            parts.append(Message("rule.answer", answer=self.answer))
        return Message("rule.does", parts=tuple(parts))

    @property
    def conditions(self) -> str:
        """What it is for, in a line."""
        each = {
            "target": self.targets,
            "client": self.clients,
            "user": self.users,
            "port": self.ports,
            "protocol": self.protocols,
            "listen": self.listens,
        }
        said = [f"{what} {' or '.join(map(str, values))}" for what, values in each.items() if values]
        said += ["names looked up"] if self.resolve else []
        return ", ".join(said) or "everything"

    @property
    def is_for_all(self) -> bool:
        """Whether it has no condition: what stands below it is never reached."""
        return not (self.targets or self.clients or self.users or self.ports or self.protocols or self.listens)


def of_rules(rules: Iterable[Rule]) -> Iterator[ListSource]:
    """Every list that *rules* name."""
    for rule in rules:
        yield from rule.lists
