"""pproxy: both chains as remotes, the first that its check finds alive.

It asks SOCKS5 proxies for names only, and the emulator takes addresses, so its lines are dialled plainly.
"""

from collections.abc import Sequence

from bench.peers.pproxy import Pproxy
from bench.survive.peers.rival import CHAINS, Place, PlainNetwork, Rival
from bench.topology import HOST
from ingress.demo.network import INGRESS

ALIVE = "1"
"""Seconds between checks of a remote."""


class PproxyAlive(Rival):
    """A new chain of TLS connections for each client."""

    name = "pproxy http+ssl"
    how = f"two chains, the first alive, checked every {ALIVE} s"
    peer = Pproxy()
    network = PlainNetwork

    def commands(self, at: Place) -> dict[str, Sequence[str]]:
        made: dict[str, Sequence[str]] = {}
        remotes: list[str] = []
        for line, relay, onward, exit_ in CHAINS:
            made[relay], made[exit_] = self._node(at, relay), self._node(at, exit_)
            remotes += ["-r", "__".join(f"http+ssl://{HOST}:{at.ports[entry]}" for entry in (line, onward))]
        door = f"socks5://{HOST}:{at.ports[INGRESS]}"
        return made | {INGRESS: [self.peer.path(), "-m", "pproxy", "-l", door, *remotes, "-a", ALIVE, "-s", "fa"]}

    def _node(self, at: Place, name: str) -> list[str]:
        pair = f"{at.certificate.cert},{at.certificate.key}"
        return [self.peer.path(), "-m", "pproxy", "-l", f"http+ssl://{HOST}:{at.ports[name]}", "--ssl", pair]
