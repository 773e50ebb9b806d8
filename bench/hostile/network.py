"""The reference network as it is attacked: clients are listed and have passwords, memory is tight, and each of the two
exits may dial one address only, so that who rides to which exit is no chance: the bystander to one, attackers to the
other."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.hostile.ground import HERE
from bench.load import Failed
from bench.survive.route import Route
from bench.survive.scene import QuietDemo
from ingress.demo.network import INGRESS, REFERENCE, DemoNetwork
from ingress.demo.processes import open_processes
from ingress.users_file import add_user
from relay.config.machine import CONSTANT, EACH

USER, PASSWORD = "alice", "correct horse battery staple"
THERE = "127.0.7.1"
"""Where the bystander's target is."""
MAY_DIAL = {"us-dmit": f"{HERE}/32", "us-nube": f"{THERE}/32"}
CLIENTS = "127.0.0.0/29"
MEMORY, STREAMS = 64 << 20, 4000
BOUND = MEMORY + CONSTANT + EACH * STREAMS
"""Resident bytes of a process, at most: docs/memory.md."""
LIMITS = f'memory = "{MEMORY >> 20}MiB", streams = {STREAMS}'


class AttackedNetwork(DemoNetwork):
    """See above."""

    def write(self) -> None:
        super().write()
        add_user(self.folder / "users.toml", USER, PASSWORD)

    def paths_toml(self) -> str:
        listen = f'listen = "{self.proxy}"'
        entry = f'{listen}\nclients = ["{CLIENTS}"]\nusers = "users.toml"'
        return super().paths_toml().replace(listen, entry, 1) + f"\n[limits]\n{LIMITS.replace(', ', chr(10))}\n"

    def _node(self, name: str) -> str:
        table = super()._node(name)
        if name not in MAY_DIAL:
            return table
        return table.replace("127.0.0.0/8", MAY_DIAL[name]) + f"\nlimits = {{ {LIMITS} }}"


class Bed:
    """It, running."""

    def __init__(self, demo: QuietDemo) -> None:
        self.demo = demo
        self.network = demo.network
        self.names = (INGRESS, *self.network.nodes)
        self.route = Route("127.0.0.1", self.network.ports[INGRESS], login=(USER, PASSWORD))

    async def order(self, text: str) -> None:
        """Have it done, or fail."""
        answer = await self.demo.order(text)
        if answer != "ok":
            raise Failed(f"{text}: {answer}")

    async def paths(self) -> Any:
        """The ingress's answer to `paths`."""
        return await self.demo.ask(ask="paths")

    def pid(self, name: str) -> int:
        """Of the process of *name*."""
        return self.demo.processes[name].pid

    def is_alive(self, name: str) -> bool:
        """Whether it runs."""
        return self.demo.processes[name].is_alive

    def log(self, name: str) -> Path:
        """Its log."""
        return self.demo.processes[name].log

    def facts(self, seed: int, seconds: float) -> str:
        """What an attacker is told, as JSON."""
        return json.dumps(
            {
                "config": str(self.network.config),
                "keys": str(self.network.keys),
                "proxy": self.network.ports[INGRESS],
                "ports": {name: self.network.ports[name] for name in self.network.nodes},
                "user": USER,
                "password": PASSWORD,
                "seed": seed,
                "seconds": seconds,
            }
        )


@asynccontextmanager
async def open_bed() -> AsyncIterator[Bed]:
    """The network, from its first process to the end of its last."""
    async with open_processes() as processes:
        demo = QuietDemo(AttackedNetwork(processes.folder, REFERENCE), processes)
        await demo.start()
        yield Bed(demo)
