"""`/rules` and `/configs`: what the file says, as far as Clash has words for it."""

from collections.abc import Sequence
from typing import Any

from ingress.clash.proxies import AUTO, DIRECT, REJECT
from ingress.config import IngressConfig, Rule
from relay.model.addresses import is_loopback


def rules(found: Sequence[Rule]) -> dict[str, Any]:
    """Every rule in one row, in words, and what is taken where none matches."""
    rows = [(rule.title, rule.conditions, _proxy_of(rule)) for rule in found]
    every = [*rows, ("Match", "", AUTO)]
    return {
        "rules": [
            {"index": index, "type": kind, "payload": payload, "proxy": proxy, "size": -1}
            for index, (kind, payload, proxy) in enumerate(every)
        ]
    }


def _proxy_of(rule: Rule) -> str:
    """What it leads to: one name, if it has one."""
    if rule.deny is not None:
        return REJECT
    return DIRECT if rule.direct else rule.does or AUTO


def configs(config: IngressConfig, log_level: str) -> dict[str, Any]:
    """Ports and the like."""
    first = config.listen[0]
    return {
        "mode": "rule",
        "mode-list": ["rule"],
        "modes": ["rule"],
        "mixed-port": first.port,
        "port": 0,
        "socks-port": 0,
        "redir-port": 0,
        "tproxy-port": 0,
        "allow-lan": any(not is_loopback(at.host) for at in config.listen),
        "bind-address": first.host,
        "log-level": log_level,
        "ipv6": True,
        "tun": {"enable": False},
    }
