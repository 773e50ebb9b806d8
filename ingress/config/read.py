"""Reads the whole file: what relays read, and `[ingress]`, `[[forward]]`, `[[rule]]`, `[limits]`.

What must stay true: every mistake is found in one go. The paths are looked at only when ingresses, nodes and lines
are right, because a typo there would make false mistakes here.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from ingress.config.alert import read_alerts
from ingress.config.allowance import read_allowances
from ingress.config.chains import Chain, Found, find, read_chains, walks, where_it_breaks
from ingress.config.doors import read_doors, refuse_same_addresses
from ingress.config.model import IngressConfig, NetworkFile
from ingress.config.rule import Rule
from ingress.config.rules import read_rules
from ingress.config.warnings import find_warnings
from ingress.config.web import web_warnings
from relay.config.limits import read_limits
from relay.config.mistakes import ConfigError, Key, Mistake, nearest
from relay.config.network import read_network
from relay.config.table import Table, read_document, read_version
from relay.model.network import Network


def load(path: Path | str, name: str | None = None) -> IngressConfig:
    """What the ingress *name* needs; *name* may be None if the file has one. ConfigError holds all that is wrong."""
    found = read_file(path)
    doors = found.ingresses[_choose(found, name)]
    return IngressConfig(
        doors.name,
        doors.listen,
        doors.users,
        doors.clients,
        doors.answer,
        doors.state,
        doors.via,
        doors.forwards,
        found.rules,
        found.limits,
        found.network,
        found.found[doors.name].paths,
        found.warnings,
        doors.listen_names,
        doors.machine,
        doors.udp,
        doors.advertise,
        doors.datagram_forwards,
        doors.countries,
        found.found[doors.name].usual,
        doors.sites,
        found.allowances,
        doors.web,
        found.alerts,
    )


def read_file(path: Path | str) -> NetworkFile:
    """The whole file. ConfigError holds everything that is wrong with it."""
    document = read_document(Path(path))
    read_version(document)
    network = read_network(document)
    doors = read_doors(document)
    chains = read_chains(document, network)
    rules = read_rules(document, network, doors, chains)
    allowances = read_allowances(document)
    alerts = read_alerts(document)
    limits = read_limits(document.table("limits"))
    document.finish()
    if not document.named("ingress"):
        document.wrong("ingress", "there is no ingress", 'add [ingress.NAME] with listen = "127.0.0.1:1080"')
    refuse_same_addresses(document, doors)
    paths = _read_paths(document, network, chains, rules)
    _refuse_unshared(document, network, paths)
    document.mistakes.raise_any()
    machines = [each.machine for each in doors.values() if each.machine is not None]
    logs_in = any(each.users is not None for each in doors.values())
    found = find_warnings(network, paths, rules, chains, machines, allowances, logs_in=logs_in)
    warnings = (*found, *web_warnings(doors.values()))
    return NetworkFile(
        document.mistakes.file, doors, network, rules, limits, paths, warnings, chains, allowances, alerts
    )


def _choose(found: NetworkFile, name: str | None) -> str:
    names = tuple(found.ingresses)
    if name is None and len(names) == 1:
        return names[0]
    if name is not None and name in names:
        return name
    if name is None:
        mistake = Mistake("ingress", f"there are {len(names)} of them", f"name one: {', '.join(names)}")
    elif name in found.network.nodes:
        mistake = Mistake("ingress", f'"{name}" is a node, not an ingress', f"run: relay serve {name}")
    else:
        mistake = Mistake("ingress", f'there is no ingress "{name}"', nearest(name, names))
    raise ConfigError(found.file, [mistake])


def _read_paths(
    document: Table, network: Network, chains: tuple[Chain, ...], rules: tuple[Rule, ...]
) -> Mapping[str, Found]:
    if document.mistakes.any_under("ingress", "node", "line", "chain", "rule"):
        return {}
    own = [(("rule", at), Chain(rule.place, rule.via)) for at, rule in enumerate(rules) if rule.via]
    found = {name: find(network, name, chains, [chain for _, chain in own]) for name in network.ingresses}
    _refuse_broken(document, network, [*((("chain", at), chain) for at, chain in enumerate(chains)), *own])
    exits = [node.name for node in network.nodes.values() if node.exit]
    for name, each in found.items():
        if not each.paths.used:
            mend = f"add lines that lead to {' or '.join(exits)}" if exits else "write exit = true at a node"
            document.mistakes.add(("ingress", name), "no path leads from here to an exit", mend)
    return found


def _refuse_unshared(document: Table, network: Network, found: Mapping[str, Found]) -> None:
    """An ingress counts what it carries itself: several over one line have to be told what part each may use."""
    for line in network.lines.values():
        users = [name for name, each in found.items() if any(line.name in path.lines for path in each.paths.used)]
        quota = line.quota
        if quota is None or quota.amount is None or len(users) < 2 or set(users) <= dict(quota.shares).keys():
            continue
        key, mend = ("line", line.name, "quota"), ", ".join(f"{name} = {1 / len(users):.2g}" for name in users)
        what = f"{' and '.join(users)} use this line, and each counts its own part alone"
        document.mistakes.add(key, what, f"say what part each may use: share = {{ {mend} }}")


def _refuse_broken(document: Table, network: Network, chains: Iterable[tuple[Key, Chain]]) -> None:
    """Chains that no ingress has a path by; each with its key in the file."""
    for key, chain in chains:
        if not any(True for name in network.ingresses for _ in walks(network, name, chain)):
            why = "; ".join(f"from {name}: {where_it_breaks(network, name, chain)}" for name in network.ingresses)
            mend = "name lines, their groups, or nodes, one after another"
            document.mistakes.add((*key, "via"), f"no path follows it ({why})", mend)
