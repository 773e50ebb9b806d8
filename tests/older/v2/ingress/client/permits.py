"""What the ingress itself knows of a target: which exits may dial it, and what every exit would refuse."""

import ipaddress

import attrs

from ingress.config import IngressConfig
from ingress.lru import Lru
from relay.model.addresses import is_localhost
from relay.model.cause import Cause
from relay.model.hosts import parse_literal
from relay.policy import Policy

MOST_REMEMBERED = 4096
LOOPBACK = ipaddress.IPv4Address("127.0.0.1")


@attrs.frozen
class Permit:
    """What is known of one target."""

    exits: frozenset[str] | None
    """The exits that may dial a literal address; None for all, and for names, which only the exits can judge."""
    refusal: Cause | None
    """Why none of them would."""


class Permits:
    """Verdicts for one config."""

    def __init__(self, config: IngressConfig) -> None:
        self._all = frozenset(path.end for path in (*config.paths.used, *config.paths.spare))
        self._policies = {name: Policy(config.network.nodes[name].allow) for name in self._all}
        self._listening = {(parse_literal(at.host), at.port) for at in config.listen}
        self._judged: Lru[tuple[str, int], Permit] = Lru(MOST_REMEMBERED)

    def judge(self, host: str, port: int) -> Permit:
        """Of a target as a door has read it; remembered."""
        permit = self._judged.get((host, port))
        if permit is None:
            permit = self._judge(host, port)
            self._judged.put((host, port), permit)
        return permit

    def _judge(self, host: str, port: int) -> Permit:
        literal = LOOPBACK if is_localhost(host) else parse_literal(host)
        if literal is None:
            return Permit(None, None)
        refusing = {name for name, policy in self._policies.items() if policy.refusal(literal, port) is not None}
        exits = None if not refusing else self._all - refusing
        if (parse_literal(host), port) in self._listening:
            return Permit(exits, Cause.LOOP)
        return Permit(exits, Cause.POLICY if exits is not None and not exits else None)

    def __len__(self) -> int:
        return len(self._judged)
