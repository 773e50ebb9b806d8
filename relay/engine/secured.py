"""A socket with TLS over it. OpenSSL works in memory, and what goes over the socket is ours to move.

So one system call takes in or sends as many records as there are, where OpenSSL itself takes two for every record that
it reads (its header, its body) and one for every record that it writes. What must stay true: bytes that were encrypted
leave once, whole and in order; and `fetch` takes no byte beyond the record that it began, so that the socket can change
hands between two sessions.
"""

import socket
import ssl

RECORD_HEADER = 5
"""Bytes: type 1, version 2, length 2 (RFC 8446 section 5.1)."""
OPENING = 64
"""Bytes at the beginning of a connection by which it is known again: in them stand the 32 random ones of a
ClientHello, unless it was cut into the smallest pieces."""


class Secured:
    """*sock* (non-blocking, connected) belongs to it from now on, until a session's end gives it back (`unwrap`)."""

    __slots__ = ("_head", "_missing", "_unsent", "fetched", "incoming", "opening", "outgoing", "sock", "tls")

    def __init__(
        self, sock: socket.socket, context: ssl.SSLContext, server_side: bool, server_hostname: str | None
    ) -> None:
        self.sock = sock
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side, server_hostname)
        """For reading, writing and certificates. What it wants to read must be in `incoming`; writing never waits."""
        self.opening = b""
        """The first OPENING bytes that came, as they came."""
        self.fetched = 0
        """Bytes that `fetch` has taken in."""
        self._head = b""
        self._missing = 0  # bytes of the record that is being fetched; 0 while its header is
        self._unsent = memoryview(b"")

    def __repr__(self) -> str:
        return f"<Secured fd {self.sock.fileno()}, {self.unsent} unsent>"

    @property
    def unsent(self) -> int:
        """Bytes, as they go over the wire, that the kernel has not taken yet. They cannot be taken back."""
        return len(self._unsent) + self.outgoing.pending

    def fetch(self) -> None:
        """Take in what the kernel has of the record that comes next, or the end of the stream.

        Raises:
            BlockingIOError: it has nothing.
            OSError: the connection broke.
        """
        data = self.sock.recv(self._missing or RECORD_HEADER - len(self._head))
        if not data:
            self.incoming.write_eof()
            return
        self.incoming.write(data)
        self.fetched += len(data)
        if len(self.opening) < OPENING:
            self.opening += data[: OPENING - len(self.opening)]
        if self._missing:
            self._missing -= len(data)
            return
        self._head += data
        if len(self._head) == RECORD_HEADER:
            self._missing = int.from_bytes(self._head[-2:], "big")
            self._head = b""

    def flush(self) -> bool:
        """Send what was encrypted; False if the kernel is full and some is left.

        Raises:
            OSError: the connection broke. What is left will never leave, and is dropped, so that what the peer said
                before (a refusal, an alert) can still be read.
        """
        try:
            while self._unsent or self.outgoing.pending:
                self._unsent = self._unsent or memoryview(self.outgoing.read())
                self._unsent = self._unsent[self.sock.send(self._unsent) :]
        except BlockingIOError:
            return False
        except ConnectionError:
            self._unsent = memoryview(b"")
            self.outgoing.read()
            raise
        return True

    def close(self) -> None:
        """Close the socket; nothing more is said over it."""
        self.sock.close()
