"""The programs beside us, each wired to two chains with its own means of failing over."""
from bench.survive.scene import System
PEERS: tuple[System, ...] = ()
