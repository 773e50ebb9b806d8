"""Xray: trojan with mux over both chains, a balancer that takes the one with the least ping of its observatory."""

from collections.abc import Sequence
from typing import Any

from bench.peers.xray import XrayMux
from bench.survive.peers.rival import CHAINS, CHECK, Place, Rival
from bench.topology import HOST
from ingress.demo.network import INGRESS


class XrayLeastPing(Rival):
    """Connections share carriers; the observatory looks every second."""

    name = "xray trojan+mux"
    how = f"two chains, leastPing balancer, observatory every {CHECK}"
    peer = XrayMux()

    def commands(self, at: Place) -> dict[str, Sequence[str]]:
        made: dict[str, Sequence[str]] = {}
        for _, relay, line, exit_ in CHAINS:
            made[relay] = self._run(at, relay, [self._node(at, relay)], [socks(at, line)])
            made[exit_] = self._run(at, exit_, [self._node(at, exit_)], [{"protocol": "freedom"}])
        settings = {"auth": "noauth", "udp": False}
        door = {"listen": HOST, "port": at.ports[INGRESS], "protocol": "socks", "settings": settings}
        return made | {INGRESS: self._run(at, INGRESS, [door], self._outbounds(at), self._balancing(at))}

    def _run(
        self, at: Place, name: str, inbounds: list[Any], outbounds: list[Any], more: dict[str, Any] | None = None
    ) -> Sequence[str]:
        log = {"loglevel": "error", "access": "none"}
        config = {"log": log, "inbounds": inbounds, "outbounds": outbounds, **(more or {})}
        return [self.peer.path(), "run", "-c", at.write(f"{name}.json", config)]

    def _balancing(self, at: Place) -> dict[str, Any]:
        exits = [chain[3] for chain in CHAINS]
        url = f"http://{at.target[0]}:{at.target[1]}/"
        look = {"subjectSelector": exits, "probeUrl": url, "probeInterval": CHECK, "enableConcurrency": True}
        balancer = {"tag": "auto", "selector": exits, "strategy": {"type": "leastPing"}, "fallbackTag": exits[0]}
        rule = {"type": "field", "network": "tcp", "balancerTag": "auto"}
        return {"observatory": look, "routing": {"balancers": [balancer], "rules": [rule]}}

    def _node(self, at: Place, name: str) -> dict[str, Any]:
        pair = {"certificateFile": at.certificate.cert, "keyFile": at.certificate.key}
        stream = {"network": "raw", "security": "tls", "tlsSettings": {"certificates": [pair]}}
        settings = {"clients": [{"password": "secret"}]}
        listen = {"listen": HOST, "port": at.ports[name]}
        return {**listen, "protocol": "trojan", "settings": settings, "streamSettings": stream}

    def _outbounds(self, at: Place) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = []
        for line, relay, _, exit_ in CHAINS:
            made.append(self._towards(at, exit_, relay) | {"mux": {"enabled": True, "concurrency": 8}})
            made.append(self._towards(at, relay, line))
            made.append(socks(at, line) | {"tag": line})
        return made

    def _towards(self, at: Place, name: str, through: str) -> dict[str, Any]:
        trusted = [{"usage": "verify", "certificateFile": at.certificate.cert}]
        tls = {"serverName": "localhost", "disableSystemRoot": True, "certificates": trusted}
        stream = {"network": "raw", "security": "tls", "tlsSettings": tls, "sockopt": {"dialerProxy": through}}
        settings = {"servers": [{"address": HOST, "port": at.ports[name], "password": "secret"}]}
        return {"tag": name, "protocol": "trojan", "settings": settings, "streamSettings": stream}


def socks(at: Place, line: str) -> dict[str, Any]:
    """A way out over a line."""
    return {"protocol": "socks", "settings": {"servers": [{"address": HOST, "port": at.ports[line]}]}}
