"""What history is made from, as whoever runs it shows it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from ingress.measure.blame import Blame
from ingress.measure.figures import PathFigures
from ingress.measure.network_monitor import NetworkMonitor
from ingress.measure.traffic import Traffic


class Sight(Protocol):
    """Always as things are now."""

    @property
    def network_monitor(self) -> NetworkMonitor:
        """All paths and prefixes."""

    @property
    def traffic(self) -> Mapping[str, Traffic]:
        """What rides on each path."""

    def figures(self) -> Sequence[PathFigures]:
        """Those of the last round, the best path first."""

    def datagrams(self) -> Mapping[str, tuple[int, int]]:
        """By path, how many went up and down in its whole life."""

    def blames(self, now: float) -> Sequence[Blame]:
        """What is broken, the gravest first."""
