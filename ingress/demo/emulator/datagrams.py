"""The datagrams of a line: a UDP port that leads to one node, with the line's delay, jitter, loss, rate and faults.

What is lost here is lost: nobody sends it again. What must stay true: a black hole swallows, nothing waits for it to
end; two datagrams may change places only by jitter, as on a real line.
"""

import socket
from collections.abc import Callable
from functools import partial

from ingress.demo.emulator.flight import OneWay
from ingress.demo.emulator.line import Dial, EmulatedLine
from ingress.demo.emulator.loop import READ, EmulatorLoop

LARGEST = 65_535
READS = 64
"""Datagrams taken from one socket in a turn."""
MOST_SOURCES = 256
"""Senders at once; the one that was silent for longest makes room."""
BUFFER = 4 * 2**20

Address = tuple[str, int]


class LineDatagrams:
    """Takes what is sent to *port* of 127.0.0.1, from anybody, to *node*; and what *node* answers, back."""

    def __init__(self, loop: EmulatorLoop, line: EmulatedLine, port: int, node: Address) -> None:
        self._loop = loop
        self._line = line
        self._node = node
        self._flows: dict[Address, Correspondence] = {}
        self.lost = 0
        """Datagrams that the line did not deliver, whatever for."""
        self._sock = open_socket()
        self._sock.bind(("127.0.0.1", port))
        loop.register(self._sock.fileno(), READ, self._on_ready)

    @property
    def address(self) -> Address:
        """Where it listens."""
        host, port = self._sock.getsockname()
        return host, port

    def close(self) -> None:
        """Listen no longer. Harmless when repeated."""
        for source in list(self._flows):
            self._flows.pop(source).close()
        if self._sock.fileno() >= 0:
            self._loop.unregister(self._sock.fileno())
            self._sock.close()

    def _on_ready(self, _events: int) -> None:
        for _ in range(READS):
            try:
                data, source = self._sock.recvfrom(LARGEST)
            except OSError:
                return
            self._send(self._line.towards, data, self._flow(source).send)

    def _flow(self, source: Address) -> "Correspondence":
        flow = self._flows.pop(source, None)
        if flow is None:
            if len(self._flows) >= MOST_SOURCES:
                self._flows.pop(next(iter(self._flows))).close()
            flow = Correspondence(self._loop, self._node, partial(self._answer, source))
        self._flows[source] = flow
        return flow

    def _answer(self, source: Address, data: bytes) -> None:
        self._send(self._line.back, data, partial(self._deliver, source))

    def _deliver(self, source: Address, data: bytes) -> None:
        try:
            self._sock.sendto(data, source)
        except OSError:
            self.lost += 1

    def _send(self, way: OneWay, data: bytes, deliver: Callable[[bytes], None]) -> None:
        """Have *data* arrive when it has come over *way*, if it does."""
        when = way.datagram_arrival(len(data), self._loop.now) if self._passes() else None
        if when is None:
            self.lost += 1
        else:
            self._loop.call_at(when, partial(self._arrive, way, data, deliver))

    def _passes(self) -> bool:
        return self._line.dial is not Dial.REFUSED and not self._line.is_deaf

    def _arrive(self, way: OneWay, data: bytes, deliver: Callable[[bytes], None]) -> None:
        """The line may have failed while *data* was on its way."""
        if way.blocked or not self._passes():
            self.lost += 1
        else:
            way.add_carried(len(data))
            deliver(data)


class Correspondence:
    """One sender's datagrams at the node: a socket of their own, so that the node can answer them."""

    __slots__ = ("_loop", "_on_answer", "_sock")

    def __init__(self, loop: EmulatorLoop, node: Address, on_answer: Callable[[bytes], None]) -> None:
        self._loop = loop
        self._on_answer = on_answer
        self._sock = open_socket()
        self._sock.connect(node)
        loop.register(self._sock.fileno(), READ, self._on_ready)

    def send(self, data: bytes) -> None:
        """Give the node *data*; lost if nobody is there, as anywhere."""
        try:
            self._sock.send(data)
        except OSError:
            return

    def _on_ready(self, _events: int) -> None:
        for _ in range(READS):
            try:
                data = self._sock.recv(LARGEST)
            except BlockingIOError:
                return
            except OSError:  # nobody listened at the node; the next datagram may find somebody
                continue
            self._on_answer(data)

    def close(self) -> None:
        """It is over; what is on its way is lost. Harmless when repeated."""
        if self._sock.fileno() >= 0:
            self._loop.unregister(self._sock.fileno())
            self._sock.close()


def open_socket() -> socket.socket:
    """One that never blocks, with room for bursts."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, BUFFER)
    return sock
