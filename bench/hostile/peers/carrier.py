"""One carrier in hostile hands, behind its handshake: bytes go out as they are given, bytes that come in are cut."""

import socket
import ssl
from collections.abc import Iterable, Iterator

from relay.wire.frames import HEADER_SIZE, Kind
from relay.wire.setup import Message, Parsed, encode, parse_setup

PATIENCE = 20.0
"""Seconds that one call may wait for the other side."""


class HostileCarrier:
    """TLS over *sock*, which belongs to it."""

    def __init__(self, sock: ssl.SSLSocket) -> None:
        self._sock = sock
        self._sock.settimeout(PATIENCE)
        self.sent = 0
        """Bytes that the other side, or the kernels between, have taken."""

    # set-up

    def read_message(self) -> Parsed:
        """One set-up message."""
        head = self._exactly(HEADER_SIZE)
        parsed = parse_setup(head + self._exactly(int.from_bytes(head[1:], "big")))
        assert parsed is not None
        return parsed[0]

    def send_message(self, message: Message) -> None:
        """One set-up message, whole."""
        self._sock.sendall(encode(message))

    # afterwards

    def say(self, *pieces: bytes) -> bool:
        """Send them; False if the other side has closed the carrier before it took all."""
        return self.flood(pieces)

    def flood(self, pieces: Iterable[bytes], most: float = PATIENCE) -> bool:
        """As `say`. Read nothing meanwhile; False as well if the other side takes nothing for *most* seconds."""
        self._sock.settimeout(most)
        try:
            for piece in pieces:
                self._sock.sendall(piece)
                self.sent += len(piece)
        except OSError:
            return False
        finally:
            self._settle()
        return True

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """What comes, kind and body, until the other side closes the carrier; it may be silent for PATIENCE seconds."""
        while True:
            try:
                head = self._exactly(HEADER_SIZE)
                yield head[0], self._exactly(int.from_bytes(head[1:], "big"))
            except TimeoutError:
                raise
            except OSError:
                return

    def hears(self, kind: Kind) -> bytes | None:
        """The body of the next frame of *kind*; None if the carrier is closed before."""
        return next((body for found, body in self.frames() if found == kind), None)

    def is_closed(self) -> bool:
        """Wait until the other side closes the carrier, whatever it still says: True; or for PATIENCE seconds."""
        try:
            for _ in self.frames():
                pass
        except TimeoutError:
            return False
        return True

    def unwrap(self) -> socket.socket:
        """End TLS as after PROCEED; the bare socket is the caller's, the carrier of no more use."""
        return self._sock.unwrap()

    def close(self) -> None:
        """Leave without a word."""
        self._sock.close()

    def __enter__(self) -> "HostileCarrier":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _settle(self) -> None:
        if self._sock.fileno() >= 0:
            self._sock.settimeout(PATIENCE)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self._sock.recv(count - len(data))
            if not more:
                raise ConnectionResetError
            data += more
        return data


def secure(sock: socket.socket, context: ssl.SSLContext, *, server_side: bool) -> HostileCarrier:
    """The handshake over *sock*, with the key that *context* has."""
    sock.settimeout(PATIENCE)
    context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    return HostileCarrier(context.wrap_socket(sock, server_side=server_side))
