"""Clients written by hand, byte by byte: they show what the program does, not what a library makes of it."""

import http.client
import socket
import struct
from collections.abc import Callable

PATIENCE = 30.0
"""Seconds for anything that should happen at all; figures belong to bench/."""


def receive(sock: socket.socket, size: int) -> bytes:
    """Exactly *size* bytes."""
    found = b""
    while len(found) < size:
        data = sock.recv(size - len(found))
        if not data:
            raise ConnectionError(f"closed after {len(found)} of {size} bytes")
        found += data
    return found


def read_all(sock: socket.socket) -> bytes:
    """Everything up to the end, which must be a clean one."""
    return b"".join(iter(lambda: sock.recv(1 << 18), b""))


def open_socks5(sock: socket.socket, host: str, port: int) -> None:
    """RFC 1928, without a password. ConnectionError holds the code of a refusal; so it is at the other doors."""
    sock.sendall(b"\x05\x01\x00")
    receive(sock, 2)
    ask_socks5(sock, host, port)


def open_socks5_as(sock: socket.socket, host: str, port: int, user: str, password: str) -> None:
    """RFC 1929: with a password. PermissionError if it is refused."""
    sock.sendall(b"\x05\x01\x02")
    assert receive(sock, 2) == b"\x05\x02"
    sock.sendall(b"\x01" + b"".join(bytes([len(word)]) + word.encode() for word in (user, password)))
    if receive(sock, 2)[1]:
        raise PermissionError(user)
    ask_socks5(sock, host, port)


def ask_socks5(sock: socket.socket, host: str, port: int) -> None:
    """The request and its answer."""
    name = host.encode()
    address = b"\x01" + socket.inet_aton(host) if is_ipv4(host) else bytes([3, len(name)]) + name
    sock.sendall(b"\x05\x01\x00" + address + struct.pack(">H", port))
    _, code, _, kind = receive(sock, 4)
    if code:
        raise ConnectionError(code)
    receive(sock, 6 if kind == 1 else 18)


def open_socks4(sock: socket.socket, host: str, port: int) -> None:
    """SOCKS4 for an address, 4a for a name."""
    address, name = (socket.inet_aton(host), b"") if is_ipv4(host) else (b"\0\0\0\1", host.encode() + b"\0")
    sock.sendall(struct.pack(">BBH", 4, 1, port) + address + b"\0" + name)
    code = receive(sock, 8)[1]
    if code != 0x5A:
        raise ConnectionError(code)


def open_connect(sock: socket.socket, host: str, port: int, fields: str = "") -> None:
    """RFC 9110 section 9.3.6; *fields* are further ones, each with its line end."""
    sock.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{fields}\r\n".encode())
    status = int(read_head(sock).split()[1])
    if status != 200:
        raise ConnectionError(status)


def read_head(sock: socket.socket) -> bytes:
    """An HTTP head with its empty line, and not a byte more."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += receive(sock, 1)
    return head


def is_ipv4(host: str) -> bool:
    """Whether *host* is an address and not a name."""
    return host.replace(".", "").isdigit()


def http_over(sock: socket.socket) -> http.client.HTTPConnection:
    """HTTP to the target over a connection that leads there; it is not opened again by itself."""
    connection = http.client.HTTPConnection("target.test")
    connection.sock = sock
    connection.auto_open = 0
    return connection


def reset(sock: socket.socket) -> None:
    """Close with a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


DOORS: dict[str, Callable[[socket.socket, str, int], None]] = {
    "socks5": open_socks5,
    "socks4": open_socks4,
    "connect": open_connect,
}
