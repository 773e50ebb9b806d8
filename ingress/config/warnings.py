"""What in a valid file is probably not meant: said by `ingress check` and at start-up, and never in the way."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

from ingress.config.allowance import Allowance
from ingress.config.chains import Chain, Found, touches
from ingress.config.left import left_by
from ingress.config.rule import Rule
from ingress.config.shadows import covers, shadowed
from ingress.messages.message import Message
from relay.model.network import Network, Node
from relay.model.quota import Each
from relay.model.walk import MOST_PATHS, Path, Paths
from relay.policy import Policy, idle


def find_warnings(
    network: Network,
    found: Mapping[str, Found],
    rules: tuple[Rule, ...],
    chains: tuple[Chain, ...] = (),
    machines: Iterable[Node] = (),
    allowances: tuple[Allowance, ...] = (),
    *,
    logs_in: bool = True,
) -> tuple[str, ...]:
    """One line for each thing that is probably not meant. *machines* are the ingresses' own, which dial what goes
    direct; *logs_in* says whether any of them has users."""
    paths = {name: each.paths for name, each in found.items()}
    return (
        *_spare_paths(paths),
        *_unused(network, paths),
        *_idle_allows(network),
        *_dayless(network),
        *_rules(rules, paths),
        *_allowances(allowances),
        *(() if logs_in else _for_users(rules, allowances)),
        *_restrictions(network, found, rules),
        *_chains(rules, chains),
        *_closed(rules, machines),
        *(
            warning
            for name, each in paths.items()
            if any(rule.redundant for rule in rules)
            for warning in _single(name, each)
        ),
    )


def are_disjoint(one: Path, other: Path) -> bool:
    """Whether the two share no line."""
    return not one.lines & other.lines


def _spare_paths(paths: Mapping[str, Paths]) -> Iterator[str]:
    for name, found in paths.items():
        if found.spare:
            total = len(found.used) + len(found.spare)
            more = Message("file.more", count=total) if found.is_cut else str(total)
            left_out = Message("file.left-out", path=str(found.spare[-1])) if found.is_cut else ""
            spare = len(found.spare)
            yield Message("file.spare", ingress=name, count=more, most=MOST_PATHS, spare=spare, left_out=left_out)


def _unused(network: Network, paths: Mapping[str, Paths]) -> Iterator[str]:
    if any(found.is_cut for found in paths.values()):
        return  # nobody knows
    walked = [path for found in paths.values() for path in (*found.used, *found.spare)]
    nodes = {node for path in walked for node in path.nodes}
    lines = {line for path in walked for line in path.lines}
    for node in (name for name in network.nodes if name not in nodes):
        yield Message("file.node-unused", node=node)
    for line in network.lines.values():
        ends = {line.start, line.end} - set(network.ingresses)
        if line.name not in lines and ends <= nodes:
            yield Message("file.line-unused", line=line.name)


def _idle_allows(network: Network) -> Iterator[str]:
    for node in network.nodes.values():
        for one, why in idle(node):
            yield Message("file.allow-idle", node=node.name, cidr=str(one.cidr), why=why)


def _dayless(network: Network) -> Iterator[str]:
    for line in network.lines.values():
        if line.quota is not None and line.quota.each is Each.MONTH and line.quota.day is None:
            yield Message("file.quota-day", line=line.name)


def _rules(rules: tuple[Rule, ...], paths: Mapping[str, Paths]) -> Iterator[str]:
    """Rules that are never reached, or that name what no path leads to."""
    for rule, above in shadowed(rules):
        yield Message("file.rule-shadowed", rule=rule.title, place=above.title)
    for name, found in paths.items():
        ends = {path.end for path in (*found.used, *found.spare)}
        for rule in rules:
            far = (rule.exit_nodes or frozenset()) - ends
            if far and not found.is_cut:
                yield Message("file.rule-far", rule=rule.title, ingress=name, exits=tuple(sorted(far)))
    for rule in rules:
        nodes = rule.exit_nodes or frozenset()
        if len(rule.exits) == len(nodes) == 1 and rule.exits[0] not in nodes:
            yield Message("file.rule-one-exit", rule=rule.title, group=rule.exits[0], exit=min(nodes))


def _allowances(allowances: tuple[Allowance, ...]) -> Iterator[str]:
    """Those that are never reached: the first that fits counts."""
    for at, allowance in enumerate(allowances):
        above = next((earlier for earlier in allowances[:at] if covers(earlier, allowance)), None)
        if above is not None:
            yield Message("file.rule-shadowed", rule=allowance.place, place=above.place)


def _for_users(rules: tuple[Rule, ...], allowances: tuple[Allowance, ...]) -> Iterator[str]:
    """What fits nobody: who says a name where none is needed is let in without one."""
    for place in (
        *(rule.title for rule in rules if rule.users),
        *(allowance.place for allowance in allowances if allowance.users),
    ):
        yield Message("file.no-users", place=place)


def _restrictions(network: Network, found: Mapping[str, Found], rules: tuple[Rule, ...]) -> Iterator[str]:
    """Rules that leave no path, or avoid what no path touches."""
    for rule in (rule for rule in rules if rule.is_about_paths):
        for name, each in found.items():
            ends = rule.exit_nodes
            paths = [path for path in each.paths.used if ends is None or path.end in ends]
            if not left_by(rule, network, paths, each.usual):
                yield Message("file.rule-no-path", rule=rule.title, ingress=name)
        used = [path for each in found.values() for path in each.paths.used]
        for name in rule.avoid:
            if not any(touches(network, path, frozenset((name,))) for path in used):
                yield Message("file.rule-avoids", rule=rule.title, name=name)


def _closed(rules: tuple[Rule, ...], machines: Iterable[Node]) -> Iterator[str]:
    """What goes direct, and may not be dialled from here."""
    for machine in machines:
        policy = Policy(machine.allow)
        for rule in rules if any(each.direct for each in rules) else ():
            for cidr in rule.cidrs if rule.direct else ():
                first = next(iter(cidr.hosts()), cidr.network_address)
                is_open = any(one.cidr.version == cidr.version and one.cidr.overlaps(cidr) for one in machine.allow)
                if not is_open and policy.refusal(str(first), 443) is not None:
                    yield Message("file.rule-closed", rule=rule.title, cidr=str(cidr), ingress=machine.name)


def _chains(rules: tuple[Rule, ...], chains: tuple[Chain, ...]) -> Iterator[str]:
    said = {name for rule in rules for name in rule.chains}
    for chain in chains:
        if chain.name is not None and chain.name not in said:
            yield Message("file.chain-idle", chain=chain.name)


def _single(name: str, paths: Paths) -> Iterator[str]:
    """A rule wants redundant streams, and the network may not have two ways to one exit."""
    pairs = [(one, other) for one, other in combinations(paths.used, 2) if one.end == other.end]
    if not any(are_disjoint(one, other) for one, other in pairs):
        yield Message("file.single", ingress=name)
