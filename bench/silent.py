"""Clients that read nothing, and a target that sends to them all the same: what both ends of a tunnel hold for them."""

import contextlib
import select
import socket
import struct
import time
from collections.abc import Callable
from types import TracebackType

PIECE = bytes(64 * 1024)
KERNEL = 16 * 1024
"""Bytes that the kernel is asked to buffer at the two far ends, so that it has memory left for those in between."""
STILL = 1.0
"""Seconds without a byte taken after which nothing will be taken any more."""
LONGEST = 45.0
"""Seconds for which a target sends at most."""


class SilentClients:
    """Streams through a SOCKS5 proxy, by pairs: the client's end, which is never read, and the target's."""

    def __init__(self, proxy: tuple[str, int], host: str, check: Callable[[], None]) -> None:
        """*host* is where the target listens, on a port of its own. *check* is called again and again, and may raise:
        what they cost others must end somewhere."""
        self._proxy = proxy
        self._check = check
        self._listener = socket.create_server((host, 0), backlog=1024)
        self._clients: list[socket.socket] = []
        self._targets: list[socket.socket] = []
        self.sent = 0
        """Bytes that the target's kernel has taken."""

    def open(self, count: int) -> int:
        """So many more; gives how many got a target."""
        before = len(self._targets)
        for _ in range(count):
            self._check()
            with contextlib.suppress(OSError):
                self._open_one()
        return len(self._targets) - before

    def _open_one(self) -> None:
        host, port = self._listener.getsockname()
        client = socket.socket()
        self._clients.append(client)
        client.settimeout(10)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL)
        client.connect(self._proxy)
        client.sendall(b"\x05\x01\x00\x05\x01\x00\x01" + socket.inet_aton(host) + struct.pack(">H", port))
        self._listener.settimeout(10)
        target, _ = self._listener.accept()
        target.setblocking(False)
        target.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL)
        self._targets.append(target)

    def send(self) -> None:
        """The targets send until nobody takes anything any more."""
        poll = select.epoll()
        by_number = {target.fileno(): target for target in self._targets}
        for number in by_number:
            poll.register(number, select.EPOLLOUT | select.EPOLLET)
        end = time.monotonic() + LONGEST
        while time.monotonic() < end and (ready := poll.poll(STILL)):
            self._check()
            for number, _ in ready:
                self._push(by_number[number])
        poll.close()

    def _push(self, target: socket.socket) -> None:
        with contextlib.suppress(OSError):  # full; or reset, and then it is not counted on
            while True:
                self.sent += target.send(PIECE)

    @property
    def lost(self) -> int:
        """How many targets were reset."""
        return sum(bool(one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)) for one in self._targets)

    def __enter__(self) -> "SilentClients":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for sock in (*self._clients, *self._targets, self._listener):
            sock.close()
