"""pproxy: the other chain of proxies in Python, on asyncio."""

from bench.peers.peer import Peer, first_line, installed_folder
from bench.processes import Command
from bench.topology import HOST, Place


class Pproxy(Peer):
    """HTTP CONNECT over TLS to each node in turn, TLS in TLS."""

    name, idle = "pproxy http+ssl", 300
    how = "TLS in TLS to each node, new for every connection"

    def commands(self, at: Place) -> list[Command]:
        run = [self.path(), "-m", "pproxy"]
        pair = f"{at.certificate.cert},{at.certificate.key}"
        nodes = [Command(hop.role, [*run, "-l", f"http+ssl://{hop.host}:{hop.port}", "--ssl", pair]) for hop in at.hops]
        chain = "__".join(f"http+ssl://{hop.host}:{hop.entry}" for hop in at.hops)
        return [*nodes, Command("ingress", [*run, "-l", f"socks5://{HOST}:{at.socks}", "-r", chain])]

    def path(self) -> str:
        return str(installed_folder("pproxy") / "bin" / "python")

    def missing(self) -> str | None:
        if (installed_folder("pproxy") / "bin" / "pproxy").exists():
            return None
        return "pproxy is not installed (python -m bench install)"

    def version(self) -> str:
        return first_line(self.path(), "-c", "import importlib.metadata as m; print('pproxy', m.version('pproxy'))")
