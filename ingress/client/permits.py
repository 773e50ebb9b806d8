"""What the ingress itself knows of a target: which exits may dial it, and what every exit would refuse."""

import ipaddress

from ingress.config import IngressConfig
from ingress.lru import Lru
from relay.model.addresses import is_localhost
from relay.model.cause import Cause
from relay.model.hosts import parse_literal
from relay.policy import Policy

MOST_REMEMBERED = 4096
LOOPBACK = ipaddress.ip_address("127.0.0.1")


class Permits:
    """Verdicts for one config."""

    def __init__(self, config: IngressConfig) -> None:
        self._all = frozenset(path.end for path in (*config.paths.used, *config.paths.spare))
        self._policies = {name: Policy(config.network.nodes[name].allow) for name in self._all}
        self._listening = {(ipaddress.ip_address(at.host), at.port) for at in config.listen}
        self._judged: Lru[tuple[str, int], tuple[frozenset[str] | None]] = Lru(MOST_REMEMBERED)

    def refusal(self, host: str, port: int) -> Cause | None:
        """Why no exit would dial *host*, if that is known here."""
        literal = parse_literal(host)
        if literal is not None and (literal, port) in self._listening:
            return Cause.LOOP
        exits = self.exits(host, port)
        return Cause.POLICY if exits is not None and not exits else None

    def exits(self, host: str, port: int) -> frozenset[str] | None:
        """The exits that may dial a literal *host*; None for all, and for names, which only the exits can judge."""
        key = host, port
        found = self._judged.peek(key)
        if found is None:
            found = (self._judge(host, port),)
            self._judged.put(key, found)
        return found[0]

    def _judge(self, host: str, port: int) -> frozenset[str] | None:
        literal = LOOPBACK if is_localhost(host) else parse_literal(host)
        if literal is None:
            return None
        refusing = {name for name, policy in self._policies.items() if policy.refusal(literal, port) is not None}
        return None if not refusing else self._all - refusing

    def __len__(self) -> int:
        return len(self._judged)
