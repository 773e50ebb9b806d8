"""HAProxy: TLS from node to node, the second chain a backup server, health checks all the way to the target.

It dials no SOCKS5, so its lines are dialled plainly.
"""

from collections.abc import Sequence

from bench.peers.haproxy import HaproxyTls
from bench.survive.peers.rival import CHAINS, Place, PlainNetwork, Rival
from bench.topology import HOST
from ingress.demo.network import INGRESS

CONFIG = """global
  maxconn 5000
defaults
  mode tcp
  maxconn 5000
  timeout connect 2s
  timeout client 5m
  timeout server 5m
  timeout check 1s
  retries 2
  option redispatch 1
  option httpchk GET /
  default-server inter 500ms fall 2 rise 2 on-marked-down shutdown-sessions
listen way
  bind {host}:{port} {bind}
"""
CHECKED = "ssl verify none check check-ssl"


class HaproxyBackup(Rival):
    """A new chain of TLS connections for each client; whatever is on a chain that goes down is cut."""

    name = "haproxy tls"
    how = "a backup server, checked to the target every 0.5 s, sessions of a dead one shut down"
    peer = HaproxyTls()
    network = PlainNetwork

    def commands(self, at: Place) -> dict[str, Sequence[str]]:
        made: dict[str, Sequence[str]] = {}
        firsts: list[str] = []
        for line, relay, onward, exit_ in CHAINS:
            made[relay] = self._run(at, relay, [f"server {exit_} {HOST}:{at.ports[onward]} ssl verify none"])
            made[exit_] = self._run(at, exit_, [f"server target {at.target[0]}:{at.target[1]}"])
            backup = " backup" if firsts else ""
            firsts.append(f"server {relay} {HOST}:{at.ports[line]} {CHECKED}{backup}")
        return made | {INGRESS: self._run(at, INGRESS, firsts)}

    def _run(self, at: Place, name: str, servers: list[str]) -> Sequence[str]:
        bind = "" if name == INGRESS else f"ssl crt {at.certificate.both}"
        text = CONFIG.format(host=HOST, port=at.ports[name], bind=bind)
        lines = "".join(f"  {server}\n" for server in servers)
        return [self.peer.path(), "-db", "-q", "-f", at.write(f"{name}.cfg", text + lines)]
