"""Which paths a rule leaves to what it is for."""

from collections.abc import Iterable

from ingress.config.chains import follows, touches
from ingress.config.rule import Rule
from relay.model.network import Network
from relay.model.walk import Path


def left_by(rule: Rule, network: Network, paths: Iterable[Path], usual: frozenset[str] | None) -> frozenset[str] | None:
    """The names of those of *paths* that *rule* leaves, None for all; *usual* are those that it has by itself."""
    if not rule.is_about_paths:
        return usual
    avoided = frozenset(rule.avoid)
    return frozenset(
        path.name for path in paths if _is_followed(rule, network, path, usual) and not touches(network, path, avoided)
    )


def _is_followed(rule: Rule, network: Network, path: Path, usual: frozenset[str] | None) -> bool:
    if rule.follows:
        return any(follows(network, path, via) for via in rule.follows)
    return usual is None or path.name in usual
