"""microsocks: a SOCKS5 server in C, a thread for each connection; one hop, nothing encrypted."""

from bench.peers.peer import Peer, first_line
from bench.processes import Command
from bench.topology import HOST, Place


class Microsocks(Peer):
    """Less work than a chain: a lower bound for SOCKS."""

    name, program, hops = "microsocks", "microsocks", 0
    how = "SOCKS5, one process, no TLS"

    def commands(self, at: Place) -> list[Command]:
        return [Command("ingress", [self.path(), "-i", HOST, "-p", str(at.socks)])]

    def version(self) -> str:
        return "microsocks " + first_line("dpkg-query", "-W", "-f", "${Version}", "microsocks")
