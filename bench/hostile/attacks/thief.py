"""Whoever has stolen the ingress's key, at the door of an exit and of a relay."""

import contextlib
import secrets
import socket
import ssl
from collections.abc import Iterable

from bench.hostile.attacks.attack import Attack
from bench.hostile.ground import HERE, PATIENCE, Ground, serving
from bench.hostile.peers import words
from bench.hostile.peers.carrier import HostileCarrier, secure
from bench.hostile.peers.ingress import StolenIngress
from relay.config.network import load_network
from relay.identity import load_identity
from relay.model.cause import Cause
from relay.model.network import Network
from relay.model.walk import hops_from
from relay.wire import bodies
from relay.wire.codes import Purpose
from relay.wire.frames import Kind, data_header, frame
from relay.wire.setup import TOKEN_SIZE, Proceed, Transit

NODE, BEYOND = "us-dmit", "us-nube"
RELAY = "jp-dmit"
NAME = "shanghai"


def thief(ground: Ground, node: str = NODE) -> StolenIngress:
    return StolenIngress(ground.keys, NAME, ground.node(node))


def flood(ground: Ground, what: str, frames: Iterable[bytes]) -> None:
    """On a carrier of its own, never reading; for 3 s at most without progress."""
    carrier, _ = thief(ground).ask(purpose=ground.random.choice((Purpose.THIN, Purpose.BULK)))
    with carrier:
        carrier.flood(words.pieces(until_over(ground, frames)), PATIENCE)
    ground.did[what] += 1


def until_over(ground: Ground, frames: Iterable[bytes]) -> Iterable[bytes]:
    """*frames*, as long as there is time."""
    for number, one in enumerate(frames):
        if number % 1000 == 0 and ground.is_over:
            return
        yield one


def pings_unread(ground: Ground) -> None:
    flood(ground, "PINGs unread", words.pings(500_000))


def resets_of_unknown_ids(ground: Ground) -> None:
    flood(ground, "RESETs of unknown ids", words.resets(200_000, ground.random.choice((1, 2, 1000, 1 << 40))))


def attach_storms(ground: Ground) -> None:
    frames = words.storm(1) if ground.random.random() < 0.3 else words.attaches(200_000, ground.random.choice((1, 7)))
    flood(ground, "ATTACH storms", frames)


def questions(ground: Ground) -> None:
    flood(ground, "TIME storms", words.times(100_000, HERE, 1))


def far_ids(ground: Ground) -> None:
    first = ground.random.choice((1 << 40, 1 << 62, (1 << 64) - 100))
    flood(ground, "OPENs of far ids", words.opens(90, HERE, 1, first))


def streams_without_end(ground: Ground) -> None:
    """OPEN by the thousand, to a target that sends, and nothing is acknowledged."""

    def sender(sock: socket.socket) -> None:
        while True:
            sock.sendall(bytes(65_536))

    with serving(sender) as port:
        flood(ground, "OPEN storms", words.opens(2000, HERE, port))


def bytes_out_of_order(ground: Ground) -> None:
    """C2, at an exit."""
    how = ground.random.choice((words.scattered, words.backwards))

    def taker(sock: socket.socket) -> None:
        while sock.recv(65_536):
            pass

    with serving(taker) as port:
        frames = [bodies.open_stream(1, 1, HERE, port), *words.pieces(how(1, 40_000))]
        flood(ground, "bytes out of order", frames)


def mixed_frames(ground: Ground) -> None:
    """Frames of a few streams, in no order at all."""
    chance = ground.random

    def frames() -> Iterable[bytes]:
        for _ in range(3000):
            stream, far = chance.randrange(1, 6), chance.choice((0, 1, 5, 1 << 18, 1 << 62))
            yield chance.choice(
                (
                    bodies.open_stream(stream, chance.randrange(4), HERE, 1),
                    bodies.attach(stream, chance.randrange(9), far, far, chance.randrange(4)),
                    bodies.fin(stream, far),
                    bodies.reset(stream, chance.choice(tuple(Cause)), far),
                    bodies.ack(stream, far, far),
                    data_header(stream, far, 4) + b"word",
                    frame(Kind.PING, bytes(9)),
                    frame(chance.randrange(256), chance.randbytes(9))
                    if chance.random() < 0.01
                    else frame(Kind.PING, bytes(9)),
                )
            )

    flood(ground, "mixed frames", frames())


def sessions_without_end(ground: Ground) -> None:
    """C5: each carrier is of a new session; they stay."""
    with ground.crowd() as keep:
        for _ in ground.times(120):
            node = ground.random.choice((NODE, RELAY))
            with contextlib.suppress(OSError, ssl.SSLError):
                purpose = Purpose.PREFIX if node == RELAY else ground.random.choice(tuple(Purpose))
                carrier, _ = thief(ground, node).ask(secrets.token_bytes(TOKEN_SIZE), purpose)
                keep(carrier)
                ground.did["sessions"] += 1
        ground.wait(1.0)


def carriers_of_one_session(ground: Ground) -> None:
    """And all of them silent."""
    token = secrets.token_bytes(TOKEN_SIZE)
    with ground.crowd() as keep:
        for _ in ground.times(150):
            with contextlib.suppress(OSError, ssl.SSLError):
                carrier, _ = thief(ground).ask(token, Purpose.BULK)
                keep(carrier)
                ground.did["carriers"] += 1
        ground.wait(1.0)


def to_and_fro(ground: Ground) -> None:
    """C6: over the line between the two exits, to and fro, as deep as it is passed on."""
    network, identity = load_network(ground.facts.config), load_identity(ground.keys, NAME)
    sock, at = ground.dial("127.0.0.1", ground.facts.ports[NODE]), NODE
    for deep in ground.times(20):
        carrier = secure(sock, identity.client_context(), server_side=False)
        left = ground.random.choice((1, 2, 3, max(1, 3 - deep)))
        carrier.send_message(transit(network, "us-us", at, left))
        if not isinstance(carrier.read_message(), Proceed):
            carrier.close()
            break
        sock, at = carrier.unwrap(), BEYOND if at == NODE else NODE
        ground.did["lines to and fro"] += 1
    ground.did["TRANSIT to and fro"] += 1


def transit(network: Network, line: str, start: str, left: int) -> Transit:
    """That asks *start* for *line*."""
    digest = next(hop.digest for hop in hops_from(network, start) if hop.line.name == line)
    return Transit(line, digest, "ix-dmit", left)


def half_set_ups(ground: Ground) -> None:
    """A valid key, then half a message, or another than belongs there."""
    context = load_identity(ground.keys, NAME).client_context()
    with ground.crowd() as keep:
        for _ in ground.times(60):
            with contextlib.suppress(OSError, ssl.SSLError):
                carrier: HostileCarrier = secure(
                    ground.dial("127.0.0.1", ground.facts.ports[NODE]), context, server_side=False
                )
                keep(carrier)
                carrier.say(frame(ground.random.choice((1, 2, 3, 4, 5, 16, 200)), ground.random.randbytes(30)))
                ground.did["half set-ups"] += 1
        ground.wait(1.0)


THIEF = Attack(
    "thief",
    "a stolen key of the ingress",
    (
        pings_unread,
        resets_of_unknown_ids,
        attach_storms,
        questions,
        far_ids,
        streams_without_end,
        bytes_out_of_order,
        mixed_frames,
        sessions_without_end,
        carriers_of_one_session,
        to_and_fro,
        half_set_ups,
    ),
    ("us-dmit", "jp-dmit"),
)
