"""sing-box: trojan over TLS, the ingress's client reaching each node through the one before."""

from typing import Any

from bench.peers.peer import Peer, module_version
from bench.processes import Command
from bench.topology import HOST, Hop, Place

QUIET = {"level": "error"}
METHOD = {"method": "2022-blake3-aes-128-gcm", "password": "AAAAAAAAAAAAAAAAAAAAAA=="}


class SingBox(Peer):
    """A TLS handshake with every node for every connection."""

    name, program = "sing-box trojan", "sing-box"
    how = "TLS in TLS to each node, new for every connection"
    carries_datagrams = True
    mux: dict[str, Any] | None = None

    def commands(self, at: Place) -> list[Command]:
        chain = [self._outbound(number, hop) for number, hop in enumerate(at.hops)]
        if self.mux is not None:
            chain[-1]["multiplex"] = {"enabled": True, "max_connections": 4, "min_streams": 4, **self.mux}
        config = {
            "log": QUIET,
            "inbounds": [{"type": "mixed", "listen": HOST, "listen_port": at.socks}],
            "outbounds": chain[::-1],
            "route": {"final": chain[-1]["tag"]},
        }
        nodes = [self._start(at, hop.role, self._node(at, hop)) for hop in at.hops]
        return [*nodes, self._start(at, "ingress", config)]

    def _start(self, at: Place, role: str, config: object) -> Command:
        return Command(role, [self.path(), "run", "-c", at.write(f"sing-box-{role}.json", config)])

    def _outbound(self, number: int, hop: Hop) -> dict[str, Any]:
        through = {"detour": f"node{number - 1}"} if number else {}
        return {
            "type": "trojan",
            "tag": f"node{number}",
            "server": hop.host,
            "server_port": hop.entry,
            "password": "secret",
            "tls": {"enabled": True, "insecure": True, "server_name": "localhost"},
            **through,
        }

    def _node(self, at: Place, hop: Hop) -> object:
        tls = {"enabled": True, "certificate_path": at.certificate.cert, "key_path": at.certificate.key}
        inbound = {
            "type": "trojan",
            "listen": hop.host,
            "listen_port": hop.port,
            "users": [{"name": "user", "password": "secret"}],
            "tls": tls,
            "multiplex": {"enabled": True},
        }
        return {"log": QUIET, "inbounds": [inbound], "outbounds": [{"type": "direct"}]}

    def version(self) -> str:
        return "sing-box " + module_version(self.path())


class SingBoxSmux(SingBox):
    """Up to four carriers end to end, shared by all connections."""

    name, mux = "sing-box trojan+smux", {"protocol": "smux"}
    how = "TLS in TLS, connections share four carriers"


class SingBoxShadowsocks(SingBox):
    """Only measured with datagrams, which it sends as datagrams: each sealed for every node in turn."""

    name = "sing-box ss2022"
    how = "Shadowsocks 2022 in Shadowsocks to each node, UDP as UDP"

    def _outbound(self, number: int, hop: Hop) -> dict[str, Any]:
        through = {"detour": f"node{number - 1}"} if number else {}
        where = {"tag": f"node{number}", "server": hop.host, "server_port": hop.entry}
        return {"type": "shadowsocks", **where, **METHOD, **through}

    def _node(self, at: Place, hop: Hop) -> object:
        inbound = {"type": "shadowsocks", "listen": hop.host, "listen_port": hop.port, **METHOD}
        return {"log": QUIET, "inbounds": [inbound], "outbounds": [{"type": "direct"}]}
