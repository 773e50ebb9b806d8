"""Every ten seconds: what our own carriers' TCP knows of the first lines, and what nodes told of theirs."""

from collections.abc import Iterable, Mapping

from ingress.measure.directions import Directions
from ingress.paths.live import LivePath
from ingress.paths.peer import Peer
from relay.model.sent import NOTHING_SENT, Sent

EVERY = 10
"""Seconds between two looks. A node tells as often."""


class TcpReadings:
    """Keeps the directions of lines up to date."""

    def __init__(self, name: str, directions: Directions) -> None:
        """*name* is this ingress's."""
        self._name = name
        self._directions = directions
        self._read_at: dict[str, float] = {}
        """By node, when it told what was read last."""

    def look(self, live: Iterable[LivePath], peers: Mapping[str, Peer], now: float) -> None:
        """Read all there is, and conclude."""
        for line, sent in sent_by_line(live).items():
            self._directions.heard(line, self._name, sent, now, is_told=False)
        for peer in peers.values():
            self._listen_to(peer)
        self._directions.judge(now)

    def _listen_to(self, peer: Peer) -> None:
        told, at = peer.told, peer.told_at
        if told is None or at is None or at == self._read_at.get(peer.name):
            return
        self._read_at[peer.name] = at
        for report in told.lines:
            if report.sent is not None:
                self._directions.heard(report.line, peer.name, report.sent, at, is_told=True)


def sent_by_line(live: Iterable[LivePath]) -> dict[str, Sent]:
    """What left this process over each line that it dials itself."""
    found: dict[str, Sent] = {}
    for one in live:
        line = one.path.hops[0].line.name
        found[line] = found.get(line, NOTHING_SENT).plus(one.carried.sent(one.links))
    return found
