"""Xray and v2ray: trojan over TLS, each node dialled through the one before; configured alike."""

from typing import Any

from bench.peers.peer import Peer, first_line
from bench.processes import Command
from bench.topology import HOST, Hop, Place

UUID = "a3c5b3c0-0000-4000-8000-000000000001"
XUDP = {"enabled": True, "concurrency": -1, "xudpConcurrency": 16, "xudpProxyUDP443": "allow"}
QUIET = {"loglevel": "error", "access": "none"}


class Xray(Peer):
    """A TLS handshake with every node for every connection."""

    name, program = "xray trojan", "xray"
    how = "TLS in TLS to each node, new for every connection"
    has_udp = True
    transport = "raw"
    run: tuple[str, ...] = ("run", "-c")
    mux: dict[str, Any] | None = None
    """Of the outbound to the exit."""

    def commands(self, at: Place) -> list[Command]:
        chain = [self._outbound(at, number, hop) for number, hop in enumerate(at.hops)]
        if self.mux is not None:
            chain[-1]["mux"] = self.mux
        socks = {
            "listen": HOST,
            "port": at.socks,
            "protocol": "socks",
            "settings": {"auth": "noauth", "udp": self.has_udp},
        }
        nodes = [self._start(at, hop.role, [self._inbound(at, hop)], [{"protocol": "freedom"}]) for hop in at.hops]
        return [*nodes, self._start(at, "ingress", [socks], chain[::-1])]

    def _start(self, at: Place, role: str, inbounds: list[Any], outbounds: list[Any]) -> Command:
        config = {"log": QUIET, "inbounds": inbounds, "outbounds": outbounds}
        return Command(role, [self.path(), *self.run, at.write(f"{self.program}-{role}.json", config)])

    def _inbound(self, at: Place, hop: Hop) -> dict[str, Any]:
        pair = {"certificateFile": at.certificate.cert, "keyFile": at.certificate.key}
        return {
            "listen": hop.host,
            "port": hop.port,
            "protocol": "trojan",
            "settings": {"clients": [{"password": "secret"}]},
            "streamSettings": {"network": self.transport, "security": "tls", "tlsSettings": {"certificates": [pair]}},
        }

    def _outbound(self, at: Place, number: int, hop: Hop) -> dict[str, Any]:
        trusted = {"usage": "verify", "certificateFile": at.certificate.cert}
        tls = {"serverName": "localhost", "disableSystemRoot": True, "certificates": [trusted]}
        outbound = {
            "tag": f"node{number}",
            "protocol": "trojan",
            "settings": {"servers": [{"address": hop.host, "port": hop.entry, "password": "secret"}]},
            "streamSettings": {"network": self.transport, "security": "tls", "tlsSettings": tls},
        }
        if number:
            self._dial_through(outbound, f"node{number - 1}")
        return outbound

    def _dial_through(self, outbound: dict[str, Any], tag: str) -> None:
        outbound["streamSettings"]["sockopt"] = {"dialerProxy": tag}

    def version(self) -> str:
        return first_line(self.path(), "version").partition(" (")[0]


class XrayMux(Xray):
    """Eight connections to a carrier."""

    name, mux = "xray trojan+mux", {"enabled": True, "concurrency": 8}
    how = "TLS in TLS, eight connections share a carrier"


class XrayXudp(Xray):
    """Only measured with datagrams, which share one carrier."""

    name = "xray vless+xudp"
    how = "VLESS in TLS in TLS to each node, UDP as XUDP in one TCP connection"
    carries_streams, carries_datagrams = False, True
    mux = XUDP

    def _inbound(self, at: Place, hop: Hop) -> dict[str, Any]:
        settings = {"clients": [{"id": UUID}], "decryption": "none"}
        return {**super()._inbound(at, hop), "protocol": "vless", "settings": settings}

    def _outbound(self, at: Place, number: int, hop: Hop) -> dict[str, Any]:
        server = {"address": hop.host, "port": hop.entry, "users": [{"id": UUID, "encryption": "none"}]}
        return {**super()._outbound(at, number, hop), "protocol": "vless", "settings": {"vnext": [server]}}


class V2ray(Xray):
    """As Debian packages it (4.34)."""

    has_udp = False
    name, program, transport, run = "v2ray trojan", "v2ray", "tcp", ("-config",)

    def _dial_through(self, outbound: dict[str, Any], tag: str) -> None:
        outbound["proxySettings"] = {"tag": tag}

    def version(self) -> str:
        return first_line(self.path(), "-version").partition(" (")[0]


class V2rayMux(V2ray):
    """Eight connections to a carrier."""

    name, mux, how = "v2ray trojan+mux", XrayMux.mux, XrayMux.how
