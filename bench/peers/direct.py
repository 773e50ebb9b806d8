"""No proxy at all: what the machine and the load generator give."""

from bench.peers.peer import Peer
from bench.processes import Command
from bench.topology import Place


class Direct(Peer):
    """The client connects to the target."""

    name, speaks, hops = "direct", "direct", 0
    how = "no proxy: client to target"

    def commands(self, at: Place) -> list[Command]:
        return []

    def version(self) -> str:
        return ""

    def missing(self) -> None:
        return None
