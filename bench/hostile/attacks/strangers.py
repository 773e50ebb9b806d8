"""Strangers at the proxy's port: those whom `clients` does not list, and those who are listed and know no password."""

import contextlib

from bench.hostile.attacks.attack import Attack
from bench.hostile.ground import GUESSER, HERE, OUTSIDER, Ground, basic, reset, socks_host

HEAD = b"GET http://" + HERE.encode() + b"/ HTTP/1.1\r\nHost: h\r\n"
BEGINNINGS = (
    b"\x05\x01\x02\x01\x05alice\x07wrong pw\x05\x01\x00" + socks_host(HERE) + b"\x00\x50",
    b"\x04\x01\x00\x50\x00\x00\x00\x01user\x00host.example\x00",
    HEAD + b"Content-Length: 10\r\n\r\n",
    b"CONNECT " + HERE.encode() + b":443 HTTP/1.1\r\nHost: h\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
)


def flood_from_outside(ground: Ground) -> None:
    """D3: connects from an address that may not, each closed at once."""
    for _ in ground.times(2000):
        ground.dial(OUTSIDER).close()
        ground.did["connects from outside"] += 1


def half_requests(ground: Ground) -> None:
    """The beginning of something, then silence."""
    with ground.crowd() as keep:
        for _ in ground.times(250):
            whole = ground.random.choice(BEGINNINGS)
            keep(ground.dial(GUESSER)).sendall(whole[: ground.random.randrange(1, len(whole))])
            ground.did["half requests"] += 1
        ground.wait(1.5)


def rubbish(ground: Ground) -> None:
    """Bytes of no protocol."""
    for _ in ground.times(150):
        with contextlib.suppress(OSError), ground.dial(GUESSER) as sock:
            sock.sendall(ground.random.randbytes(ground.random.randrange(1, 70_000)))
        ground.did["rubbish"] += 1


def slow_bytes(ground: Ground) -> None:
    """A byte at a time, on many connections at once."""
    with ground.crowd() as keep:
        pairs = [(keep(ground.dial(GUESSER)), ground.random.choice(BEGINNINGS)) for _ in ground.times(50)]
        for at in ground.times(40):
            for sock, whole in pairs:
                with contextlib.suppress(OSError):
                    sock.sendall(whole[at : at + 1])
            ground.did["slow bytes"] += len(pairs)
            ground.wait(0.05)


def wrong_passwords(ground: Ground) -> None:
    """D2: guesses, over both doors; some names are real, some guesses are the same again."""
    for _ in ground.times(30):
        user = ground.random.choice((ground.facts.user, "root", f"u{ground.random.randrange(10_000)}"))
        guess = ground.random.choice(("123456", f"p{ground.random.randrange(1 << 30)}"))
        with contextlib.suppress(OSError), ground.dial(GUESSER) as sock:
            if ground.random.random() < 0.5:
                sock.sendall(HEAD + basic(user, guess) + b"\r\n")
            else:
                words = bytes([1, len(user)]) + user.encode() + bytes([len(guess)]) + guess.encode()
                sock.sendall(b"\x05\x01\x02" + words)
            sock.recv(4096)
        ground.did["wrong passwords"] += 1


def silence_after_407(ground: Ground) -> None:
    """D1: a request without a password, its answer unread, then nothing."""
    body = ground.random.choice((b"", b"Content-Length: 10\r\n"))
    with ground.crowd() as keep:
        for _ in ground.times(300):
            keep(ground.dial(GUESSER)).sendall(HEAD + body + b"\r\n")
            ground.did["silent after 407"] += 1
        ground.wait(1.5)


def resets(ground: Ground) -> None:
    """A beginning, then a RST."""
    for _ in ground.times(300):
        sock = ground.dial(ground.random.choice((GUESSER, OUTSIDER)))
        with contextlib.suppress(OSError):
            sock.sendall(ground.random.choice(BEGINNINGS)[: ground.random.randrange(60)])
        reset(sock)
        ground.did["resets"] += 1


STRANGERS = Attack(
    "strangers",
    "strangers at the proxy's port",
    (flood_from_outside, half_requests, rubbish, slow_bytes, wrong_passwords, silence_after_407, resets),
    ("shanghai",),
)
