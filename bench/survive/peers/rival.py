"""What all programs beside us share: two chains over the same emulated lines as ours, and a scene that breaks them.

Chain one is ingress, ix-dmit, jp-dmit, pacific-dmit, us-dmit; chain two the same by way of nube. Whoever dials over a
line dials its emulator's port, by SOCKS5 or, if it cannot, plainly; a node dials onward over its own line, whatever it
is asked for.
"""

import json
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from bench.load import Failed
from bench.peers.peer import Peer
from bench.survive.route import Route, answers
from bench.survive.scene import HOST, LOOK
from bench.survive.target import Target, listening_sockets, open_target
from bench.topology import Certificate, make_certificate
from ingress.demo.admin import exchange
from ingress.demo.network import INGRESS, REFERENCE, DemoNetwork
from ingress.demo.processes import Processes, open_processes

LINES = tuple(line for line in REFERENCE if line.name in ("ix-dmit", "pacific-dmit", "ix-nube", "pacific-nube"))
CHAINS = (("ix-dmit", "jp-dmit", "pacific-dmit", "us-dmit"), ("ix-nube", "jp-nube", "pacific-nube", "us-nube"))
"""Line, relay, line, exit."""
READY = 20.0
SETTLE = 3.0
"""Seconds after the first answer in which a program may find out which chain is the better one."""
CHECK = "1s"
"""How often programs look whether a chain works; theirs by default is 10 s and more."""
SIGNALS = {"kill": signal.SIGKILL, "freeze": signal.SIGSTOP, "thaw": signal.SIGCONT, "drain": signal.SIGTERM}


@dataclass(frozen=True)
class Place:
    """Where one runs: its files, and the ports of lines, nodes and ingress by name."""

    folder: Path
    certificate: Certificate
    ports: Mapping[str, int]
    target: tuple[str, int]

    def write(self, name: str, content: object) -> str:
        """A configuration file: text as it is, all else as JSON. Gives its path."""
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
        return str(path)


class PlainNetwork(DemoNetwork):
    """The ports of its lines lead to their nodes, for a program that cannot ask for them by SOCKS5.

    A dial over a dead line then connects, and hangs in what comes next.
    """

    def emulated_lines(self) -> dict[str, dict[str, float]]:
        ends = {line.name: self.ports[line.end] for line in self.lines}
        return {name: line | {"node": ends[name]} for name, line in super().emulated_lines().items()}


class RivalScene:
    """A program's processes on the lines."""

    def __init__(self, processes: Processes, network: DemoNetwork, commands: Mapping[str, Sequence[str]], speaks: str):
        self.folder = processes.folder
        self.route = Route(HOST, network.ports[INGRESS], speaks)
        self._processes = processes
        self._network = network
        self._commands = commands

    async def start(self, target: tuple[str, int]) -> None:
        """Emulator first, then every process; return when an exchange came through."""
        self._network.write()
        emulator = [sys.executable, "-m", "ingress.demo.emulator", str(self._network.emulator_config)]
        self._processes.start("emulator", emulator)
        for name, command in self._commands.items():
            self._processes.start(name, command)
        with trio.move_on_after(READY) as scope:
            while not await answers(self.route, target):  # noqa: ASYNC110 - it is another process
                await trio.sleep(LOOK)
        if scope.cancelled_caught:
            words = {name: self._processes[name].last_lines()[-200:] for name in self._commands}
            raise Failed(f"does not answer within {READY:.0f} s: {words}")
        await trio.sleep(SETTLE)

    async def order(self, text: str) -> None:
        """See Scene."""
        verb, name = text.split()[:2]
        if name in self._commands:
            await self._to_node(name, verb)
        elif (answer := await self._ask_emulator(text)) != "ok":
            raise Failed(f"{text}: {answer}")

    async def _ask_emulator(self, text: str) -> str:
        return await exchange(self._network.emulator_control, text)

    async def _to_node(self, node: str, verb: str) -> None:
        if verb == "start":
            self._processes[node].signal(signal.SIGKILL)  # a drain that has not come to its end
            await self._processes[node].wait()
            self._processes.start(node, self._commands[node])
        else:
            self._processes[node].signal(SIGNALS[verb])

    async def ridden(self, turn: int) -> tuple[str, str]:
        """See Scene: the chain whose first line carries more just now."""
        before = json.loads(await self._ask_emulator("status"))
        await trio.sleep(0.5)
        after = json.loads(await self._ask_emulator("status"))
        moved = {line: carried(after[line]) - carried(before[line]) for line in after}
        chain = max(CHAINS, key=lambda chain: moved[chain[0]])
        return chain[0 if turn % 2 == 0 else 2], chain[1]


def carried(statistics: Mapping[str, int]) -> int:
    """Bytes that came out of a line, both ways, by the emulator's account."""
    return statistics["bytes_towards"] + statistics["bytes_back"]


class Rival:
    """One program. A subclass says how it is configured."""

    name: str
    how: str
    peer: Peer
    """How the other measures know it: where it is, which version."""
    network: type[DemoNetwork] = DemoNetwork

    def missing(self) -> str | None:
        """See System."""
        return self.peer.missing()

    def version(self) -> str:
        """See System."""
        return self.peer.version()

    def commands(self, at: Place) -> dict[str, Sequence[str]]:
        """By node, and the ingress's last: what to run."""
        raise NotImplementedError

    def target(self) -> AbstractAsyncContextManager[Target]:
        """See System."""
        return open_target(listening_sockets(HOST))

    @asynccontextmanager
    async def scene(self, target: Target) -> AsyncIterator[RivalScene]:
        """See System."""
        async with open_processes() as processes:
            network = self.network(processes.folder, LINES)
            place = Place(processes.folder, make_certificate(processes.folder), network.ports, target.addresses[0])
            scene = RivalScene(processes, network, self.commands(place), self.peer.speaks)
            await scene.start(place.target)
            yield scene
