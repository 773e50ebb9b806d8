"""The states of lines and nodes, which are read off the paths that lead over them."""

from collections.abc import Mapping, Sequence

from ingress.measure.blame import Blame
from ingress.measure.health import PathState
from ingress.measure.network_monitor import NetworkMonitor
from ingress.measure.pieces import Piece
from ingress.measure.poor import is_poor


def line_state(line: str, network_monitor: NetworkMonitor, blames: Sequence[Blame], pieces: Mapping[str, Piece]) -> str:
    """A line is up, or poor, if anything answers over it; else as it was blamed; else nobody can tell."""
    if any(monitor.health.is_answering and line in monitor.path.lines for monitor in network_monitor.monitors.values()):
        is_bad = (line in pieces and is_poor(pieces[line])) or network_monitor.directions.is_lossy(line)
        return "poor" if is_bad else "up"
    for blame in blames:
        if line in blame.lines:
            return "broken" if blame.is_sure else "suspect"
    return "unknown"


UNUSED = "unused"
"""The state of a node at which no path or prefix of this ingress ends: nobody looks whether it is there."""


def node_state(node: str, network_monitor: NetworkMonitor) -> str:
    """The best state of the paths and prefixes that end at *node*; what it refuses itself comes before `down`."""
    found = [one.health for one in network_monitor.monitors.values() if one.path.end == node]
    for state in PathState:
        words = {health.word_of(node) for health in found if health.state is state}
        if words:
            return min(words - {state.value}, default=state.value)
    return PathState.DOWN.value if found else UNUSED
