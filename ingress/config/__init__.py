"""Reads all of `paths.toml` for an ingress, and checks what only makes sense as a whole."""

from ingress.config.model import DatagramForward, Doors, Forward, IngressConfig, NetworkFile, Web
from ingress.config.read import load, read_file
from ingress.config.rule import Rule

__all__ = ["DatagramForward", "Doors", "Forward", "IngressConfig", "NetworkFile", "Rule", "Web", "load", "read_file"]
