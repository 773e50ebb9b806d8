"""Reads the network out of `paths.toml`: everything is checked here, once, and all mistakes are told together."""

from relay.config.mistakes import ConfigError, Mistake
from relay.config.network import find_node, load_network
from relay.config.secrets import read_secret

__all__ = ["ConfigError", "Mistake", "find_node", "load_network", "read_secret"]
