"""What the ingress itself knows of a target: which exits may dial it, and what every exit would refuse."""

import attrs

from ingress.config import IngressConfig
from ingress.lru import Lru
from relay.model.addresses import LOCALHOST_ADDRESSES, IpAddress, is_localhost, plain
from relay.model.cause import Cause
from relay.model.hosts import parse_literal
from relay.model.network import Node
from relay.policy import Policy, told_addresses

MOST_REMEMBERED = 4096


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
        self._policies = {name: _known_policy(config.network.nodes[name]) for name in self._all}
        own = [(plain(at.host), at.port) for at in (*config.listen, *config.web_addresses)]
        self._listening = frozenset(own)
        self._everywhere = frozenset(port for ip, port in own if ip.is_unspecified)
        self._judged: Lru[tuple[str, int], Permit] = Lru(MOST_REMEMBERED)

    def judge(self, host: str, port: int) -> Permit:
        """Of a target as a door has read it; remembered."""
        permit = self._judged.get((host, port))
        if permit is None:
            permit = self._judge(host, port)
            self._judged.put((host, port), permit)
        return permit

    def _judge(self, host: str, port: int) -> Permit:
        literal = parse_literal(host)
        meant = LOCALHOST_ADDRESSES if is_localhost(host) else () if literal is None else (str(literal),)
        if not meant:
            return Permit(None, None)
        refusing = {name for name, policy in self._policies.items() if all(policy.refusal(ip, port) for ip in meant)}
        exits = None if not refusing else self._all - refusing
        if any(self._is_ours(plain(ip), port) for ip in meant):
            return Permit(exits, Cause.LOOP)
        return Permit(exits, Cause.POLICY if exits is not None and not exits else None)

    def _is_ours(self, ip: IpAddress, port: int) -> bool:
        """Whether this ingress listens there, as far as its file tells."""
        return (ip, port) in self._listening or (ip.is_loopback and port in self._everywhere)

    def __len__(self) -> int:
        return len(self._judged)


def _known_policy(node: Node) -> Policy:
    """The policy of *node*, as far as the file tells it: of its interfaces only the node itself knows."""
    return Policy(node.allow, here=told_addresses(node))
