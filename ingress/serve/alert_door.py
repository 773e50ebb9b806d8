"""The proxy that messages go by where direct does not work: a port of loopback for one message, with a password."""

import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from ingress.client.entrance import Entrance
from relay.engine import Listener, Loop, sockopts

HERE = "127.0.0.1"
USER = "ingress-alert"
"""Under which these streams are counted, and by which rules may name them."""


class AlertDoor:
    """Leads into *entrance*, as a client of it that has logged in."""

    def __init__(self, loop: Loop, entrance: Entrance) -> None:
        self._loop = loop
        self._entrance = entrance

    @contextmanager
    def open(self) -> Iterator[str]:
        """The URL of a proxy that is there until the end. Whoever does not know its password is turned away."""
        password = secrets.token_hex(16)
        sock = socket.create_server((HERE, 0))
        sock.setblocking(False)
        sockopts.nodelay(sock)
        listener = Listener(self._loop, sock, self._entrance.accept_guest)
        port = sock.getsockname()[1]
        self._entrance.guests[USER.encode(), password.encode()] = None
        try:
            yield f"http://{USER}:{password}@{HERE}:{port}"
        finally:
            del self._entrance.guests[USER.encode(), password.encode()]
            listener.stop()
