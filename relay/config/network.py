"""The part of the file that every node reads: nodes, lines, and the names of the ingresses.

Strict in these three tables and `serial`, and blind to the rest: a new option for ingresses never stops an old relay.
"""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from relay.config import values
from relay.config.limits import read_node_limits
from relay.config.listening import refuse_overlaps
from relay.config.mistakes import nearest
from relay.config.quota import read_line_quota
from relay.config.table import Table, read_document, read_version
from relay.errors import OperatorError
from relay.model.network import Address, Allowed, Line, Network, Node, Proxy, Secret, UdpFilter

SCHEMES = {"socks5": "socks5", "socks5h": "socks5", "socks4": "socks4"}
HIGHEST_SERIAL = 2**63 - 1
EXIT_KEYS = ("allow", "upstream", "dns", "hosts", "advertise", "udp_filter")


def load_network(path: Path | str) -> Network:
    """What a relay has to know of the file at *path*. ConfigError holds everything that is wrong with it."""
    document = read_document(Path(path))
    read_version(document)
    network = read_network(document)
    document.mistakes.raise_any()
    return network


def find_node(network: Network, name: str) -> Node:
    """The node called *name*; OperatorError names the nearest."""
    if name in network.nodes:
        return network.nodes[name]
    if name in network.ingresses:
        raise OperatorError(f'"{name}" is an ingress, not a node; run: ingress serve {name}')
    raise OperatorError(f'there is no node "{name}" in the file; {nearest(name, network.nodes)}')


def read_network(document: Table) -> Network:
    """Nodes, lines and names of ingresses. What is wrong stands in the document's mistakes and is left out here."""
    ingresses, nodes, lines = (document.named(kind) for kind in ("ingress", "node", "line"))
    read_nodes = {name: _read_node(name, table) for name, table in nodes.items()}
    read_lines = {name: _read_line(name, table, tuple(ingresses), read_nodes) for name, table in lines.items()}
    _refuse_collisions(ingresses, nodes, lines, read_nodes, read_lines)
    return Network(
        tuple(ingresses),
        {name: node for name, node in read_nodes.items() if node is not None},
        {name: line for name, line in read_lines.items() if line is not None},
        document.get("serial", values.whole(0, HIGHEST_SERIAL), 0),
    )


def _read_node(name: str, table: Table) -> Node | None:
    address = table.need("address", values.address, 'write where it is dialled: address = "203.0.113.10:48350"')
    listen = table.many("listen", values.listen_address)
    refuse_overlaps(table.mistakes, [((*table.key, "listen"), each) for each in listen])
    is_exit = table.get("exit", values.flag, False)
    allow = tuple(found for each in table.array("allow") if (found := read_allowed(each)) is not None)
    upstream = _read_proxy(table.table("upstream"))
    dns = table.many("dns", values.ip)
    hosts = table.file("hosts")
    advertise = table.many("advertise", values.ip)
    udp_filter = table.get("udp_filter", values.udp_filter, UdpFilter.NONE)
    group = table.get("group", values.name, None)
    limits = read_node_limits(table.table("limits"), is_exit=is_exit)
    for key in EXIT_KEYS:
        if key in table and not is_exit:
            table.wrong(key, "only exits connect to targets", "write exit = true, or take it out")
    table.finish()
    if address is None:
        return None
    hosts_file = None if hosts is None else str(hosts)
    places = listen or _everywhere(address.port)
    return Node(name, address, places, is_exit, allow, upstream, dns, hosts_file, advertise, udp_filter, group, limits)


def _everywhere(port: int) -> tuple[Address, ...]:
    return (Address("0.0.0.0", port), Address("::", port))


def read_allowed(table: Table) -> Allowed | None:
    """One of `allow`. What is wrong stands in the table's mistakes."""
    cidr = table.need("cidr", values.cidr, 'write the range: cidr = "192.168.7.0/24"')
    reason = table.need("reason", values.text, 'say why an exit may dial it: reason = "…"')
    table.finish()
    return None if cidr is None or reason is None else Allowed(cidr, reason)


