"""An ingress with a thousand rules, a list of a hundred thousand names and one of ten thousand networks."""

import random
from collections.abc import Iterator

from bench.peers.ours import Ours
from bench.processes import Command
from bench.topology import Place

RULES, NAMES, NETWORKS = 1_000, 100_000, 10_000
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-"


def names(count: int, seed: int) -> Iterator[str]:
    """So many made-up names, as those of published lists: two labels mostly, some with three."""
    dice = random.Random(seed)
    for number in range(count):
        word = "".join(dice.choices(LETTERS[:-1], k=1) + dice.choices(LETTERS, k=dice.randint(2, 12)))
        yield f"{word.rstrip('-')}{number}.{dice.choice(('com', 'cn', 'com.cn', 'net', 'example'))}"


def networks(count: int, seed: int) -> Iterator[str]:
    """So many that do not touch this machine."""
    dice = random.Random(seed)
    for _ in range(count):
        yield f"{dice.choice((1, 36, 58, 101, 113, 202))}.{dice.randrange(256)}.{dice.randrange(256)}.0/24"


def rules_text() -> str:
    """The rules: some about names of their own, some about networks, ports and clients, two with the lists."""
    listed = '[[rule]]\nhost = {{ file = "{}", format = "plain" }}\ndeny = true\n'
    said = [listed.format("names.txt"), listed.format("networks.txt")]
    own = list(names(RULES, 3))
    for number in range(RULES - len(said)):
        match number % 50:
            case 0:
                said.append(f'[[rule]]\ncidr = "10.{number % 256}.0.0/16"\nport = 25\ndeny = true\n')
            case 1:
                said.append(f'[[rule]]\nclient = "192.168.{number % 256}.0/24"\nport = {1000 + number}\ndeny = true\n')
            case _:
                said.append(f'[[rule]]\nhost = "{own[number]}"\nredundant = true\n')
    return "".join(said)


class Ruled(Ours):
    """This project, by these rules; none of them is for the target of the measurement."""

    name = "with rules"

    def commands(self, at: Place) -> list[Command]:
        at.write("names.txt", "\n".join(names(NAMES, 1)))
        at.write("networks.txt", "\n".join(networks(NETWORKS, 2)))
        return super().commands(at)

    def _paths(self, at: Place) -> str:
        return super()._paths(at) + rules_text()
