"""Bounds on time and memory that the file sets: `[limits]` for ingresses, `limits` in `[node.NAME]` for that node."""

import attrs


@attrs.frozen
class Limits:
    """Times in seconds, sizes in bytes."""

    handshake: float = 10.0
    """From accepting a client to its whole request, its password included; at a node, from accepting a connection to
    the end of its set-up, the dial of the next line included. Slow links need 1 or 2."""
    drain: float = 10.0
    """How long streams may go on after SIGTERM; at a relay, carriers that it passes on."""
    half_closed_idle: float = 300.0
    """After how long without progress a half-closed stream is reset."""
    kept_idle: float = 300.0
    """How long an HTTP connection is kept without a request, and with it the connections to origins that it would use
    again. At nodes it means nothing."""
    keepalive: float = 60.0
    """TCP keepalive's first probe on sockets of clients; at an exit, of targets."""
    memory: int = 256 * 2**20
    """What the windows of all streams may hold together. The file's default is what suits the machine
    (relay.config.machine)."""
    streams: int = 20_000
    """Streams at once; further ones are refused. As `memory`, less on a small machine."""


USUAL = Limits()
"""What holds where the file says nothing."""
OF_INGRESSES = ("kept_idle",)
"""What no node has a use for: clients come to ingresses only."""
OF_EXITS = ("half_closed_idle", "keepalive", "memory", "streams")
"""What a node that is no exit has no use for: no stream ends there."""
