"""Strangers at the nodes' ports: certificates of others, half a handshake, no handshake at all."""

import contextlib
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.hostile.attacks.attack import Attack
from bench.hostile.ground import GUESSER, Ground, reset
from bench.topology import make_certificate

NODES = ("us-dmit", "jp-dmit")


def port(ground: Ground) -> int:
    return ground.facts.ports[ground.random.choice(NODES)]


@contextlib.contextmanager
def foreign_context(*, shows: bool) -> Iterator[ssl.SSLContext]:
    """Of somebody who checks nothing; if he *shows* a certificate, he has signed it himself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with tempfile.TemporaryDirectory() as folder:
        if shows:
            made = make_certificate(Path(folder))
            context.load_cert_chain(made.cert, made.key)
        yield context


def client_hello(context: ssl.SSLContext) -> bytes:
    """The first bytes of a handshake."""
    out = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), out).do_handshake()
    return out.read()


def foreign_certificates(ground: Ground) -> None:
    """D3: handshakes to their end, with a certificate of another CA, or none."""
    with foreign_context(shows=ground.random.random() < 0.7) as context:
        for _ in ground.times(150):
            with contextlib.suppress(OSError), context.wrap_socket(ground.dial(GUESSER, port(ground))) as sock:
                sock.sendall(ground.random.randbytes(50))
                sock.recv(1)
            ground.did["foreign certificates"] += 1


def half_handshakes(ground: Ground) -> None:
    """A part of a ClientHello, then silence."""
    with foreign_context(shows=False) as context, ground.crowd() as keep:
        hello = client_hello(context)
        for _ in ground.times(200):
            part = hello[: ground.random.randrange(len(hello) + 1)]
            keep(ground.dial(GUESSER, port(ground))).sendall(part)
            ground.did["half handshakes"] += 1
        ground.wait(2.0)


def mutated_handshakes(ground: Ground) -> None:
    """A ClientHello with some bytes changed."""
    with foreign_context(shows=False) as context:
        for _ in ground.times(200):
            hello = bytearray(client_hello(context))
            for _ in range(ground.random.randrange(1, 20)):
                hello[ground.random.randrange(len(hello))] = ground.random.randrange(256)
            with contextlib.suppress(OSError), ground.dial(GUESSER, port(ground)) as sock:
                sock.settimeout(0.05)
                sock.sendall(hello)
                sock.recv(100)
            ground.did["mutated handshakes"] += 1


def rubbish(ground: Ground) -> None:
    """Other protocols, noise, resets."""
    for _ in ground.times(300):
        said = ground.random.choice((b"GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-x\r\n", ground.random.randbytes(30_000)))
        sock = ground.dial(GUESSER, port(ground))
        with contextlib.suppress(OSError):
            sock.sendall(said)
        reset(sock) if ground.random.random() < 0.5 else sock.close()
        ground.did["rubbish"] += 1


def silence(ground: Ground) -> None:
    """Connections that say nothing."""
    with ground.crowd() as keep:
        for _ in ground.times(600):
            keep(ground.dial(GUESSER, port(ground)))
            ground.did["silent connections"] += 1
        ground.wait(2.0)


HANDSHAKES = Attack(
    "handshakes",
    "strangers at the nodes' ports",
    (foreign_certificates, half_handshakes, mutated_handshakes, rubbish, silence),
    NODES,
)
