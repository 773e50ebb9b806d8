"""A line's port: what is being dialled and what is open over the line, and what a command does to them."""

import socket

from ingress.demo.emulator.connection import EmulatedConnection
from ingress.demo.emulator.dial import PendingDial, tune
from ingress.demo.emulator.line import EmulatedLine
from ingress.demo.emulator.loop import READ, EmulatorLoop

BACKLOG = 1024
"""Connections the kernel holds until they are accepted: a thousand dials at once must not look like a lossy line."""


class Port:
    """Listens on a port of 127.0.0.1 for those who dial *line*."""

    def __init__(self, loop: EmulatorLoop, line: EmulatedLine, port: int) -> None:
        self.line = line
        self._loop = loop
        self._dialling: set[PendingDial] = set()
        self._connections: list[EmulatedConnection] = []
        self._dials = 0
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tune(self._listener)
        self._listener.bind(("127.0.0.1", port))
        self._listener.listen(BACKLOG)
        loop.register(self._listener.fileno(), READ, self._on_ready)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self._listener.getsockname()
        return host, port

    def resume(self) -> None:
        """The line's conditions changed: whatever waits for them goes on."""
        for dialling in tuple(self._dialling):
            dialling.resume()
        for connection in self._open_connections():
            connection.resume()

    def reset(self) -> None:
        """All that is open or being dialled over the line gets a RST."""
        for dialling in tuple(self._dialling):
            dialling.reset()
        for connection in self._open_connections():
            connection.reset()

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
            "dials": self._dials,
            "connections": len(self._open_connections()),
            "bytes_towards": line.towards.carried,
            "bytes_back": line.back.carried,
        }

    def _open_connections(self) -> list[EmulatedConnection]:
        self._connections = [connection for connection in self._connections if connection.is_open]
        return self._connections

    def _on_ready(self, _events: int) -> None:
        try:
            sock, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        tune(sock)
        self._dials += 1
        self._dialling.add(PendingDial(self._loop, self.line, sock, self._on_end))

    def _on_end(self, dialling: PendingDial, node: socket.socket | None) -> None:
        self._dialling.discard(dialling)
        if node is not None:
            connection = EmulatedConnection(self._loop, dialling.dialler, node, self.line.towards, self.line.back)
            self._connections = [*self._open_connections(), connection]
