"""Which `[[rule]]` a connection falls under: the first that matches."""

from collections.abc import Iterable, Sequence

from ingress.config import Rule
from ingress.lru import Lru
from relay.model.addresses import is_inside
from relay.model.hosts import parse_literal
from relay.model.network import IpNetwork

MOST = 16_384


class Rules:
    """The rules of an ingress, in the order of the file."""

    __slots__ = ("_found", "_rules")

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(rules)
        self._found: Lru[tuple[str, int, str], list[Rule]] = Lru(MOST)

    def match(self, host: str, port: int, user: str) -> Rule | None:
        """The first rule that matches; *user* is empty if nobody logged in."""
        key = (host, port, user)
        found = self._found.get(key)
        if found is None:
            found = [rule for rule in self._rules if _matches(rule, host, port, user)][:1]
            self._found.put(key, found)
        return found[0] if found else None


def _matches(rule: Rule, host: str, port: int, user: str) -> bool:
    return (
        (not rule.ports or port in rule.ports)
        and (not rule.users or user in rule.users)
        and (not rule.hosts or _is_named(host.lower().rstrip("."), rule.hosts))
        and (not rule.cidrs or _is_inside(host, rule.cidrs))
    )


def _is_named(host: str, patterns: Sequence[str]) -> bool:
    return any(host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern for pattern in patterns)


def _is_inside(host: str, cidrs: Sequence[IpNetwork]) -> bool:
    address = parse_literal(host)
    return address is not None and is_inside(address, cidrs)
