"""An exit in hostile hands: it stands where us-dmit stood, with its key; a client opens streams to it all the time."""

import contextlib
import random
from collections.abc import Callable, Iterable, Iterator

from bench.hostile.attacks.attack import Attack
from bench.hostile.attacks.frames import NODES_DEEDS, answer_pings
from bench.hostile.ground import HERE, Ground, reset
from bench.hostile.peers import words
from bench.hostile.peers.carrier import HostileCarrier
from bench.hostile.peers.node import HostileNode, Plot
from relay.model.cause import Cause
from relay.wire import bodies
from relay.wire.frames import Kind, data_header
from relay.wire.setup import Hello

NODE = "us-dmit"
WIDE = 1 << 62


def data(stream: int, offset: int, payload: bytes) -> bytes:
    """DATA."""
    return data_header(stream, offset, len(payload)) + payload


def taken(stream: int, limit: int = 1 << 20) -> bytes:
    """The target is there, says the exit."""
    return bodies.attached(stream, 1, 0, limit, 0) + bodies.connected(stream, 0.01)


def no_bounds(stream: int, _: random.Random) -> Iterable[bytes]:
    """B4: limit 2^62, and no acknowledgement ever."""
    return [taken(stream, WIDE)]


def bytes_out_of_order(stream: int, chance: random.Random) -> Iterable[bytes]:
    """C2."""
    how = chance.choice((words.scattered, words.backwards))
    return [taken(stream), *words.pieces(how(stream, chance.choice((500, 10_000))))]


def storms(stream: int, chance: random.Random) -> Iterable[bytes]:
    """The same word again and again."""
    word = chance.choice(
        (
            bodies.connected(stream, 0.01),
            bodies.attached(stream, 1, 0, 1 << 20, 0),
            bodies.attached(stream, chance.randrange(1 << 32), 0, WIDE, 0),
            bodies.ack(stream, 0, 1 << 20),
            bodies.fin(stream, 5),
        )
    )
    return [taken(stream), *words.pieces(word for _ in range(20_000))]


def ends(stream: int, chance: random.Random) -> Iterable[bytes]:
    """FIN, RESET and bytes in every order."""
    pieces = [
        bodies.fin(stream, chance.choice((0, 4, 8, WIDE))),
        bodies.fin(stream, chance.choice((4, 5))),
        bodies.reset(stream, chance.choice(tuple(Cause)), chance.choice((0, 1, 5, 9, WIDE))),
        bodies.reset(stream, chance.randrange(256)),
        data(stream, 0, b"word"),
        data(stream, chance.choice((4, 8, 1 << 19, WIDE)), b"word"),
        bodies.connected(stream, 0.01),
        bodies.ack(stream, chance.choice((0, 10, WIDE)), WIDE),
    ]
    chance.shuffle(pieces)
    return [bodies.attached(stream, 1, 0, 1 << 20, 0), *pieces[: chance.randrange(1, 9)]]


def too_much(stream: int, chance: random.Random) -> Iterable[bytes]:
    """More than the window, before it was allowed."""
    return [taken(stream), *(data(stream, at << 18, bytes(1 << 18)) for at in range(chance.randrange(1, 12)))]


def refusals(stream: int, chance: random.Random) -> Iterable[bytes]:
    """Not connected, for each cause there is and some that there are not."""
    return [bodies.reset(stream, chance.randrange(60))]


def silence(_: int, __: random.Random) -> Iterable[bytes]:
    """No answer."""
    return ()


DEEDS: tuple[Callable[[int, random.Random], Iterable[bytes]], ...] = (
    no_bounds,
    no_bounds,
    bytes_out_of_order,
    storms,
    ends,
    ends,
    too_much,
    refusals,
    silence,
)


def plot_of(ground: Ground) -> Plot:
    """Each stream meets a deed; each carrier may meet one as well, sooner or later."""

    def opened(carrier: HostileCarrier, stream: int) -> None:
        deed = ground.random.choice(DEEDS)
        ground.did[deed.__name__.replace("_", " ")] += 1
        carrier.flood(deed(stream, ground.random), 2.0)
        if ground.random.random() < 0.1:
            at_carrier(carrier)

    def at_carrier(carrier: HostileCarrier) -> None:
        deed = ground.random.choice(NODES_DEEDS)
        ground.did[deed.__name__.replace("_", " ")] += 1
        carrier.flood(deed(ground.random), 2.0)

    def plot(carrier: HostileCarrier, _: Hello) -> None:
        def told(kind: int, body: bytes) -> None:
            if kind == Kind.OPEN:
                opened(carrier, bodies.parse_open(body)[0])
            elif kind == Kind.TIME and ground.random.random() < 0.5:
                carrier.say(bodies.timed(bodies.parse_time(body)[0], 0.001, 0))

        if ground.random.random() < 0.1:
            at_carrier(carrier)
        answer_pings(carrier, told)

    return plot


@contextlib.contextmanager
def stage(ground: Ground) -> Iterator[HostileNode]:
    """It listens."""
    with HostileNode(ground.keys, NODE, ground.node(NODE), plot_of(ground)) as node:
        yield node


def uploads(ground: Ground) -> None:
    """Clients that send all they can."""
    with ground.crowd() as keep:
        socks = [keep(ground.open(HERE, 9)) for _ in ground.times(20)]
        for _ in ground.times(15):
            for sock in socks:
                sock.setblocking(False)
                with contextlib.suppress(OSError):
                    sock.send(bytes(1 << 20))
            ground.wait(0.2)


def visits(ground: Ground) -> None:
    """Clients that come, say a word, and go."""
    for _ in ground.times(20):
        socks = [ground.open(HERE, 9) for _ in ground.times(5)]
        ground.wait(0.3)
        for sock in socks:
            with contextlib.suppress(OSError):
                sock.sendall(b"word")
            reset(sock) if ground.random.random() < 0.5 else sock.close()


EXIT = Attack("exit", "an exit with a valid key", (uploads, visits, visits), ("shanghai",), NODE, stage)
