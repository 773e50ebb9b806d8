"""A WebSocket through plain HTTP (RFC 6455), upgrade and frames written by hand, to a server of the test's own."""

import base64
import hashlib
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.network.clients import PATIENCE, read_head, receive
from tests.network.network import Network

pytestmark = pytest.mark.network
KEY = base64.b64encode(b"sixteen octets !").decode()
ACCEPT = base64.b64encode(hashlib.sha1(f"{KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest())
TEXT, BINARY, CLOSE = 0x1, 0x2, 0x8
MASK = b"\x0f\xf0\x55\xaa"


def frame(opcode: int, payload: bytes, mask: bytes | None = None) -> bytes:
    """A final frame of up to 65,535 bytes (section 5.2); a client's is masked."""
    bit = 0x80 if mask else 0
    length = bytes([bit | len(payload)]) if len(payload) < 126 else bytes([bit | 126]) + len(payload).to_bytes(2, "big")
    return bytes([0x80 | opcode]) + length + (mask + masked(payload, mask) if mask else payload)


def masked(payload: bytes, mask: bytes) -> bytes:
    return bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def read_frame(sock: socket.socket) -> tuple[int, bytes]:
    first, second = receive(sock, 2)
    length = second & 0x7F
    if length == 126:
        length = int.from_bytes(receive(sock, 2), "big")
    mask = receive(sock, 4) if second & 0x80 else None
    payload = receive(sock, length)
    return first & 0x0F, payload if mask is None else masked(payload, mask)


class Server:
    """Serves one client: greets it in the segment of the answer, then sends back what it gets, until CLOSE."""

    def __init__(self) -> None:
        self.head = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with self._listener, self._listener.accept()[0] as sock:
            sock.settimeout(PATIENCE)
            self.head = read_head(sock).lower()
            answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            sock.sendall(answer + b"Sec-WebSocket-Accept: " + ACCEPT + b"\r\n\r\n" + frame(TEXT, b"welcome"))
            opcode = TEXT
            while opcode != CLOSE:
                opcode, payload = read_frame(sock)
                sock.sendall(frame(opcode, payload))

    def end(self) -> None:
        self._thread.join(PATIENCE)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.end()


def test_a_websocket_is_upgraded_and_carries_frames_both_ways(network: Network, server: Server) -> None:
    with socket.create_connection(network.proxy, timeout=PATIENCE) as sock:
        sock.sendall(
            f"GET http://{server.address}/chat HTTP/1.1\r\nHost: {server.address}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = read_head(sock).lower()
        assert head.startswith(b"http/1.1 101") and b"upgrade: websocket" in head
        assert b"sec-websocket-accept: " + ACCEPT.lower() in head
        assert read_frame(sock) == (TEXT, b"welcome")
        for opcode, payload in ((TEXT, b"ping"), (BINARY, bytes(range(256)) * 200), (CLOSE, b"\x03\xe8")):
            sock.sendall(frame(opcode, payload, MASK))
            assert read_frame(sock) == (opcode, payload)
        assert sock.recv(1) == b""
    assert server.head.startswith(b"get /chat http/1.1") and b"upgrade: websocket" in server.head
    assert f"sec-websocket-key: {KEY.lower()}".encode() in server.head
