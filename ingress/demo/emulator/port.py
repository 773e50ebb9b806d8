"""A line's port: what is being dialled and what is open over the line, and what a command does to them."""

import socket

from ingress.demo.emulator.connection import EmulatedConnection
from ingress.demo.emulator.datagrams import LineDatagrams
from ingress.demo.emulator.dial import tune
from ingress.demo.emulator.entry import LineEntry, PlainEntry, SocksEntry
from ingress.demo.emulator.line import EmulatedLine
from ingress.demo.emulator.loop import READ, EmulatorLoop

BACKLOG = 1024
"""Connections the kernel holds until they are accepted: a thousand dials at once must not look like a lossy line."""


class Port:
    """Listens on a port of 127.0.0.1 for those who dial *line*: by SOCKS5, or, if it leads to one *node*, plainly."""

    def __init__(
        self,
        loop: EmulatorLoop,
        line: EmulatedLine,
        port: int,
        node: tuple[str, int] | None = None,
        datagrams: tuple[str, int] | None = None,
    ) -> None:
        """*datagrams*: the node to which those lead that come to the same port; None if the line carries none."""
        self.line = line
        self.dials = 0
        """Connections accepted so far."""
        self._loop = loop
        self._node = node
        self._entries: set[LineEntry] = set()
        self._tunnels: list[EmulatedConnection] = []
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tune(self._listener)
        self._listener.bind(("127.0.0.1", port))
        self._listener.listen(BACKLOG)
        loop.register(self._listener.fileno(), READ, self._on_ready)
        self._datagrams = None if datagrams is None else LineDatagrams(loop, line, self.address[1], datagrams)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self._listener.getsockname()
        return host, port

    def resume(self) -> None:
        """The line's conditions changed: whatever waits for them goes on."""
        for entry in tuple(self._entries):
            entry.resume()
        for tunnel in self._open_tunnels():
            tunnel.resume()

    def reset(self) -> None:
        """All that is open or being dialled over the line gets a RST."""
        for entry in tuple(self._entries):
            entry.reset()
        for tunnel in self._open_tunnels():
            tunnel.reset()

    def close(self) -> None:
        """Listen no longer, and reset what is open. Harmless when repeated."""
        if self._listener.fileno() >= 0:
            self._loop.unregister(self._listener.fileno())
            self._listener.close()
        if self._datagrams is not None:
            self._datagrams.close()
        self.reset()

    def statistics(self) -> dict[str, object]:
        """What the line is like and what it has carried."""
        line = self.line
        return {
            "round_trip": line.conditions.round_trip,
            "jitter": line.conditions.jitter,
            "loss": line.conditions.loss,
            "rate": line.conditions.rate,
            "dial": line.dial.name.lower(),
            "blocked": [name for name, way in (("towards", line.towards), ("back", line.back)) if way.blocked],
            "deaf": line.is_deaf,
            "datagrams_lost": 0 if self._datagrams is None else self._datagrams.lost,
            "dials": self.dials,
            "connections": len(self._open_tunnels()),
            "bytes_towards": line.towards.carried,
            "bytes_back": line.back.carried,
        }

    def _open_tunnels(self) -> list[EmulatedConnection]:
        self._tunnels = [tunnel for tunnel in self._tunnels if tunnel.is_open]
        return self._tunnels

    def _on_ready(self, _events: int) -> None:
        try:
            sock, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        tune(sock)
        self.dials += 1
        if self._node is None:
            self._entries.add(SocksEntry(self._loop, self.line, sock, self._on_end))
        else:
            self._entries.add(PlainEntry(self._loop, self.line, sock, self._node, self._on_end))

    def _on_end(self, entry: LineEntry, node: socket.socket | None) -> None:
        self._entries.discard(entry)
        if node is not None:
            tunnel = EmulatedConnection(self._loop, entry.dialler, node, self.line.towards, self.line.back)
            self._tunnels = [*self._open_tunnels(), tunnel]
