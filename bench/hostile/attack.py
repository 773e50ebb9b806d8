"""`python -m bench.hostile.attack NAME FACTS`: one attack, in a process of its own, until its time is up.

FACTS are JSON. It prints what it did, as JSON: counts by what, and what of its own code failed, which no attack may.
"""

import json
import os
import resource
import ssl
import sys
import threading
import traceback
from collections.abc import Iterator

from bench.hostile.attacks import ATTACKS
from bench.hostile.attacks.attack import Attack, Move
from bench.hostile.ground import Facts, Ground
from relay.wire.errors import ProtocolError

HANDS = 2
"""Moves at once."""
GRACE = 6.0
"""Seconds that a move may last beyond the end."""
EXPECTED = (OSError, ssl.SSLError, ProtocolError)
"""How those who are attacked defend themselves."""


def main(name: str, facts: Facts) -> None:
    """Attack, then tell."""
    raise_descriptors()
    attack = next(one for one in ATTACKS if one.name == name)
    ground, failed = Ground(facts), list[str]()
    threading.excepthook = lambda hook: tell(hook.exc_value, failed)
    with attack.stage(ground):
        hands = [threading.Thread(target=work, args=(attack, ground, failed), daemon=True) for _ in range(HANDS)]
        for hand in hands:
            hand.start()
        ground.wait(facts.seconds)
        for hand in hands:
            hand.join(GRACE)
    print(json.dumps({"did": dict(ground.did), "failed": failed[:3]}), flush=True)
    os._exit(0)  # whatever some thread still waits for


def raise_descriptors() -> None:
    """As many as may be: each attacker has thousands of sockets."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def work(attack: Attack, ground: Ground, failed: list[str]) -> None:
    """One hand."""
    for move in endlessly(attack, ground):
        try:
            move(ground)
        except EXPECTED:
            ground.wait(0.05)
        except Exception as error:  # noqa: BLE001 - the measurement tells that it was none
            tell(error, failed)
            return


def tell(error: BaseException | None, failed: list[str]) -> None:
    """It is ours, and makes the row none."""
    if error is not None and not isinstance(error, EXPECTED):
        failed.append("".join(traceback.format_exception(error)[-2:]))


def endlessly(attack: Attack, ground: Ground) -> Iterator[Move]:
    """All moves in some order, then in another one, until it is over."""
    while not ground.is_over:
        yield from ground.random.sample(attack.moves, len(attack.moves))


if __name__ == "__main__":
    main(sys.argv[1], Facts(**json.loads(sys.argv[2])))
