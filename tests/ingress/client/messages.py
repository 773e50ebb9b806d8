"""What clients and origins say, as bytes."""

from relay.model.network import Address

HOST = "target.example"


def get(host: str = HOST, path: str = "/", head: str = "") -> bytes:
    """A plain request; *head* are more fields."""
    return f"GET http://{host}{path} HTTP/1.1\r\nHost: {host}\r\n{head}\r\n".encode()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
"""A whole answer, which leaves the origin's connection open."""
ANSWERED = (b"HTTP/1.1 200 OK", b"ok")


def socks5(host: str = HOST, port: int = 443) -> bytes:
    """Greeting and request at once."""
    return b"\x05\x01\x00\x05\x01\x00\x03" + bytes([len(host)]) + host.encode() + port.to_bytes(2, "big")


def socks5_reply(code: int) -> bytes:
    """What is answered to both."""
    return bytes([5, 0, 5, code, 0, 1, 0, 0, 0, 0, 0, 0])


def connect(host: str = HOST, port: int = 443) -> bytes:
    return f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()


ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def address(text: str) -> Address:
    """`127.0.0.1:80`."""
    host, _, port = text.rpartition(":")
    return Address(host, int(port))
