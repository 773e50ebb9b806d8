"""Whoever has a node's key, where ingresses dial it: an exit or relay in hostile hands."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

from relay.identity import load_identity
from relay.wire.codes import Reason
from relay.wire.setup import DIGEST_SIZE, Hello, Refused, Transit, Welcome
from tests.hostile.carrier import HostileCarrier, secure

Plot = Callable[[HostileCarrier, Hello], None]
"""What is done on a carrier that was welcomed, in a thread of its own; the carrier is closed when it returns."""
LAST = 1 << 34
"""When its certificate ends, as it says."""


class HostileNode:
    """It listens at `address` in the place of the node *name*, welcomes every carrier, and goes on by *plot*.

    What it is asked to pass on it refuses, for *reason*. Used as a context; the node itself must not run.
    """

    def __init__(
        self, keys: Path, name: str, address: tuple[str, int], plot: Plot, reason: Reason = Reason.DIAL_FAILED
    ) -> None:
        self._context = load_identity(keys, name).server_context()
        self._plot, self._reason = plot, reason
        self.address = address
        self._carriers: list[HostileCarrier] = []
        self.welcomed = 0
        """Carriers so far."""

    def __enter__(self) -> "HostileNode":
        self._listener = socket.create_server(self.address, backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for carrier in self._carriers:
            carrier.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError, ssl.SSLError), secure(sock, self._context, server_side=True) as carrier:
            message = carrier.read_message()
            if isinstance(message, Transit):
                carrier.send_message(Refused(self._reason, "no"))
            elif isinstance(message, Hello):
                self._carriers.append(carrier)
                carrier.send_message(Welcome(bytes(DIGEST_SIZE), 0, "hostile", False, LAST))
                self.welcomed += 1
                self._plot(carrier, message)
