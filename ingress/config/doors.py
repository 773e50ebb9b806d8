"""Where clients enter: `[ingress.NAME]` and `[[forward]]`.

What must stay true: what listens off loopback says who may come in, by password or by address.
"""

from collections.abc import Mapping

import attrs

from ingress.config.model import DatagramForward, Doors, Forward
from ingress.config.web import read_web
from relay.config import values
from relay.config.listening import refuse_overlaps
from relay.config.mistakes import nearest
from relay.config.network import read_allowed
from relay.config.table import Table
from relay.model.addresses import is_loopback
from relay.model.network import Address, Node

IDLE = 3600.0
"""Seconds for which a client of a forward for datagrams may say nothing, by itself: WireGuard, asleep, says something
every two minutes, and a game may be left alone for a while."""


def read_doors(document: Table) -> Mapping[str, Doors]:
    """The doors of every ingress. What is wrong stands in the document's mistakes."""
    doors = {name: _read_ingress(name, table) for name, table in document.named("ingress").items()}
    for table in document.array("forward"):
        owner = _owner(table, doors)
        forward = _read_forward(table)
        if owner is not None and forward is not None:
            doors[owner] = _with(doors[owner], forward)
    return doors


def _with(doors: Doors, forward: Forward | DatagramForward) -> Doors:
    if isinstance(forward, Forward):
        return attrs.evolve(doors, forwards=(*doors.forwards, forward))
    return attrs.evolve(doors, datagram_forwards=(*doors.datagram_forwards, forward))


def refuse_same_addresses(document: Table, doors: Mapping[str, Doors]) -> None:
    """Note where one ingress would listen twice at an address."""
    for each in doors.values():
        listen = [(("ingress", each.name, "listen"), address) for address in each.listen]
        forwards = [(("forward",), forward.listen) for forward in each.forwards]
        web = () if each.web is None else each.web.listen
        page = [(("ingress", each.name, "web"), address) for address in web]
        refuse_overlaps(document.mistakes, [*listen, *forwards, *page])
        refuse_overlaps(document.mistakes, [(("forward",), forward.listen) for forward in each.datagram_forwards])


def _read_ingress(name: str, table: Table) -> Doors:
    entries = table.need_many("listen", _listen_entry, 'write listen = "127.0.0.1:1080"')
    listen = tuple(address for address, _ in entries)
    users = table.file("users")
    clients = table.many("clients", values.cidr)
    answer = table.get("answer", values.one_of("auto", "true"), "auto")
    state = table.file("state")
    sites = table.get("sites", values.flag, True)
    via = table.get("via", values.name, None)
    web = read_web(table)
    machine = _read_machine(name, table, listen, () if web is None else web.listen)
    udp = table.get("udp", values.flag, True)
    advertise = table.many("advertise", values.ip)
    countries = table.file("countries")
    table.finish()
    if "users" not in table and "clients" not in table:
        _refuse_open(
            table, listen, 'write users = "users.toml", or clients = ["192.168.1.0/24"], or listen at 127.0.0.1'
        )
    names = {address: named for address, named in entries if named is not None}
    _refuse_same_names(table, [named for _, named in entries if named is not None])
    return Doors(
        name,
        listen,
        users,
        clients,
        answer,
        state,
        sites,
        via,
        listen_names=names,
        countries=countries,
        machine=machine,
        udp=udp,
        advertise=advertise,
        web=web,
    )


def _read_machine(name: str, table: Table, listen: tuple[Address, ...], page: tuple[Address, ...]) -> Node | None:
    """What this machine may dial itself, for rules that say `direct`, and by which name servers: nothing that listens
    here, the *page* neither."""
    allow = tuple(found for each in table.array("allow") if (found := read_allowed(each)) is not None)
    dns = table.many("dns", values.ip)
    hosts = table.file("hosts")
    if not listen:
        return None
    hosts_file = None if hosts is None else str(hosts)
    return Node(name, listen[0], (*listen, *page), exit=True, allow=allow, dns=dns, hosts=hosts_file)


def _listen_entry(value: object) -> tuple[Address, str | None]:
    """An address, or `{ address = …, name = … }`: rules may say the name."""
    if not isinstance(value, dict):
        return values.listen_address(value), None
    for key in value:
        if key not in ("address", "name"):
            raise values.Wrong(f'"{key}" is not a key of an address to listen at', nearest(key, ("address", "name")))
    if "address" not in value:
        raise values.Wrong("an address to listen at without one", 'write { address = "127.0.0.1:1081", name = "us" }')
    return values.listen_address(value["address"]), values.name(value["name"]) if "name" in value else None


def _refuse_same_names(table: Table, names: list[str]) -> None:
    for at, name in enumerate(names):
        if name in names[:at]:
            table.wrong("listen", f'two addresses are named "{name}"', "call one of them otherwise")


def _read_forward(table: Table) -> Forward | DatagramForward | None:
    listen = table.need("listen", values.listen_address, 'write listen = "127.0.0.1:31784"')
    target = table.need("target", values.address, 'write target = "game.example:443"')
    clients = table.many("clients", values.cidr)
    is_udp = table.get("protocol", values.one_of("tcp", "udp"), "tcp") == "udp"
    idle = table.get("idle", values.duration, IDLE) if is_udp else IDLE
    table.finish()
    if listen is None or target is None:
        return None
    if not clients:
        _refuse_open(table, (listen,), 'write clients = ["192.168.1.0/24"], or listen at 127.0.0.1')
    return DatagramForward(listen, target, clients, idle) if is_udp else Forward(listen, target, clients)


def _owner(table: Table, doors: Mapping[str, Doors]) -> str | None:
    """The name of the ingress that a forward belongs to."""
    owner = table.get("ingress", values.name, None)
    if owner in doors:
        return owner
    if owner is not None:
        table.wrong("ingress", f'there is no ingress "{owner}"', nearest(owner, doors))
    elif "ingress" not in table and len(doors) == 1:
        return next(iter(doors))
    elif "ingress" not in table and doors:
        table.wrong("ingress", "is missing", f"say at which it listens: {', '.join(doors)}")
    return None


def _refuse_open(table: Table, listen: tuple[Address, ...], mend: str) -> None:
    for address in listen:
        if not is_loopback(address.host):
            table.wrong("listen", f"{address} is open to everybody who reaches it", mend)
