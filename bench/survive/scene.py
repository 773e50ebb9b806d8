"""A system on emulated lines: started, asked which line its load rides on, and broken by order."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import trio

from bench.load import Failed
from bench.survive.route import Route
from bench.survive.target import Target, listening_sockets, open_target
from ingress.demo.network import INGRESS, REFERENCE, DemoNetwork
from ingress.demo.processes import Processes, open_processes
from ingress.demo.running import Demo

HOST = "127.0.0.1"
LOOK = 0.05


class Scene(Protocol):
    """One running system."""

    route: Route
    folder: Path
    """Where its logs are."""

    async def order(self, text: str) -> None:
        """Have it done to a line or a node; Failed if it cannot be."""

    async def ridden(self, turn: int) -> tuple[str, str]:
        """A line that most of the load rides on, with each *turn* another one, and a relay of that path."""


class System(Protocol):
    """What can be put into a scene."""

    name: str
    how: str

    def missing(self) -> str | None:
        """Why it cannot be measured here, or None."""

    def version(self) -> str:
        """As the program says it."""

    def target(self) -> AbstractAsyncContextManager[Target]:
        """The target, where the system's exits can reach it."""

    def scene(self, target: Target) -> AbstractAsyncContextManager[Scene]:
        """It, running on the reference network's lines."""


class RuledNetwork(DemoNetwork):
    """The reference network, with one target port whose streams are redundant."""

    redundant_port = 0

    def paths_toml(self) -> str:
        rule = f"\n[[rule]]\nport = {self.redundant_port}\nredundant = true\n"
        return super().paths_toml() + (rule if self.redundant_port else "")


def ridden_of(report: Any, ends: Mapping[str, str], turn: int) -> tuple[str, str]:
    """Of the path that carries the most streams: its first line or its second, and the relay between them.

    Equal paths share those, and part only at the exits: so all streams are met, or nearly.
    """
    path = max(report["paths"], key=lambda path: path["streams"] - 2 * path["redundant"])
    lines = path["path"].split("/")
    return lines[turn % min(2, len(lines))], ends[lines[0]]


class QuietDemo(Demo):
    """Starts a node again once it has ended, without looking for its port: that costs the load's loop 0.1 s a look."""

    async def _start_again(self, node: str) -> str:
        while self.processes[node].is_alive:  # noqa: ASYNC110 - whoever drains it waits for its end already
            await trio.sleep(LOOK)
        self._start_node(node)
        return "ok"


class OurScene:
    """This project, by its public commands."""

    def __init__(self, network: RuledNetwork, processes: Processes) -> None:
        self.demo = QuietDemo(network, processes)
        self.folder = processes.folder
        self.route = Route(HOST, network.ports[INGRESS])

    async def order(self, text: str) -> None:
        answer = await self.demo.order(text)
        if answer != "ok":
            raise Failed(f"{text}: {answer}")

    async def ridden(self, turn: int) -> tuple[str, str]:
        ends = {line.name: line.end for line in self.demo.network.lines}
        return ridden_of(await self.demo.ask(ask="paths"), ends, turn)

    async def paths(self) -> Any:
        return await self.demo.ask(ask="paths")

    def log(self) -> Path:
        return self.demo.processes[INGRESS].log


class Ours:
    """The reference network: one ingress, two relays in Japan, two exits in the US, nine lines."""

    name = "ingress"
    how = "streams outlive their carriers"

    def missing(self) -> str | None:
        return None

    def version(self) -> str:
        from relay import __version__

        return f"ingress {__version__}"

    def target(self) -> AbstractAsyncContextManager[Target]:
        return open_target(listening_sockets(HOST))

    @asynccontextmanager
    async def scene(self, target: Target) -> AsyncIterator[OurScene]:
        async with open_processes() as processes:
            network = RuledNetwork(processes.folder, REFERENCE)
            network.redundant_port = target.addresses[1][1]
            scene = OurScene(network, processes)
            await scene.demo.start()
            yield scene
