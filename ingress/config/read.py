"""Reads the whole file: what relays read, and `[ingress]`, `[[forward]]`, `[[rule]]`, `[limits]`.

What must stay true: every mistake is found in one go. The paths are looked at only when ingresses, nodes and lines
are right, because a typo there would make false mistakes here.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from ingress.config.doors import read_doors, refuse_same_addresses
from ingress.config.model import IngressConfig, NetworkFile, Rule
from ingress.config.warnings import find_warnings
from relay.config import values
from relay.config.limits import read_limits
from relay.config.mistakes import ConfigError, Mistake, nearest
from relay.config.network import read_network
from relay.config.table import Table, read_document, read_version
from relay.model.hosts import parse_literal
from relay.model.network import Network
from relay.model.walk import Paths, find_paths


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
        doors.via,
        doors.forwards,
        found.rules,
        found.limits,
        found.network,
        found.paths[doors.name],
        found.warnings,
    )


def read_file(path: Path | str) -> NetworkFile:
    """The whole file. ConfigError holds everything that is wrong with it."""
    document = read_document(Path(path))
    read_version(document)
    network = read_network(document)
    doors = read_doors(document)
    rules = tuple(_read_rule(table) for table in document.array("rule"))
    limits = read_limits(document.table("limits"))
    document.finish()
    if not document.named("ingress"):
        document.wrong("ingress", "there is no ingress", 'add [ingress.NAME] with listen = "127.0.0.1:1080"')
    refuse_same_addresses(document, doors)
    paths = _read_paths(document, network)
    document.mistakes.raise_any()
    return NetworkFile(
        document.mistakes.file, doors, network, rules, limits, paths, find_warnings(network, paths, rules)
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


def _read_rule(table: Table) -> Rule:
    rule = Rule(
        table.many("host", _host_pattern),
        table.many("cidr", values.cidr),
        table.many("port", values.whole(1, 65535)),
        table.many("user", values.text),
        table.get("redundant", values.flag, False),
    )
    if "redundant" not in table:
        table.wrong("redundant", "the rule does nothing", "write redundant = true")
    table.finish()
    return rule


def _host_pattern(value: object) -> str:
    found = values.text(value)
    literal = parse_literal(found)
    if literal is not None or re.fullmatch(r"[0-9.]+|.*:.*", found):
        raise values.Wrong(f'"{found}" is an address', f'write cidr = "{literal or found}"')
    if found.startswith("*."):
        return "*." + values.host_name(found[2:])
    if "*" in found:
        raise values.Wrong(f'"{found}" has its * in the wrong place', 'only "*.domain.example" is understood')
    return values.host_name(found)


def _read_paths(document: Table, network: Network) -> Mapping[str, Paths]:
    if document.mistakes.any_under("ingress", "node", "line"):
        return {}
    found = {name: find_paths(network, name) for name in network.ingresses}
    exits = [node.name for node in network.nodes.values() if node.exit]
    for name, paths in found.items():
        if not paths.used:
            mend = f"add lines that lead to {' or '.join(exits)}" if exits else "write exit = true at a node"
            document.mistakes.add(("ingress", name), "no path leads from here to an exit", mend)
    return found
