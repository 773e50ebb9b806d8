"""Reads `[[rule]]`."""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from ingress.config.allowance import ANYBODY
from ingress.config.chains import Chain, names_of, refuse_bad_via
from ingress.config.model import Doors
from ingress.config.rule import Denial, NamePattern, PortRange, Rule
from ingress.lists.entries import Scope
from ingress.lists.formats import FORMATS, GEOSITE, V2FLY
from ingress.lists.source import ListSource, split_url
from relay.config import values
from relay.config.mistakes import nearest
from relay.config.table import Table
from relay.model.addresses import plain
from relay.model.hosts import parse_literal
from relay.model.network import Network

ACTIONS = ("exit", "via", "chain", "direct", "deny")
"""Of which a rule has one at most."""
ADDITIONS = ("avoid", "redundant", "answer")
"""What it may say besides, or alone."""
SELDOM = 600.0
"""Seconds between two times that a list is fetched, at least."""
RARE = 400 * 86400.0
"""And at most."""
OF_PATHS = ("exit", "via", "chain", "avoid")
"""What leaves some exits or paths only."""


def read_rules(
    document: Table, network: Network, doors: Mapping[str, Doors], chains: Sequence[Chain] = ()
) -> tuple[Rule, ...]:
    """The rules, in the order of the file. What is wrong stands in the document's mistakes."""
    named = {chain.name: chain.via for chain in chains if chain.name is not None}
    rules = [_read_rule(table, network, doors, named) for table in document.array("rule")]
    _refuse_same_names(document, rules)
    return tuple(rules)


def _read_rule(
    table: Table, network: Network, doors: Mapping[str, Doors], chains: Mapping[str, tuple[str, ...]]
) -> Rule:
    targets = table.some("host", lambda value: _target(value, table.folder))
    exits = table.many("exit", values.name)
    listens = table.some("listen", _listen)
    via, chain, avoid = (table.many(key, values.name) for key in ("via", "chain", "avoid"))
    rule = Rule(
        place=table.mistakes.place_of(table.key),
        name=table.get("name", values.name, None),
        hosts=tuple(one for one in targets if isinstance(one, NamePattern)),
        lists=tuple(one for one in targets if isinstance(one, ListSource)),
        cidrs=table.some("cidr", values.cidr),
        countries=table.some("country", _country),
        resolve=table.get("resolve", values.flag, False),
        clients=table.some("client", values.cidr),
        users=table.some("user", _user),
        ports=table.some("port", _port_range),
        protocols=table.some("protocol", values.one_of("tcp", "udp")),
        listens=listens,
        exits=exits,
        exit_nodes=_exit_nodes(table, exits, network) if "exit" in table else None,
        via=via,
        chains=chain,
        follows=_followed(table, via, chain, chains, network),
        avoid=avoid,
        direct=table.get("direct", _direct, False),
        deny=table.get("deny", _denial, None),
        falls_through=table.get("else", values.one_of("any"), None) == "any",
        redundant=table.get("redundant", values.flag, None),
        answer=table.get("answer", _answer, None),
    )
    _refuse_unknown_listens(table, listens, doors)
    _refuse_unknown_to_avoid(table, avoid, network)
    if rule.countries and doors and all(each.countries is None for each in doors.values()):
        table.wrong("country", "there is no database of countries", 'write countries = "country.mmdb" at the ingress')
    if rule.resolve and not (rule.cidrs or rule.countries or rule.lists):
        mend = "add cidr, country or a list of networks, or take resolve out"
        table.wrong("resolve", "has names looked up, and the rule names no addresses", mend)
    _refuse_contradictions(table)
    table.finish()
    return rule


def _refuse_contradictions(table: Table) -> None:
    actions = [key for key in ACTIONS if key in table]
    additions = [key for key in ADDITIONS if key in table]
    if not actions and not additions:
        mend = "write " + ", ".join((*ACTIONS, *ADDITIONS[:-1])) + f" or {ADDITIONS[-1]}"
        table.mistakes.add(table.key, "the rule does nothing", mend)
    for key in actions[1:]:
        table.wrong(key, f"the rule has {actions[0]} already", f"take {key} or {actions[0]} out")
    for key in additions if "deny" in table else ():
        table.wrong(key, "what is denied is not carried", f"take {key} or deny out")
    for key in ("redundant", "avoid") if "direct" in table else ():
        if key in table:
            table.wrong(key, "what goes direct goes over no line", f"take {key} or direct out")
    if "else" in table and not any(key in table for key in OF_PATHS):
        table.wrong(
            "else", "is for rules that leave some exits or paths only", "take it out, or add exit, via or avoid"
        )


