"""A dial over a line: a connect to the node half a round trip later, its outcome half a round trip after that.

What must stay true: a dial is answered, refused or left alone as the line is when its packets would cross it; one that
was left alone goes on when the line is healed, as a SYN that is sent again.
"""

import errno
import socket
from collections.abc import Callable

from ingress.demo.emulator.line import Dial, EmulatedLine
from ingress.demo.emulator.loop import WRITE, EmulatorLoop

RECEIVE_BUFFER = 256 * 1024
"""Bytes the kernel holds for us. What waits there is a queue that no line has: with the megabytes of the default,
a line of 50 KB/s would take a minute's worth of bytes before its sender notices."""


def tune(sock: socket.socket) -> None:
    """Make a socket carry bytes as they come, and not block; before it connects or listens."""
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class PendingDial:
    """One dial to *address*; *on_outcome* is told once: the connected socket, which is the caller's, or None."""

    def __init__(
        self,
        loop: EmulatorLoop,
        line: EmulatedLine,
        address: tuple[str, int],
        on_outcome: Callable[[socket.socket | None], None],
    ) -> None:
        self._loop = loop
        self._line = line
        self._address = address
        self._on_outcome = on_outcome
        self._node: socket.socket | None = None
        self._held_back: Callable[[], None] | None = None
        self._is_open = True
        self._cross(self._connect)

    def resume(self) -> None:
        """The line's conditions changed: a dial that nobody answered is tried again."""
        if self._held_back and self._line.dial is not Dial.SILENT:
            again, self._held_back = self._held_back, None
            again()

    def close(self) -> None:
        """Whoever dialled has gone: no outcome is told any more. Harmless when repeated."""
        self._is_open = False
        self._close_node()

    def _cross(self, then: Callable[[], None]) -> None:
        """Let half a round trip pass, unless nothing crosses the line."""

        def arrive() -> None:
            if not self._is_open:
                return
            if self._line.dial is Dial.SILENT:
                self._held_back = lambda: self._cross(then)
            else:
                then()

        self._loop.call_at(self._loop.now + self._line.conditions.round_trip / 2, arrive)

    def _connect(self) -> None:
        if self._line.dial is Dial.REFUSED:
            self._cross(self._refuse)
            return
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
        self.close()
        self._on_outcome(None)

    def _answer(self) -> None:
        if self._line.dial is Dial.REFUSED:
            self._refuse()
            return
        node, self._node = self._node, None
        self.close()
        self._on_outcome(node)

    def _close_node(self) -> None:
        if self._node is not None:
            self._loop.unregister(self._node.fileno())
            self._node.close()
            self._node = None
