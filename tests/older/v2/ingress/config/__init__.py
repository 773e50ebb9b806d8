"""Reads all of `paths.toml` for an ingress, and checks what only makes sense as a whole."""

from ingress.config.model import Doors, Forward, IngressConfig, Limits, NetworkFile, Rule
from ingress.config.read import load, read_file

__all__ = ["Doors", "Forward", "IngressConfig", "Limits", "NetworkFile", "Rule", "load", "read_file"]