def _refuse_same_names(document: Table, rules: list[Rule]) -> None:
    names: dict[str, str] = {}
    for at, rule in enumerate(rules):
        if rule.name is not None and names.setdefault(rule.name, rule.place) != rule.place:
            what = f'"{rule.name}" is already the name of {names[rule.name]}'
            document.mistakes.add(("rule", at, "name"), what, "call one of them otherwise")


# ---- conditions


def _target(value: object, folder: Path) -> NamePattern | ListSource:
    return _list_source(value, folder) if isinstance(value, dict) else _name_pattern(value)


def _name_pattern(value: object) -> NamePattern:
    found = values.text(value)
    literal = parse_literal(found)
    if literal is not None:
        raise values.Wrong(f'"{found}" is an address', f'write cidr = "{plain(literal)}"')
    _refuse_more_than_a_name(found)
    for mark, scope in (("*.", Scope.BELOW), ("=", Scope.ITSELF)):
        if found.startswith(mark):
            return NamePattern(scope, values.host_name(found.removeprefix(mark)))
    if "*" in found:
        mend = '"name" covers a name and all below it, "*.name" only what is below, "=name" only itself'
        raise values.Wrong(f'"{found}" has its * in the wrong place', mend)
    return NamePattern(Scope.COVERED, values.host_name(found))


def _refuse_more_than_a_name(found: str) -> None:
    """A URL, or a host with its port: what of it is the condition."""
    parts = split_url(found)
    host, _, port = found.rpartition(":") if parts is None else (parts.hostname or "", "", "")
    if parts is None and not re.fullmatch(r"[0-9]{1,5}", port):
        return
    literal = parse_literal(host.strip("[]"))
    if literal is None and ":" in host:
        return
    mend = f'write host = "{host}"' if literal is None else f'write cidr = "{plain(literal)}"'
    if parts is not None:
        raise values.Wrong(f'"{found}" is a URL', mend)
    raise values.Wrong(f'"{found}" has a port', f"{mend} and port = {int(port)}")


def _list_source(value: Mapping[str, object], folder: Path) -> ListSource:
    keys = ("file", "url", "every", "format", "name", "attributes")
    for key in value:
        if key not in keys:
            raise values.Wrong(f'"{key}" is not a key of a list', nearest(key, keys))
    if ("file" in value) == ("url" in value):
        what = "a list with a file and a url" if "file" in value else "a list without a file"
        raise values.Wrong(what, 'write { file = "names.txt" }, or { url = "https://…", every = "1d" }')
    if "every" in value and "url" not in value:
        raise values.Wrong("only what is fetched has every", "take it out, or write url")
    format_ = values.one_of(*FORMATS)(value["format"]) if "format" in value else None
    name = values.text(value["name"]) if "name" in value else None
    marks = value.get("attributes", [])
    attributes = tuple(values.text(one) for one in (marks if isinstance(marks, list) else [marks]))
    if name is not None and format_ not in (None, GEOSITE):
        raise values.Wrong(f"{format_} has no lists with names", 'take name out, or write format = "geosite"')
    if attributes and format_ not in (GEOSITE, V2FLY) and name is None:
        raise values.Wrong("only geosite and v2fly have attributes", "take them out, or name the format")
    if "url" not in value:
        return ListSource(folder / values.text(value["file"]), format_, name, attributes)
    url, every = _url(value["url"]), values.duration(value.get("every", "1d"))
    if every < SELDOM:
        raise values.Wrong(f'every = "{value["every"]}" is too often', 'write "10m" or more: lists change once a day')
    if every > RARE:
        raise values.Wrong(f'every = "{value["every"]}" is too seldom', 'write "400d" or less: lists change once a day')
    return ListSource(Path(hashlib.sha256(url.encode()).hexdigest()[:16]), format_, name, attributes, url, every)


def _url(value: object) -> str:
    found = values.text(value)
    parts = split_url(found)
    if parts is None:
        raise values.Wrong(f'"{found}" is no URL of a list', 'write it as "https://lists.example/cn.txt"')
    if "@" in parts.netloc:
        raise values.Wrong("a URL with a name or a password, which are not sent", "take out what stands before the @")
    return found


def _user(value: object) -> str:
    if value == ANYBODY:
        raise values.Wrong('"*" is nobody\'s name', "leave user out, or name some")
    return values.text(value)


def _country(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z]{2}", value):
        return value.upper()
    raise values.Wrong(f"{values.shown(value)} is not a country", 'write its two letters, as "CN"')


