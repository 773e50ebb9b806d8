"""A client who has a password and means harm."""

import contextlib
import socket

from bench.hostile.attacks.attack import Attack
from bench.hostile.ground import HERE, LISTED, Ground, black_hole, reset, serving

NOWHERE = ("10.0.0.1", "169.254.169.254", "127.0.0.1", "no-such-name.invalid", "-.x", "a" * 250, "192.0.2.1")
SOME = 64 * 1024


def sender(sock: socket.socket) -> None:
    """A target that sends for as long as somebody takes it."""
    while True:
        sock.sendall(bytes(SOME))


def sink(sock: socket.socket) -> None:
    """A target that takes all."""
    while sock.recv(SOME):
        pass


def refused_streams(ground: Ground) -> None:
    """D3: streams to a port where nobody listens."""
    with ground.crowd() as keep:
        for _ in ground.times(500):
            keep(ground.open(HERE, 1))
            ground.did["refused streams"] += 1
        ground.wait(1.0)


def forbidden_targets(ground: Ground) -> None:
    """Addresses and names that no exit may dial, or that there are not."""
    with ground.crowd() as keep:
        for _ in ground.times(150):
            keep(ground.open(ground.random.choice(NOWHERE), ground.random.choice((0, 22, 80, 65535))))
            ground.did["forbidden targets"] += 1
        ground.wait(1.0)


def black_holes(ground: Ground) -> None:
    """D5: targets that answer no SYN."""
    with black_hole() as port, ground.crowd() as keep:
        for _ in ground.times(300):
            keep(ground.open(HERE, port))
            ground.did["black-holed targets"] += 1
        ground.wait(3.0)


def readers_that_never_read(ground: Ground) -> None:
    """B2: downloads of which not a byte is taken."""
    with serving(sender) as port, ground.crowd() as keep:
        for _ in ground.times(250):
            keep(small_buffer(ground.open(HERE, port)))
            ground.did["readers that never read"] += 1
        ground.wait(4.0)


def small_buffer(sock: socket.socket) -> socket.socket:
    """The kernel takes little for it."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return sock


def uploads_to_the_deaf(ground: Ground) -> None:
    """B1 the other way: uploads that their target does not take."""
    with serving(lambda sock: ground.wait(6.0)) as port, ground.crowd() as keep:
        socks = [keep(ground.open(HERE, port)) for _ in ground.times(60)]
        for _ in ground.times(12):
            for sock in socks:
                sock.setblocking(False)
                with contextlib.suppress(OSError):
                    sock.send(bytes(1 << 20))
            ground.did["unread uploads"] += len(socks)
            ground.wait(0.3)


def resets_of_all_sorts(ground: Ground) -> None:
    """A1: streams that end by RST at some moment, some behind bytes."""
    with serving(sink) as port:
        for _ in ground.times(40):
            socks = [ground.open(HERE, port) for _ in ground.times(8)]
            ground.wait(ground.random.choice((0.0, 0.1, 0.3)))
            for sock in socks:
                with contextlib.suppress(OSError):
                    sock.setblocking(False)
                    sock.send(ground.random.randbytes(ground.random.randrange(200_000)))
                reset(sock)
                ground.did["resets"] += 1


def pipelined_and_unread(ground: Ground) -> None:
    """E8: requests behind each other, whose answers nobody takes."""
    with serving(endless_answer) as port, ground.crowd() as keep:
        ask = b"GET http://%s:%d/ HTTP/1.1\r\nHost: h\r\n%s\r\n" % (HERE.encode(), port, ground.authorization())
        for _ in ground.times(40):
            sock = keep(small_buffer(ground.dial(LISTED)))
            sock.setblocking(False)
            with contextlib.suppress(OSError):
                sock.send(ask * 200)
            ground.did["pipelined requests"] += 200
        ground.wait(3.0)


def endless_answer(sock: socket.socket) -> None:
    """HTTP without an end."""
    sock.recv(SOME)
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
    sender(sock)


def odd_requests(ground: Ground) -> None:
    """Heads too long, too many fields, framing that disagrees with itself, rubbish in place of chunks."""
    first = b"POST http://%s:1/ HTTP/1.1\r\nHost: h\r\n" % HERE.encode() + ground.authorization()
    heads = (
        first + b"X: " + b"a" * 100_000,
        first + b"X: y\r\n" * 5000 + b"\r\n",
        first + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        first + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n",
        first + b"Content-Length: -1\r\n\r\n",
        first + b"Content-Length: 99999999999999999999\r\n\r\n" + b"x" * SOME,
        b"GET " + b"/" * 100_000 + b" HTTP/1.1\r\n\r\n",
    )
    for _ in ground.times(100):
        with contextlib.suppress(OSError), ground.dial(LISTED) as sock:
            sock.sendall(ground.random.choice(heads))
            sock.settimeout(0.3)
            sock.recv(4096)
        ground.did["odd requests"] += 1


CLIENT = Attack(
    "client",
    "a client with a password",
    (
        refused_streams,
        forbidden_targets,
        black_holes,
        readers_that_never_read,
        uploads_to_the_deaf,
        resets_of_all_sorts,
        pipelined_and_unread,
        odd_requests,
    ),
    ("shanghai", "us-dmit"),
)
