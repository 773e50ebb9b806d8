"""A dial over a line: SOCKS5 from whoever dials, a connect to the node half a round trip later, the answer after that.

What must stay true: a dial is answered, refused or left alone as the line is when its packets would cross it; one that
was left alone goes on when the line is healed, as a SYN that is sent again; a dialler that gives up is let go at once.
"""

import errno
import socket
from collections.abc import Callable

from ingress.demo.emulator import socks
from ingress.demo.emulator.connection import reset
from ingress.demo.emulator.line import Dial, EmulatedLine
from ingress.demo.emulator.loop import READ, WRITE, EmulatorLoop

RECEIVE_BUFFER = 256 * 1024
"""Bytes the kernel holds for us. What waits there is a queue that no line has: with the megabytes of the default,
a line of 50 KB/s would take a minute's worth of bytes before its sender notices."""


def tune(sock: socket.socket) -> None:
    """Make a socket carry bytes as they come, and not block; before it connects or listens."""
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class PendingDial:
    """One accepted connection until it is a connection over the line (*on_dialled*) or closed."""

    def __init__(
        self,
        loop: EmulatorLoop,
        line: EmulatedLine,
        sock: socket.socket,
        on_end: Callable[["PendingDial", socket.socket | None], None],
    ) -> None:
        self._loop = loop
        self._line = line
        self._sock = sock
        self._on_end = on_end
        self._data = b""
        self._read_more: Callable[[], bool] = self._read_greeting
        self._address: tuple[str, int] | None = None
        self._node: socket.socket | None = None
        self._parked: Callable[[], None] | None = None
        self._is_open = True
        loop.register(sock.fileno(), READ, self._on_ready)

    @property
    def dialler(self) -> socket.socket:
        """The socket of whoever dials."""
        return self._sock

    def resume(self) -> None:
        """The line's conditions changed: a dial that nobody answered is tried again."""
        if self._parked and self._line.dial is not Dial.SILENT:
            again, self._parked = self._parked, None
            again()

    def reset(self) -> None:
        """The dialler gets a RST."""
        if self._is_open:
            self._end(None, abort=True)

    def _on_ready(self, _events: int) -> None:
        try:
            data = self._sock.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data or self._address:  # nothing may be sent before the answer
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
        self._address, _ = request
        self._cross(self._connect)
        return False

    def _cross(self, then: Callable[[], None]) -> None:
        """Let half a round trip pass, unless nothing crosses the line."""

        def arrive() -> None:
            if not self._is_open:
                return
            if self._line.dial is Dial.SILENT:
                self._parked = lambda: self._cross(then)
            else:
                then()

        self._loop.call_at(self._loop.now + self._line.conditions.round_trip / 2, arrive)

    def _connect(self) -> None:
        if self._line.dial is Dial.REFUSED:
            self._cross(self._refuse)
            return
        assert self._address is not None
        self._node = socket.socket(socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET)
        tune(self._node)
        code = self._node.connect_ex(self._address)
        if code in (0, errno.EINPROGRESS):
            self._loop.register(self._node.fileno(), WRITE, self._on_connected)
        else:
            self._cross(self._refuse)

    def _on_connected(self, _events: int) -> None:
        assert self._node is not None
        self._loop.unregister(self._node.fileno())
        code = self._node.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self._cross(self._refuse if code else self._answer)

    def _refuse(self) -> None:
        self._send(socks.REFUSED)
        self._end(None)

    def _answer(self) -> None:
        if self._line.dial is Dial.REFUSED:
            self._refuse()
            return
        self._send(socks.SUCCEEDED)
        node, self._node = self._node, None
        self._end(node)

    def _send(self, answer: bytes) -> None:
        try:
            self._sock.send(answer)
        except OSError:  # the dialler is gone: reading the socket says so, here or in the connection
            return

    def _end(self, node: socket.socket | None, *, abort: bool = False) -> None:
        self._is_open = False
        self._loop.unregister(self._sock.fileno())
        if self._node is not None:
            self._loop.unregister(self._node.fileno())
            self._node.close()
        self._on_end(self, node)
        if node is not None:
            return
        if abort:
            reset(self._sock)
        else:
            self._sock.close()
