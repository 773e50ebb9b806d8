"""A relay in hostile hands: it stands where jp-dmit stood, with its key."""

import contextlib
from collections.abc import Callable, Iterator

from bench.hostile.attacks.attack import Attack
from bench.hostile.attacks.frames import NODES_DEEDS, answer_pings, slowly
from bench.hostile.ground import Ground
from bench.hostile.peers.carrier import HostileCarrier
from bench.hostile.peers.node import HostileNode, Plot, welcome
from relay.wire.codes import Reason
from relay.wire.setup import Hello, Parsed, Proceed, Refused, Transit, encode

NODE = "jp-dmit"


def about_a_transit(ground: Ground, carrier: HostileCarrier) -> None:
    """C1: refused for some reason, or taken and betrayed."""
    chance, did = ground.random, ground.did
    reason = chance.choice(tuple(Reason))
    refusal = Refused(reason, chance.choice(("us-dmit is gone for good", "\x1b[2J\n" * 40, "")))
    kind = chance.choice(("refused", "refused", "refused", "silence", "proceed, then noise", "cut", "slow bytes"))
    did[f"TRANSIT: {kind}"] += 1
    if kind == "refused":
        carrier.send_message(refusal)
    elif kind == "proceed, then noise":
        carrier.send_message(Proceed(chance.choice((0.0, 0.05, 4000.0))))
        sock = carrier.unwrap()
        sock.sendall(chance.randbytes(20_000))
        sock.close()
    elif kind == "slow bytes":
        slowly(carrier, encode(refusal))
    elif kind == "silence":
        ground.wait(12.0)


def answer_as(ground: Ground) -> Callable[[HostileCarrier, Parsed], bool]:
    """What it says first."""

    def answer(carrier: HostileCarrier, message: Parsed) -> bool:
        if isinstance(message, Transit):
            about_a_transit(ground, carrier)
            return False
        if ground.random.random() < 0.2:
            ground.did["HELLO: refused"] += 1
            carrier.send_message(Refused(ground.random.choice(tuple(Reason)), "no"))
            return False
        carrier.send_message(welcome(draining=ground.random.random() < 0.2))
        return True

    return answer


def plot_of(ground: Ground) -> Plot:
    """On a carrier that ends here: a deed, and more of them as long as it lives as a node's carrier does; or a cut."""

    def plot(carrier: HostileCarrier, _: Hello) -> None:
        def deed(*_: object) -> None:
            chosen = ground.random.choice(NODES_DEEDS)
            ground.did[chosen.__name__.replace("_", " ")] += 1
            carrier.flood(chosen(ground.random), 2.0)

        deed()
        if ground.random.random() < 0.7:
            answer_pings(carrier, deed, lambda: ground.random.random() < 0.1)
        else:
            ground.did["cuts"] += 1

    return plot


@contextlib.contextmanager
def stage(ground: Ground) -> Iterator[HostileNode]:
    """It listens."""
    with HostileNode(ground.keys, NODE, ground.node(NODE), plot_of(ground), answer_as(ground)) as node:
        yield node


def wait_for_victims(ground: Ground) -> None:
    """All that it does it does to those who come."""
    ground.wait(1.0)


RELAY = Attack("relay", "a relay with a valid key", (wait_for_victims,), ("shanghai",), NODE, stage)
