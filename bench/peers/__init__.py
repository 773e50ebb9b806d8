"""The systems that are measured beside each other, in the order of the tables: bounds first, then chains, then ours."""

from bench.peers.direct import Direct
from bench.peers.haproxy import HaproxyForward, HaproxyTls
from bench.peers.microsocks import Microsocks
from bench.peers.ours import Ours
from bench.peers.peer import Peer
from bench.peers.pproxy import Pproxy
from bench.peers.singbox import SingBox, SingBoxHysteria2, SingBoxShadowsocks, SingBoxSmux, SingBoxTuic
from bench.peers.xray import V2ray, V2rayMux, Xray, XrayMux, XrayXudp

BOUNDS: tuple[Peer, ...] = (Direct(), HaproxyForward(), Microsocks())
"""What does less: no chain, no TLS."""
CHAINS: tuple[Peer, ...] = (
    HaproxyTls(),
    SingBox(),
    SingBoxSmux(),
    Xray(),
    XrayMux(),
    V2ray(),
    V2rayMux(),
    Pproxy(),
)
FOR_DATAGRAMS: tuple[Peer, ...] = (SingBoxShadowsocks(), SingBoxTuic(), SingBoxHysteria2(), XrayXudp())
"""Chains that are measured with datagrams alone."""
OURS = Ours()
PEERS: tuple[Peer, ...] = (*BOUNDS, *CHAINS, *FOR_DATAGRAMS, OURS)

__all__ = ["BOUNDS", "CHAINS", "FOR_DATAGRAMS", "OURS", "PEERS", "Peer"]
