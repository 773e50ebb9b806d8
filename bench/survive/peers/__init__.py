"""The programs beside us, each with two chains of nodes and its own means of failing over from one to the other."""

from bench.survive.peers.haproxy import HaproxyBackup
from bench.survive.peers.pproxy import PproxyAlive
from bench.survive.peers.singbox import SingBoxUrltest
from bench.survive.peers.xray import XrayLeastPing
from bench.survive.scene import System

PEERS: tuple[System, ...] = (SingBoxUrltest(), XrayLeastPing(), HaproxyBackup(), PproxyAlive())

__all__ = ["PEERS"]
