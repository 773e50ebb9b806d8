"""What every measure is: a run that gives a Result, and how the report shows it."""

from collections.abc import Sequence

from bench.contest import Contestant, be_fair, opened_field, start_all, take_turns
from bench.peers.peer import Peer
from bench.progress import Progress, shown_progress
from bench.results import Numbers, Result, Row, new_result
from bench.topology import Weather


class Measure:
    """One measure. A subclass says what a turn is and which tables and charts show it."""

    name: str
    title: str
    explains: str
    """What is done and counted, for the report."""
    rounds = 3
    nodes = 3
    weather: Sequence[Weather] = ()

    def run(self, peers: Sequence[Peer], rounds: int) -> Result:
        """Measure those of *peers* that it is for, side by side."""
        peers = [peer for peer in peers if self.measures(peer)]
        rows: dict[str, Row] = {}
        be_fair()
        with opened_field() as field, shown_progress(self.name, rounds * len(peers)) as progress:
            contestants = start_all(field, peers, rows, nodes=self.nodes, weather=self.weather)
            self.go_through(contestants, rounds, progress)
        return new_result(self.name, rows)

    def measures(self, peer: Peer) -> bool:
        """Whether it is for *peer*."""
        return peer.carries_streams

    def go_through(self, contestants: Sequence[Contestant], rounds: int, progress: Progress) -> None:
        """All turns of all rounds."""
        take_turns(contestants, rounds, self.turn, progress)

    def turn(self, contestant: Contestant, numbers: Numbers) -> None:
        """Measure one system once, into *numbers*.

        Raises:
            Failed: it cannot be measured, or not any more.
        """
        raise NotImplementedError

    def tables(self, result: Result) -> str:
        """The result as markdown."""
        raise NotImplementedError

    def charts(self, result: Result) -> dict[str, str]:
        """SVG texts by a short name."""
        raise NotImplementedError


def named(prefix: str, numbers: Numbers) -> Numbers:
    """The same numbers, each name behind a prefix."""
    return {f"{prefix}.{name}": value for name, value in numbers.items()}
