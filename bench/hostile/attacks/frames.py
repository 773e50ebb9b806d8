"""What hostile nodes say on carriers that end at them: a deed is frames for one carrier."""

import json
import random
import time
from collections.abc import Callable, Iterable

from bench.hostile.peers import words
from bench.hostile.peers.carrier import HostileCarrier
from relay.wire import bodies
from relay.wire.frames import Kind, frame

Deed = Callable[[random.Random], Iterable[bytes]]

OTHERS = ("ix-nube", "pacific-nube", "direct-nube", "cross-nube", "us-us", "ix-dmit", "nothing", "\u0007\u202e")
"""Lines, of which most begin and end at other nodes than the liar."""


def goaway_storm(_: random.Random) -> Iterable[bytes]:
    """C3."""
    return words.pieces(words.goaways(20_000))


def status_rubbish(chance: random.Random) -> Iterable[bytes]:
    """STATUS that is none: no JSON, other JSON, values that cannot be."""
    for _ in range(chance.randrange(1, 20)):
        whole = bytearray(lies(chance))
        for _ in range(chance.choice((0, 1, 8))):
            whole[chance.randrange(len(whole))] = chance.randrange(256)
        yield frame(Kind.STATUS, bytes(whole))


def status_storm(chance: random.Random) -> Iterable[bytes]:
    """More STATUS than anybody may say."""
    return words.pieces(frame(Kind.STATUS, lies(chance)) for _ in range(300))


def status_lies(chance: random.Random) -> Iterable[bytes]:
    """C7: a few, about others' lines, at a pace that is allowed."""
    return (frame(Kind.STATUS, lies(chance)) for _ in range(5))


def lies(chance: random.Random) -> bytes:
    """A STATUS that can be read, or nearly."""
    values: tuple[object, ...] = (0, -1, 1e300, 0.001, 2**70, "x" * 300, None, [], {"dial": 1})
    lines = {
        name: {
            "dial": chance.choice((0.001, 3599.0, *values)),
            "error": chance.choice(("gone for good", *values)),
            "carriers": chance.choice((1, *values)),
            "sent": chance.choice(({"segments": 10**9, "retransmitted": 10**9, "delivered": 1}, *values)),
        }
        for name in chance.choices(OTHERS, k=chance.randrange(6))
    }
    told: dict[str, object] = {
        "digest": chance.randbytes(8).hex(),
        "serial": chance.choice((0, 1, 2**62)),
        "lines": lines,
    }
    told |= {key: chance.choice(values) for key in ("vitals", "counters", "families") if chance.random() < 0.3}
    return json.dumps(told).encode()


def unasked_pongs(chance: random.Random) -> Iterable[bytes]:
    """C4."""
    return [bodies.pong(chance.choice((number, chance.randrange(1 << 32)))) for number in range(1, 200)]


def unknown_frames(chance: random.Random) -> Iterable[bytes]:
    """Kinds that there are not: some may be ignored, some not; long ones, cut ones."""
    for _ in range(50):
        yield frame(chance.randrange(129, 256), chance.randbytes(chance.randrange(60_000)))
    yield frame(chance.randrange(41, 128), b"x")


def out_of_place(chance: random.Random) -> Iterable[bytes]:
    """Frames that only an ingress says, set-up messages, headers that promise 16 MiB."""
    yield chance.choice(
        (
            next(iter(words.pings(1))),
            bodies.open_stream(1, 1, "x", 1),
            bodies.attach(1, 2, 0, 1 << 20, 0),
            frame(Kind.HELLO, chance.randbytes(40)),
            bytes([Kind.STATUS, 255, 255, 255]) + bytes(200_000),
            chance.randbytes(5000),
        )
    )


def unknown_streams(chance: random.Random) -> Iterable[bytes]:
    """Of streams that were never opened."""
    far = chance.choice((7, 1 << 20, 1 << 40, (1 << 64) - 10))
    return (
        chance.choice(
            (
                bodies.reset(far + at, 1),
                bodies.attached(far + at, 1, 0, 1 << 20, 0),
                bodies.connected(far + at, 0.1),
                bodies.fin(far + at, 5),
                bodies.ack(far + at, 0, 1 << 30),
            )
        )
        for at in range(9)
    )


NODES_DEEDS: tuple[Deed, ...] = (
    goaway_storm,
    status_rubbish,
    status_storm,
    status_lies,
    unasked_pongs,
    unknown_frames,
    out_of_place,
    unknown_streams,
)


def slowly(carrier: HostileCarrier, data: bytes) -> None:
    """A byte at a time."""
    for byte in data[:200]:
        if not carrier.say(bytes([byte])):
            return
        time.sleep(0.01)


def answer_pings(
    carrier: HostileCarrier, told: Callable[[int, bytes], object], is_time: Callable[[], bool] = lambda: False
) -> None:
    """Live as a node does, until the carrier ends; *told* hears every other frame, and a PING when *is_time*."""
    for kind, body in carrier.frames():
        if kind == Kind.PING:
            carrier.say(bodies.pong(bodies.parse_ping(body)[0]))
        if kind != Kind.PING or is_time():
            told(kind, body)
