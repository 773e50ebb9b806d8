"""What every node runs: lines, carriers, sessions and streams. Knows nothing of clients, rankings or SOCKS."""

__version__ = "0.1.0"
