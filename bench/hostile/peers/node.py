"""Whoever has a node's key, where ingresses dial it: an exit or relay in hostile hands."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

from bench.hostile.peers.carrier import HostileCarrier, secure
from relay.identity import load_identity
from relay.wire.codes import Reason
from relay.wire.errors import ProtocolError
from relay.wire.setup import DIGEST_SIZE, Hello, Parsed, Refused, Transit, Welcome

Plot = Callable[[HostileCarrier, Hello], None]
"""What is done on a carrier that was welcomed, in a thread of its own; the carrier is closed when it returns."""
Answer = Callable[[HostileCarrier, Parsed], bool]
"""Answers the first message of a carrier; whether that was a welcome."""
LAST = 1 << 34
"""When its certificate ends, as it says."""


def welcome(*, draining: bool = False) -> Welcome:
    """What is said to a HELLO."""
    return Welcome(bytes(DIGEST_SIZE), 0, "hostile", draining, LAST)


def usual_answer(carrier: HostileCarrier, message: Parsed) -> bool:
    """Everybody is welcome, nothing is passed on."""
    is_welcome = isinstance(message, Hello)
    if is_welcome:
        carrier.send_message(welcome())
    elif isinstance(message, Transit):
        carrier.send_message(Refused(Reason.DIAL_FAILED, "no"))
    return is_welcome


class HostileNode:
    """It listens at `address` in the place of the node *name*, answers every carrier by *answer*, and goes on by *plot*
    on those that are welcome. Used as a context; the node itself must not run.
    """

    def __init__(
        self, keys: Path, name: str, address: tuple[str, int], plot: Plot, answer: Answer = usual_answer
    ) -> None:
        self._context = load_identity(keys, name).server_context()
        self._plot, self._answer = plot, answer
        self.address = address
        self._carriers: set[HostileCarrier] = set()
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
        for carrier in tuple(self._carriers):
            carrier.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with (
            contextlib.suppress(OSError, ssl.SSLError, ProtocolError),
            secure(sock, self._context, server_side=True) as carrier,
        ):
            self._carriers.add(carrier)
            try:
                message = carrier.read_message()
                if self._answer(carrier, message) and isinstance(message, Hello):
                    self.welcomed += 1
                    self._plot(carrier, message)
            finally:
                self._carriers.discard(carrier)
