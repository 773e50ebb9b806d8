"""An origin that a client asks for pages, and that answers as no server should."""

import contextlib
import random
import socket
from collections.abc import Callable
from functools import partial

from bench.hostile.attacks.attack import Attack, Move
from bench.hostile.ground import HERE, LISTED, Ground, reset, serving

OK = b"HTTP/1.1 200 OK\r\n"
AT_ONCE = 12
"""Clients that ask at once."""
ROUNDS = 2
MOST_TAKEN = 1 << 20
"""Bytes that a client takes of one answer."""
Say = Callable[[socket.socket, random.Random], None]


def odd_heads(sock: socket.socket, chance: random.Random) -> None:
    """E5: status lines and fields of all kinds, some with bytes changed."""
    status = chance.choice(
        (b"HTTP/2.0 200 OK", b"HTTP/1.0 200", b"ICY 200 OK", b"HTTP/1.1 2000 OK", b"xx", b"\r\n" * 9)
    )
    fields = (
        b"Server : x",
        b"no field",
        b": empty",
        b"Content-Length: 2",
        b"Content-Length: 3, 3",
        b"Content-Length: -2",
        b"Transfer-Encoding: identity",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"X: a\0b\xff",
        b" folded",
        b"Connection: close, content-length",
    )
    lines = [status, *chance.choices(fields, k=chance.randrange(8))]
    whole = bytearray(b"\r\n".join(lines) + b"\r\n\r\n" + chance.choice((b"ok", b"2\r\nok\r\n0\r\n\r\n", b"zz\r\n")))
    for _ in range(chance.choice((0, 0, 1, 5))):
        whole[chance.randrange(len(whole))] = chance.randrange(256)
    sock.sendall(whole)


def endless_head(sock: socket.socket, chance: random.Random) -> None:
    """Fields without end, or one without end."""
    sock.sendall(OK)
    line = chance.choice((b"X: y\r\n", b"a" * 60, b"X: " + b"y" * 1000 + b"\r\n"))
    for _ in range(20_000):
        sock.sendall(line * 20)


def interim_flood(sock: socket.socket, chance: random.Random) -> None:
    """1xx answers without end."""
    one = chance.choice((b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"))
    for _ in range(20_000):
        sock.sendall(one * 20)


def early_reset(sock: socket.socket, chance: random.Random) -> None:
    """A RST before, in or behind the head."""
    whole = OK + b"Content-Length: 100000\r\n\r\n" + bytes(50_000)
    sock.sendall(whole[: chance.choice((0, 5, len(OK), 60, 40_000))])
    reset(sock)


def endless_body(sock: socket.socket, chance: random.Random) -> None:
    """A body that never ends, by length, or until the end that does not come."""
    sock.sendall(OK + chance.choice((b"Content-Length: 9999999999\r\n", b"")) + b"\r\n")
    while True:
        sock.sendall(bytes(30_000))


def tiny_chunks(sock: socket.socket, chance: random.Random) -> None:
    """The same in chunks of a byte or two, some with an extension."""
    sock.sendall(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    piece = chance.choice((b"1\r\nx\r\n", b"1\r\nx\r\n2\r\nxy\r\n", b"1;a=b\r\nx\r\n")) * 3000
    while True:
        sock.sendall(piece)


def smuggled(sock: socket.socket, chance: random.Random) -> None:
    """A second answer behind the first, which framing may or may not reach."""
    second = OK + b"Content-Length: 6\r\nX-Smuggled: yes\r\n\r\nstolen"
    framing = chance.choice(
        (
            b"Content-Length: 2\r\n",
            b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Content-Length: 2\r\nContent-Length: 300\r\n",
        )
    )
    sock.sendall(
        OK + framing + b"\r\n" + chance.choice((b"ok", b"2\r\nok\r\n0\r\n\r\n", b"0;ext\r\n\r\n")) + second * 3
    )


def byte_by_byte(sock: socket.socket, chance: random.Random) -> None:
    """An answer in single bytes."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * chance.randrange(200):
        sock.sendall(bytes([byte]))


def silent(sock: socket.socket, chance: random.Random) -> None:
    """Nothing, or the beginning of something."""
    sock.sendall(OK[: chance.randrange(len(OK))])
    sock.recv(1)


def upgraded(sock: socket.socket, chance: random.Random) -> None:
    """101 to whom did not ask, and bytes behind it."""
    sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + chance.randbytes(5000))


def answering(name: str, say: Say) -> Move:
    """A move: clients ask an origin that answers so."""

    def serve(chance: random.Random, sock: socket.socket) -> None:
        if sock.recv(65_536):
            say(sock, chance)

    def move(ground: Ground) -> None:
        with serving(partial(serve, ground.random)) as port:
            for _ in ground.times(ROUNDS):
                with ground.crowd() as keep:
                    socks = [keep(ask(ground, port)) for _ in ground.times(AT_ONCE)]
                    for sock in socks:
                        take(sock)
                    ground.did[name] += len(socks)

    move.__doc__ = say.__doc__
    return move


def ask(ground: Ground, port: int) -> socket.socket:
    """A request of some kind to that port, sent."""
    sock = ground.dial(LISTED)
    method = ground.random.choice((b"GET", b"GET", b"HEAD", b"POST", b"OPTIONS"))
    body = b"Content-Length: 5\r\n" if method == b"POST" else b""
    fields = b"Host: h\r\n" + ground.authorization() + body + b"\r\n" + (b"hello" if body else b"")
    sock.sendall(b"%s http://%s:%d/ HTTP/1.1\r\n%s" % (method, HERE.encode(), port, fields))
    return sock


def take(sock: socket.socket) -> None:
    """As much of the answer as comes soon."""
    sock.settimeout(0.2)
    taken = 0
    with contextlib.suppress(OSError):
        while taken < MOST_TAKEN and (data := sock.recv(65_536)):
            taken += len(data)


ORIGIN = Attack(
    "origin",
    "an origin of plain HTTP",
    tuple(
        answering(name, say)
        for name, say in (
            ("odd heads", odd_heads),
            ("heads without end", endless_head),
            ("1xx floods", interim_flood),
            ("early resets", early_reset),
            ("bodies without end", endless_body),
            ("tiny chunks without end", tiny_chunks),
            ("second answers", smuggled),
            ("single bytes", byte_by_byte),
            ("silence", silent),
            ("101 unasked", upgraded),
        )
    ),
    ("shanghai", "us-dmit"),
)
