"""A connection that a line's port has accepted, until the dial over the line has its outcome.

A port is dialled as a SOCKS5 proxy, which is told the node's address, or as a plain one, which leads to one node.
What must stay true: a dialler that gives up is let go at once, and the dial with it.
"""

import socket
from collections.abc import Callable

from ingress.demo.emulator import socks
from ingress.demo.emulator.connection import reset
from ingress.demo.emulator.dial import PendingDial
from ingress.demo.emulator.line import EmulatedLine
from ingress.demo.emulator.loop import READ, EmulatorLoop

OnEnd = Callable[["LineEntry", socket.socket | None], None]
"""Told once: the entry, and the node's socket if the two are to be joined; without one the dialler's is closed."""


class LineEntry:
    """What both kinds of entry share."""

    def __init__(self, loop: EmulatorLoop, line: EmulatedLine, sock: socket.socket, on_end: OnEnd) -> None:
        self.dialler = sock
        """The socket of whoever dials."""
        self._loop = loop
        self._line = line
        self._on_end = on_end
        self._dial: PendingDial | None = None
        self._is_open = True

    def resume(self) -> None:
        """The line's conditions changed."""
        if self._dial is not None:
            self._dial.resume()

    def reset(self) -> None:
        """The dialler gets a RST."""
        if self._is_open:
            self._end(None, abort=True)

    def _begin_dial(self, address: tuple[str, int]) -> None:
        self._dial = PendingDial(self._loop, self._line, address, self._on_outcome)

    def _on_outcome(self, node: socket.socket | None) -> None:
        raise NotImplementedError

    def _end(self, node: socket.socket | None, *, abort: bool = False) -> None:
        self._is_open = False
        self._loop.unregister(self.dialler.fileno())
        if self._dial is not None:
            self._dial.close()
        self._on_end(self, node)
        if node is not None:
            return
        if abort:
            reset(self.dialler)
        else:
            self.dialler.close()


class SocksEntry(LineEntry):
    """Asked by SOCKS5 to dial an address."""

    def __init__(self, loop: EmulatorLoop, line: EmulatedLine, sock: socket.socket, on_end: OnEnd) -> None:
        super().__init__(loop, line, sock, on_end)
        self._data = b""
        self._read_more: Callable[[], bool] = self._read_greeting
        loop.register(sock.fileno(), READ, self._on_ready)

    def _on_ready(self, _events: int) -> None:
        try:
            data = self.dialler.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data or self._dial is not None:  # nothing may be sent before the answer
            self._end(None)
            return
        self._data += data
        try:
            while self._read_more():
                pass
        except socks.NotSocks:
            self._end(None)

    def _read_greeting(self) -> bool:
        if (size := socks.parse_greeting(self._data)) is None:
            return False
        self._data = self._data[size:]
        self._send(socks.NO_PASSWORD)
        self._read_more = self._read_request
        return True

    def _read_request(self) -> bool:
        if (request := socks.parse_connect(self._data)) is None:
            return False
        address, _ = request
        self._begin_dial(address)
        return False

    def _on_outcome(self, node: socket.socket | None) -> None:
        self._send(socks.REFUSED if node is None else socks.SUCCEEDED)
        self._end(node)

    def _send(self, answer: bytes) -> None:
        try:
            self.dialler.send(answer)
        except OSError:  # the dialler is gone: reading the socket says so, here or in the tunnel
            return


class PlainEntry(LineEntry):
    """Leads to *node*, without a word: for whoever dials a line as if it were the node's own address.

    The kernel has accepted it before the node is dialled, so a refusal is a RST. What the dialler sends meanwhile
    waits in the kernel, as if it had waited for the dial.
    """

    def __init__(
        self, loop: EmulatorLoop, line: EmulatedLine, sock: socket.socket, node: tuple[str, int], on_end: OnEnd
    ) -> None:
        super().__init__(loop, line, sock, on_end)
        loop.register(sock.fileno(), 0, lambda _events: self._end(None))  # unasked, one is told of a RST only
        self._begin_dial(node)

    def _on_outcome(self, node: socket.socket | None) -> None:
        self._end(node, abort=True)