def _port_range(value: object) -> PortRange:
    if isinstance(value, str) and (found := re.fullmatch(r"([0-9]{1,5})-([0-9]{1,5})", value)) is not None:
        first, last = map(int, found.groups())
        if 1 <= first <= last <= 65535:
            return PortRange(first, last)
        raise values.Wrong(
            f'"{value}" is not a range of ports', 'write the lower one first, from 1 to 65535, as "6000-6100"'
        )
    if isinstance(value, str):
        raise values.Wrong(f'"{value}" is not a range of ports', 'write 443, or "6000-6100"')
    port = values.whole(1, 65535)(value)
    return PortRange(port, port)


def _listen(value: object) -> str | int:
    if isinstance(value, str):
        return values.name(value)
    return values.whole(1, 65535)(value)


def _refuse_unknown_listens(table: Table, listens: tuple[str | int, ...], doors: Mapping[str, Doors]) -> None:
    names = {name for each in doors.values() for name in each.listen_names.values()}
    ports = {
        one.port
        for each in doors.values()
        for one in (
            *each.listen,
            *(forward.listen for forward in each.forwards),
            *(forward.listen for forward in each.datagram_forwards),
        )
    }
    for one in listens:
        if isinstance(one, str) and one not in names:
            mend = (
                nearest(one, names)
                if names
                else f'name one: listen = [{{ address = "127.0.0.1:1081", name = "{one}" }}]'
            )
            table.wrong("listen", f'no address to listen at is named "{one}"', mend)
        elif isinstance(one, int) and ports and one not in ports:
            table.wrong("listen", f"no ingress listens at port {one}", nearest(str(one), map(str, ports)))


# ---- actions


def _exit_nodes(table: Table, exits: tuple[str, ...], network: Network) -> frozenset[str]:
    """The nodes that *exits*, names of nodes and groups, stand for."""
    groups: dict[str, set[str]] = {}
    for node in network.nodes.values():
        if node.exit and node.group is not None:
            groups.setdefault(node.group, set()).add(node.name)
    every = {node.name for node in network.nodes.values() if node.exit}
    found: set[str] = set()
    for name in exits:
        if name in every:
            found.add(name)
        elif name in groups:
            found |= groups[name]
        elif name in network.nodes:
            table.wrong(
                "exit",
                f'"{name}" is no exit',
                f"write exit = true at node.{name}, or name one: {', '.join(sorted(every))}",
            )
        else:
            table.wrong("exit", f'there is no exit "{name}"', nearest(name, every | groups.keys()))
    if not exits:
        table.wrong("exit", "an empty list of exits lets nothing through", "name one, or write deny = true")
    return frozenset(found)


def _followed(
    table: Table,
    via: tuple[str, ...],
    names: tuple[str, ...],
    chains: Mapping[str, tuple[str, ...]],
    network: Network,
) -> tuple[tuple[str, ...], ...]:
    """What the paths of a rule must follow one of."""
    for key, said in (("via", via), ("chain", names)):
        if key in table and not said:
            table.wrong(key, "an empty list lets nothing through", "name some, or write deny = true")
    if via:
        refuse_bad_via(table, via, network)
        return (via,)
    for name in names:
        if name not in chains:
            table.wrong("chain", f'there is no chain "{name}"', _nearest_chain(name, chains))
    return tuple(chains[name] for name in names if name in chains)


def _nearest_chain(name: str, chains: Collection[str]) -> str:
    return nearest(name, chains) if chains else f'write [[chain]] with name = "{name}" and via'


def _refuse_unknown_to_avoid(table: Table, avoid: tuple[str, ...], network: Network) -> None:
    if table.mistakes.any_under("node", "line"):
        return
    providers = {line.provider for line in network.lines.values() if line.provider is not None}
    known = names_of(network) | providers
    for name in avoid:
        if name not in known:
            table.wrong("avoid", f'"{name}" is no line, node, group of either, or provider', nearest(name, known))
    if "avoid" in table and not avoid:
        table.wrong("avoid", "an empty list avoids nothing", "take it out")


def _direct(value: object) -> bool:
    if value is True:
        return True
    raise values.Wrong(f"{values.shown(value)} says nothing", "write direct = true, or take it out")


def _denial(value: object) -> Denial:
    if value is True:
        return Denial.REFUSE
    if value == Denial.DROP.value:
        return Denial.DROP
    raise values.Wrong(f"{values.shown(value)} is no way to deny", 'write deny = true, or deny = "drop"')


def _answer(value: object) -> str:
    if value == "aggregate":
        raise values.Wrong("aggregate is a word for later", 'write "auto" or "true"')
    return values.one_of("auto", "true")(value)
