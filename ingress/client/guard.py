"""Who may enter, and what the ingress itself knows of a target: what every exit would refuse is refused here, truly.

Verdicts are pure and remembered by address or host, within bounds.
"""

import ipaddress

from ingress.config import Forward, IngressConfig
from relay.model.cause import Cause
from relay.model.network import IpNetwork
from relay.policy import Policy, parse_literal

MOST_REMEMBERED = 4096
LOCALHOST = ("localhost", ".localhost")
"""RFC 6761 section 6.3: names that mean the exit itself."""


class Guard:
    """Verdicts for one config."""

    def __init__(self, config: IngressConfig, has_users: bool) -> None:
        self._config = config
        self._has_users = has_users
        self._admitted: dict[str, bool | None] = {}
        self._exits: dict[tuple[str, int], frozenset[str] | None] = {}
        self._all_exits = frozenset(path.end for path in (*config.paths.used, *config.paths.spare))
        self._policies = {name: Policy(config.network.nodes[name].allow) for name in self._all_exits}
        self._listening = {(ipaddress.ip_address(at.host), at.port) for at in config.listen}

    def admission(self, address: str) -> bool | None:
        """Whether a client from *address* needs a password; None if it may not enter at all."""
        if address not in self._admitted:
            if len(self._admitted) >= MOST_REMEMBERED:
                self._admitted.clear()
            self._admitted[address] = self._judge(address)
        return self._admitted[address]

    def _judge(self, address: str) -> bool | None:
        if _is_in(self._config.clients, address):
            return False
        if self._has_users:
            return True
        return None if self._config.clients and not _is_loopback(address) else False

    def may_use(self, forward: Forward, address: str) -> bool:
        """Whether a client from *address* may use *forward*."""
        return not forward.clients or _is_in(forward.clients, address) or _is_loopback(address)

    def refusal(self, host: str, port: int) -> Cause | None:
        """Why no exit would dial *host*, if that is known here."""
        literal = parse_literal(host)
        if literal is not None and (literal, port) in self._listening:
            return Cause.LOOP
        exits = self.permitted_exits(host, port)
        return Cause.POLICY if exits is not None and not exits else None

    def permitted_exits(self, host: str, port: int) -> frozenset[str] | None:
        """The exits that may dial a literal *host*; None for names, which only the exits can judge."""
        key = (host, port)
        if key not in self._exits:
            if len(self._exits) >= MOST_REMEMBERED:
                self._exits.clear()
            self._exits[key] = self._permit(host, port)
        return self._exits[key]

    def _permit(self, host: str, port: int) -> frozenset[str] | None:
        literal = ipaddress.ip_address("127.0.0.1") if _is_localhost(host) else parse_literal(host)
        if literal is None:
            return None
        refusing = {name for name, policy in self._policies.items() if policy.refusal(literal, port) is not None}
        return None if not refusing else self._all_exits - refusing


def _is_localhost(host: str) -> bool:
    name = host.lower().rstrip(".")
    return name == LOCALHOST[0] or name.endswith(LOCALHOST[1])


def _is_in(networks: tuple[IpNetwork, ...], address: str) -> bool:
    ip = _plain(address)
    return any(ip in network for network in networks if network.version == ip.version)


def _is_loopback(address: str) -> bool:
    return _plain(address).is_loopback


def _plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address without a zone; IPv4 that came over an IPv6 socket as IPv4."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    return ip.ipv4_mapped or ip if isinstance(ip, ipaddress.IPv6Address) else ip
