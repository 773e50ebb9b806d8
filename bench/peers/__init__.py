"""The systems that are measured beside each other, in the order of the tables: bounds first, then chains, then ours."""

from bench.peers.direct import Direct
from bench.peers.haproxy import HaproxyForward, HaproxyTls
from bench.peers.microsocks import Microsocks
from bench.peers.ours import Ours
from bench.peers.peer import Peer
from bench.peers.pproxy import Pproxy
from bench.peers.singbox import SingBox, SingBoxSmux
from bench.peers.xray import V2ray, V2rayMux, Xray, XrayMux

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
OURS = Ours()
PEERS: tuple[Peer, ...] = (*BOUNDS, *CHAINS, OURS)

__all__ = ["BOUNDS", "CHAINS", "OURS", "PEERS", "Peer"]
