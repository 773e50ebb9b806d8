"""sing-box: trojan over TLS, the ingress's client reaching each node through the one before."""

from typing import Any, ClassVar

from bench.peers.peer import Peer, module_version
from bench.processes import Command
from bench.topology import HOST, Hop, Place

QUIET = {"level": "error"}
UUID = "a3c5b3c0-0000-4000-8000-000000000001"
METHOD = {"method": "2022-blake3-aes-128-gcm", "password": "AAAAAAAAAAAAAAAAAAAAAA=="}


class SingBox(Peer):
    """A TLS handshake with every node for every connection."""

    name, program = "sing-box trojan", "sing-box"
    how = "TLS in TLS to each node, new for every connection; UDP in TCP"
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
    carries_datagrams = False


class SingBoxShadowsocks(SingBox):
    """Only measured with datagrams, which it sends as datagrams: each sealed for every node in turn."""

    name = "sing-box ss2022"
    how = "Shadowsocks 2022 in Shadowsocks to each node, UDP as UDP"
    carries_streams = False

    def _outbound(self, number: int, hop: Hop) -> dict[str, Any]:
        through = {"detour": f"node{number - 1}"} if number else {}
        where = {"tag": f"node{number}", "server": hop.host, "server_port": hop.entry}
        return {"type": "shadowsocks", **where, **METHOD, **through}

    def _node(self, at: Place, hop: Hop) -> object:
        inbound = {"type": "shadowsocks", "listen": hop.host, "listen_port": hop.port, **METHOD}
        return {"log": QUIET, "inbounds": [inbound], "outbounds": [{"type": "direct"}]}


class SingBoxTuic(SingBox):
    """Only measured with datagrams. QUIC does not fit into QUIC: each node opens what comes and seals it again."""

    name, kind = "sing-box tuic", "tuic"
    how = "TUIC from node to node, each of which reads all: UDP in QUIC datagrams"
    carries_streams = False
    ours: ClassVar[dict[str, Any]] = {"uuid": UUID, "password": "secret", "congestion_control": "bbr"}
    theirs: ClassVar[dict[str, Any]] = {"users": [{"uuid": UUID, "password": "secret"}], "congestion_control": "bbr"}

    def commands(self, at: Place) -> list[Command]:
        socks = {"type": "socks", "listen": HOST, "listen_port": at.socks}
        entries = [socks, *(self._inbound(at, hop) for hop in at.hops)]
        onwards = [*(self._outbound(number, hop) for number, hop in enumerate(at.hops)), {"type": "direct"}]
        nodes = ["ingress", *(hop.role for hop in at.hops)]
        configs = [
            {"log": QUIET, "inbounds": [entry], "outbounds": [onward]}
            for entry, onward in zip(entries, onwards, strict=True)
        ]
        return [self._start(at, role, config) for role, config in zip(nodes, configs, strict=True)]

    def _outbound(self, number: int, hop: Hop) -> dict[str, Any]:
        tls = {"enabled": True, "insecure": True, "server_name": "localhost", "alpn": ["h3"]}
        where = {"tag": f"node{number}", "server": hop.host, "server_port": hop.entry}
        return {"type": self.kind, **where, "tls": tls, **self.ours}

    def _inbound(self, at: Place, hop: Hop) -> dict[str, Any]:
        keys = {"certificate_path": at.certificate.cert, "key_path": at.certificate.key}
        tls = {"enabled": True, "alpn": ["h3"], **keys}
        return {"type": self.kind, "listen": hop.host, "listen_port": hop.port, "tls": tls, **self.theirs}


class SingBoxHysteria2(SingBoxTuic):
    """As TUIC."""

    name, kind = "sing-box hysteria2", "hysteria2"
    how = "Hysteria 2 from node to node, each of which reads all: UDP in QUIC datagrams"
    ours: ClassVar[dict[str, Any]] = {"password": "secret"}
    theirs: ClassVar[dict[str, Any]] = {"users": [{"password": "secret"}]}
