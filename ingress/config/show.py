"""Writes a file as it was understood, every default of limits included; what is written means the same when read."""

import json
from collections.abc import Iterator, Mapping

from ingress.config.alert import Alert, AlertReceiver, Quiet
from ingress.config.allowance import Allowance
from ingress.config.model import DatagramForward, Doors, NetworkFile, Web
from ingress.config.rule import Denial, PortRange, Rule
from ingress.lists.source import ListSource
from relay.config.values import DURATIONS, RATES, SIZES
from relay.model.limits import OF_EXITS, OF_INGRESSES, Limits
from relay.model.network import Address, Line, Node, Proxy, Secret
from relay.model.quota import Counts, Quota


def as_toml(found: NetworkFile) -> str:
    """The text of a file that says what *found* holds."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: NetworkFile) -> Iterator[str]:
    yield "version = 1"
    if found.network.serial:
        yield f"serial = {found.network.serial}"
    for doors in found.ingresses.values():
        yield from _table(f"[ingress.{doors.name}]", _doors(doors))
    for doors in found.ingresses.values():
        for forward in doors.forwards:
            clients = [str(each) for each in forward.clients]
            entries = {"listen": str(forward.listen), "target": str(forward.target), "clients": clients}
            yield from _table("[[forward]]", {**entries, "ingress": doors.name})
        for datagrams in doors.datagram_forwards:
            yield from _table("[[forward]]", {**_datagram_forward(datagrams), "ingress": doors.name})
    for node in found.network.nodes.values():
        yield from _table(f"[node.{node.name}]", _node(node))
    for line in found.network.lines.values():
        yield from _table(f"[line.{line.name}]", _line(line))
    for chain in found.chains:
        yield from _table("[[chain]]", {"name": chain.name, "via": list(chain.via)})
    for rule in found.rules:
        yield from _table("[[rule]]", _rule(rule))
    for allowance in found.allowances:
        yield from _table("[[allowance]]", _allowance(allowance))
    for alert in found.alerts:
        yield from _table("[[alert]]", _alert(alert))
    yield from _table("[limits]", _limits(found.limits))


def _allowance(allowance: Allowance) -> dict[str, object]:
    ways = {"up": allowance.rate.up, "down": allowance.rate.down}
    rate = {way: _quantity(speed, RATES) for way, speed in ways.items() if speed is not None}
    return {
        "user": list(allowance.users),
        "client": [str(each) for each in allowance.clients],
        "together": True if allowance.together else None,
        "rate": rate or None,
        "streams": allowance.streams,
        "associations": allowance.associations,
        "quota": _quota(allowance.quota),
    }


def _quota(quota: Quota | None) -> dict[str, object] | None:
    if quota is None:
        return None
    units = RATES if quota.counts is Counts.P95 else SIZES
    return {
        "amount": None if quota.amount is None else _quantity(quota.amount, units),
        "each": quota.each.value,
        "day": quota.day,
        "zone": quota.zone,
        "counts": None if quota.counts is Counts.BOTH else quota.counts.value,
        "over": "stop" if quota.stops else None,
        "share": dict(quota.shares) or None,
    }


def _alert(alert: Alert) -> dict[str, object]:
    hook = next((each for each in alert.to if each.is_webhook), None)
    return {
        "to": [_receiver(each) for each in alert.to if not each.command and not each.is_webhook],
        "webhook": None if hook is None else _receiver(hook),
        "command": [word for each in alert.to for word in each.command],
        "when": {kind: _quantity(length, DURATIONS) for kind, length in alert.when.items()},
        "quiet": None if alert.quiet is None else _quiet(alert.quiet),
        "lang": alert.language,
    }


def _receiver(receiver: AlertReceiver) -> object:
    return receiver.url if receiver.url is not None else _secret(receiver.secret)


def _quiet(quiet: Quiet) -> dict[str, object]:
    clock = {"from": quiet.start, "to": quiet.end}
    return {**{key: f"{at // 60:02}:{at % 60:02}" for key, at in clock.items()}, "zone": quiet.zone}


def _datagram_forward(forward: DatagramForward) -> dict[str, object]:
    return {
        "listen": str(forward.listen),
        "protocol": "udp",
        "target": str(forward.target),
        "clients": [str(each) for each in forward.clients],
        "idle": _quantity(forward.idle, DURATIONS),
    }


def _table(header: str, entries: dict[str, object]) -> Iterator[str]:
    yield ""
    yield header
    for key, value in entries.items():
        if value not in (None, []):
            yield f"{key} = {_value(value)}"


def _value(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_value(each) for each in value)}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(each)}" for key, each in value.items() if each is not None) + " }"
    return json.dumps(value, ensure_ascii=False).replace(
        "\x7f", "\\u007f"
    )  # TOML's strings are those of JSON, but for DEL


def _doors(doors: Doors) -> dict[str, object]:
    return {
        "listen": [_listen(doors, each) for each in doors.listen],
        "users": None if doors.users is None else str(doors.users),
        "clients": [str(each) for each in doors.clients],
        "answer": doors.answer,
        "state": None if doors.state is None else str(doors.state),
        "via": doors.via,
        "countries": None if doors.countries is None else str(doors.countries),
        "sites": doors.sites,
        "udp": doors.udp,
        "advertise": list(doors.advertise),
        **({} if doors.web is None else _web(doors.web)),
        **({} if doors.machine is None else _machine(doors.machine)),
    }


def _web(web: Web) -> dict[str, object]:
    certificate = None if web.certificate is None else {"file": str(web.certificate), "key": str(web.key)}
    return {
        "web": [str(each) for each in web.listen],
        "web_users": None if web.users is None else str(web.users),
        "web_hosts": list(web.hosts),
        "web_token": _secret(web.token),
        "web_certificate": certificate,
        "web_origins": list(web.origins),
    }


def _machine(machine: Node) -> dict[str, object]:
    return {
        "allow": [{"cidr": str(each.cidr), "reason": each.reason} for each in machine.allow],
        "dns": list(machine.dns),
        "hosts": machine.hosts,
    }


def _node(node: Node) -> dict[str, object]:
    return {
        "address": str(node.address),
        "listen": [str(each) for each in node.listen],
        "exit": node.exit,
        **_machine(node),
        "upstream": _proxy(node.upstream),
        "advertise": list(node.advertise),
        "udp_filter": node.udp_filter.value if node.exit else None,
        "group": node.group,
        "limits": {
            name: value
            for name, value in _limits(node.limits).items()
            if name not in OF_INGRESSES and (node.exit or name not in OF_EXITS)
        },
    }


def _line(line: Line) -> dict[str, object]:
    return {
        "from": line.start,
        "to": line.end,
        "both": line.both,
        "address": str(line.address),
        "group": line.group,
        "provider": line.provider,
        "rate": None if line.rate is None else _quantity(line.rate, RATES),
        "cost": line.cost,
        "backup": line.backup,
        "probe": "lean" if line.is_lean else "full",
        "proxy": _proxy(line.proxy),
        "udp": line.udp if isinstance(line.udp, bool) else str(line.udp),
        "quota": _quota(line.quota),
    }


def _proxy(proxy: Proxy | None) -> dict[str, object] | None:
    if proxy is None:
        return None
    return {"url": f"{proxy.scheme}://{proxy.address}", "user": proxy.user, "password": _secret(proxy.password)}


def _secret(secret: Secret | None) -> dict[str, object] | None:
    return None if secret is None else {"file": secret.file, "env": secret.env}


def _rule(rule: Rule) -> dict[str, object]:
    return {
        "name": rule.name,
        "host": [*map(str, rule.hosts), *map(_list, rule.lists)],
        "cidr": [str(each) for each in rule.cidrs],
        "country": list(rule.countries),
        "resolve": rule.resolve or None,
        "client": [str(each) for each in rule.clients],
        "user": list(rule.users),
        "port": [_ports(each) for each in rule.ports],
        "protocol": list(rule.protocols),
        "listen": list(rule.listens),
        "exit": list(rule.exits),
        "via": list(rule.via),
        "chain": list(rule.chains),
        "avoid": list(rule.avoid),
        "direct": rule.direct or None,
        "else": "any" if rule.falls_through else None,
        "deny": {None: None, Denial.REFUSE: True, Denial.DROP: "drop"}[rule.deny],
        "redundant": rule.redundant,
        "answer": rule.answer,
    }


def _list(source: ListSource) -> dict[str, object]:
    attributes = list(source.attributes) or None
    where = {"file": str(source.file)}
    if source.url is not None:
        where = {"url": source.url, "every": _quantity(source.every, DURATIONS)}
    return {**where, "format": source.format, "name": source.name, "attributes": attributes}


def _ports(ports: PortRange) -> object:
    return ports.first if ports.first == ports.last else str(ports)


def _listen(doors: Doors, address: Address) -> object:
    name = doors.listen_names.get(address)
    return str(address) if name is None else {"address": str(address), "name": name}


def _limits(limits: Limits) -> dict[str, object]:
    return {
        "handshake": _quantity(limits.handshake, DURATIONS),
        "drain": _quantity(limits.drain, DURATIONS),
        "half_closed_idle": _quantity(limits.half_closed_idle, DURATIONS),
        "kept_idle": _quantity(limits.kept_idle, DURATIONS),
        "keepalive": _quantity(limits.keepalive, DURATIONS),
        "memory": _quantity(limits.memory, SIZES),
        "streams": limits.streams,
    }


def _quantity(value: float, units: Mapping[str, float]) -> str:
    """*value* in the largest unit that needs no fraction, else in the smallest."""
    for unit, worth in sorted(units.items(), key=lambda each: -each[1]):
        count = value / worth
        if count >= 1 and count == int(count):
            return f"{int(count)}{unit}"
    unit, worth = min(units.items(), key=lambda each: each[1])
    return f"{value / worth:f}".rstrip("0").rstrip(".") + unit
