"""sing-box: trojan with smux over both chains, a `urltest` group that takes the quicker one."""

from collections.abc import Sequence
from typing import Any

from bench.peers.singbox import SingBoxSmux
from bench.survive.peers.rival import CHAINS, CHECK, Place, Rival
from bench.topology import HOST
from ingress.demo.network import INGRESS


class SingBoxUrltest(Rival):
    """Warm multiplexed carriers; the group looks every second, its connections are left where they are."""

    name = "sing-box trojan+smux"
    how = f"two chains in a urltest group, looked at every {CHECK}"
    peer = SingBoxSmux()

    def commands(self, at: Place) -> dict[str, Sequence[str]]:
        made: dict[str, Sequence[str]] = {}
        for _, relay, line, exit_ in CHAINS:
            made[relay] = self._run(at, relay, [self._node(at, relay)], [socks(at, line)])
            made[exit_] = self._run(at, exit_, [self._node(at, exit_)], [{"type": "direct"}])
        door = {"type": "mixed", "listen": HOST, "listen_port": at.ports[INGRESS]}
        return made | {INGRESS: self._run(at, INGRESS, [door], self._outbounds(at), {"final": "auto"})}

    def _run(
        self, at: Place, name: str, inbounds: list[Any], outbounds: list[Any], route: dict[str, Any] | None = None
    ) -> Sequence[str]:
        config = {"log": {"level": "error"}, "inbounds": inbounds, "outbounds": outbounds, "route": route or {}}
        return [self.peer.path(), "run", "-c", at.write(f"{name}.json", config)]

    def _node(self, at: Place, name: str) -> dict[str, Any]:
        tls = {"enabled": True, "certificate_path": at.certificate.cert, "key_path": at.certificate.key}
        users = [{"name": "user", "password": "secret"}]
        listen = {"listen": HOST, "listen_port": at.ports[name]}
        return {"type": "trojan", **listen, "users": users, "tls": tls, "multiplex": {"enabled": True}}

    def _outbounds(self, at: Place) -> list[dict[str, Any]]:
        exits = [chain[3] for chain in CHAINS]
        url = f"http://{at.target[0]}:{at.target[1]}/"
        group = {"type": "urltest", "tag": "auto", "outbounds": exits, "url": url, "interval": CHECK, "tolerance": 10}
        made: list[dict[str, Any]] = [group]
        for line, relay, _, exit_ in CHAINS:
            smux = {"enabled": True, "protocol": "smux", "max_connections": 4, "min_streams": 4}
            made.append(self._towards(at, exit_, relay) | {"multiplex": smux})
            made.append(self._towards(at, relay, line))
            made.append(socks(at, line) | {"tag": line})
        return made

    def _towards(self, at: Place, name: str, through: str) -> dict[str, Any]:
        tls = {"enabled": True, "insecure": True, "server_name": "localhost"}
        where = {"server": HOST, "server_port": at.ports[name], "password": "secret"}
        return {"type": "trojan", "tag": name, **where, "tls": tls, "detour": through}


def socks(at: Place, line: str) -> dict[str, Any]:
    """A way out over a line."""
    return {"type": "socks", "server": HOST, "server_port": at.ports[line]}