def _read_line(name: str, table: Table, ingresses: tuple[str, ...], nodes: Mapping[str, Node | None]) -> Line | None:
    start = table.need("from", values.name, 'write the ingress or node it starts at: from = "…"')
    end = table.need("to", values.name, 'write the node it leads to: to = "…"')
    both = table.get("both", values.flag, False)
    address = table.get("address", values.address, None)
    group = table.get("group", values.name, None)
    provider = table.get("provider", values.text, None)
    rate = table.get("rate", values.rate, None)
    cost = table.get("cost", values.amount, 0.0)
    backup = table.get("backup", values.flag, False)
    proxy = _read_proxy(table.table("proxy"))
    probe = table.get("probe", values.probe, False)
    udp = table.get("udp", values.udp, proxy is None)
    quota = read_line_quota(table.table("quota"), ingresses)
    if udp is True and proxy is not None:
        table.wrong("udp", "no datagrams go through a proxy", 'write udp = "host:port" for another way, or false')
    table.finish()
    if start is None or end is None or not _leads_somewhere(table, start, end, both, ingresses, nodes):
        return None
    address = address or getattr(nodes[end], "address", None)
    if address is None:
        return None
    return Line(name, start, end, address, both, group, provider, rate, cost, backup, proxy, udp, probe, quota)


def _leads_somewhere(
    table: Table, start: str, end: str, both: bool, ingresses: tuple[str, ...], nodes: Mapping[str, Node | None]
) -> bool:
    """Whether both ends exist and may be ends; says so if not."""
    is_right = start in nodes or start in ingresses
    if not is_right:
        table.wrong("from", f'there is no node or ingress "{start}"', nearest(start, (*ingresses, *nodes)))
    if end not in nodes:
        what = f'"{end}" is an ingress' if end in ingresses else f'there is no node "{end}"'
        table.wrong("to", what, "a line leads to a node" if end in ingresses else nearest(end, nodes))
        return False
    if start == end:
        table.wrong("to", "the line ends where it starts", "name another node")
        return False
    if both and start in ingresses:
        table.wrong("both", "nobody can walk a line to an ingress", "take both out, or start the line at a node")
        return False
    return is_right


def _read_proxy(table: Table | None) -> Proxy | None:
    if table is None:
        return None
    found = table.need("url", _proxy_url, 'write url = "socks5://host:1080"')
    user = table.get("user", values.text, None)
    password = table.get("password", lambda value: read_secret_place(value, table.folder), None)
    if password is not None and user is None:
        table.wrong("user", "is missing, but there is a password", 'write user = "…"')
    table.finish()
    return None if found is None else Proxy(*found, user, password)


def _proxy_url(value: object) -> tuple[str, Address]:
    url = values.text(value)
    parts = _split(url)
    if parts is None or parts.scheme not in SCHEMES:
        raise values.Wrong(f'"{url}" is not a SOCKS proxy', "write socks5://host:port or socks4://host:port")
    if "@" in parts.netloc:
        raise values.Wrong("the URL holds a password", 'write user = "…" and password = { file = "…" } beside url')
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise values.Wrong(f'"{url}" goes on behind the port', "end it there")
    return SCHEMES[parts.scheme], values.address(parts.netloc)


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:  # a bracket that is not closed
        return None


def read_secret_place(value: object, folder: Path) -> Secret:
    """Where a password is found. Files are relative to *folder*."""
    mend = 'write { file = "NAME" } or { env = "NAME" }'
    if not isinstance(value, dict):
        raise values.Wrong("a password does not stand in this file", mend)
    if len(value) != 1 or not value.keys() <= {"file", "env"}:
        raise values.Wrong("not one of file and env", mend)
    if "file" in value:
        return Secret(file=str(folder / values.text(value["file"])))
    return Secret(env=values.text(value["env"]))


def _refuse_collisions(
    ingresses: Mapping[str, Table],
    nodes: Mapping[str, Table],
    lines: Mapping[str, Table],
    read_nodes: Mapping[str, Node | None],
    read_lines: Mapping[str, Line | None],
) -> None:
    """Names of ingresses, nodes, lines and groups stand for one thing each."""
    owner: dict[str, str] = {}
    for kind, tables in (("an ingress", ingresses), ("a node", nodes), ("a line", lines)):
        for name, table in tables.items():
            if name in owner:
                table.mistakes.add(
                    table.key, f'"{name}" is already the name of {owner[name]}', "call one of them otherwise"
                )
            owner.setdefault(name, kind)
    for one in (*read_nodes.values(), *read_lines.values()):
        if one is None or one.group is None:
            continue
        kind, tables = ("nodes", nodes) if isinstance(one, Node) else ("lines", lines)
        if owner.setdefault(one.group, f"a group of {kind}") != f"a group of {kind}":
            what = f'"{one.group}" is already the name of {owner[one.group]}'
            tables[one.name].wrong("group", what, "call the group otherwise")
