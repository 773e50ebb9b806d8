"""What each exit has cost in the last seconds: a client leaves its exit only if another was better all the time.

A site that was told two addresses may end a login. One lost segment, or one noisy second, must not do that.
"""

from collections import deque
from collections.abc import Mapping

import attrs

from ingress.choice.affinity import is_given_up

STEADY = 5.0
"""Seconds on end for which another exit must be better, by what both have cost in all of them."""


@attrs.frozen
class _Seen:
    at: float
    cost: float


class ExitCosts:
    """Costs of the best path to each exit, round by round."""

    __slots__ = ("_highest", "_lowest", "_since")

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._lowest: dict[str, deque[_Seen]] = {}
        self._highest: dict[str, deque[_Seen]] = {}

    def note(self, costs: Mapping[str, float], now: float) -> None:
        """The best path to each exit costs so much in this round; only paths that were measured, and work."""
        for gone in self._since.keys() - costs.keys():
            del self._since[gone], self._lowest[gone], self._highest[gone]
        for name, cost in costs.items():
            self._since.setdefault(name, now)
            _keep(self._lowest.setdefault(name, deque()), cost, now, 1.0)
            _keep(self._highest.setdefault(name, deque()), cost, now, -1.0)

    def is_given_up(self, kept: str, kept_share: float, other: str, other_share: float, now: float) -> bool:
        """Whether *other* was that much better than *kept* all the time; what the target adds are the shares."""
        if any(now - self._since.get(name, now) < STEADY for name in (kept, other)):
            return False
        return is_given_up(self._lowest[kept][0].cost + kept_share, self._highest[other][0].cost + other_share)


def _keep(seen: deque[_Seen], cost: float, now: float, sign: float) -> None:
    """Keep the least of *sign* times cost of the last STEADY seconds in front."""
    while seen and sign * seen[-1].cost >= sign * cost:
        seen.pop()
    seen.append(_Seen(now, cost))
    while now - seen[0].at > STEADY:
        seen.popleft()
