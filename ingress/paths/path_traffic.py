"""What rides on the paths now, and which of them streams have to leave though they work."""

from collections.abc import Mapping

from ingress.measure.standings import Standings
from ingress.measure.traffic import Traffic
from ingress.messages.message import Message
from ingress.paths.live import LivePath
from ingress.paths.pairs import Pairs
from ingress.paths.peer import Peer


class PathTraffic:
    """One fleet's: *peers* are all that it has, *pairs* its redundant streams, *standings* what is said of
    its lines."""

    def __init__(self, peers: Mapping[str, Peer], pairs: Pairs, standings: Standings) -> None:
        self._standings = standings
        self._peers = peers
        self._pairs = pairs

    def look(self, live: LivePath) -> Traffic:
        """What rides on *live* in this round; how it stands, it is told itself."""
        closed, stands_in = self._standings.why_closed(live.path), self._standings.why_stands_in(live.path)
        live.is_closed, live.is_backup = bool(closed), bool(stands_in) or live.path.backup
        live.is_barred = live.is_barred and live.is_closed
        return Traffic(
            streams=live.streams,
            bulk=sum(len(link.end.legs) for link in live.bulk),
            redundant=self._pairs.count_on(live),
            spoke_at=max((link.end.spoke_at for link in live.links), default=float("-inf")),
            bytes_up=live.bytes_up,
            bytes_down=live.bytes_down,
            leaving=self.why_leave(live),
            closed=closed,
            stands_in=stands_in,
        )

    def why_leave(self, live: LivePath) -> str:
        """Empty if nobody has to."""
        for node in live.path.nodes:
            if node in self._peers and self._peers[node].is_draining:
                return Message("leave.drains", node=node)
        return ""
