"""A demo that runs: the network's processes, and the faults one can order.

What must stay true: an order is answered with `ok` or `error: …` after it is in force. Everything is started by the
public commands; what is known of the ingress is known from its admin socket.
"""

import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import trio

from ingress.demo.admin import NoAnswer, ask, exchange
from ingress.demo.network import EXITS, INGRESS, REFERENCE, TARGET_NAME, DemoLine, DemoNetwork
from ingress.demo.ports import listening
from ingress.demo.processes import DemoFailed, Process, Processes, open_processes, public_command

START = 20.0
"""Seconds until everything listens and the ingress answers; a loaded machine needs several."""
ALL_UP = 5.0
"""Seconds that are left to the slower paths, once one is up."""
LOOK = 0.02
"""Seconds between two looks at what does not tell by itself."""
EMULATOR = "emulator"
TARGET = "target"


class Demo:
    """A network of processes, which obeys orders."""

    def __init__(self, network: DemoNetwork, processes: Processes) -> None:
        self.network = network
        self.processes = processes
        self._nodes = (*network.nodes, INGRESS)
        self._orders: dict[str, Callable[[str], Awaitable[str]]] = {
            "kill": self._kill,
            "freeze": self._freeze,
            "thaw": self._thaw,
            "drain": self._drain,
            "start": self._start_again,
        }

    async def start(self) -> None:
        """Write the files, start all processes, wait until every path is up or has had its time."""
        self.network.write()
        self._start_ours(EMULATOR, str(self.network.emulator_config))
        exits = [f"{name}={address}" for name, address in self.network.target_addresses.items()]
        self._start_ours(TARGET, str(self.network.ports[TARGET_NAME]), *exits)
        await self.processes.run("keys", self._public("ingress", "keys"))
        for name in self._nodes:
            self._start_node(name)
        with trio.move_on_after(START):
            await self._until_listening(*self.network.ports)
            await self._until_up()
            return
        raise DemoFailed(f"after {START:.0f} s {await self._missing()}\n{self.processes[INGRESS].last_lines()}")

    async def order(self, text: str) -> str:
        """Obey one order: about a node here, about a line at the emulator. `cut` is the word for its black hole."""
        verb, *words = text.split() or [""]
        if verb not in self._orders or (verb == "freeze" and words and words[0] in self._line_names):
            answer = await self.ask_emulator(" ".join(["blackhole" if verb == "cut" else verb, *words]))
            if verb == "cut":
                return answer.replace("blackhole", "cut")
            return self._with_own_orders(answer)
        if len(words) != 1 or words[0] not in self._nodes:
            return f"error: usage: {verb} NODE, one of {', '.join(self._nodes)}"
        return await self._orders[verb](words[0])

    def _with_own_orders(self, answer: str) -> str:
        """The emulator's list of what it knows, as ours: each word once, and none that nobody types here."""
        head, found, names = answer.partition("not one of ")
        every = dict.fromkeys((*self._orders, "cut", *names.split(", ")))
        return f"{head}{found}{', '.join(one for one in every if one != 'blackhole')}" if found else answer

    async def ask_emulator(self, command: str) -> str:
        """The emulator's answer to one of its commands."""
        try:
            return await exchange(self.network.emulator_control, command)
        except (OSError, trio.BrokenResourceError) as error:
            return f"error: the emulator does not answer ({error})"

    async def line_states(self) -> Any:
        """What the emulator does to each line, by name; empty while it does not answer."""
        answer = await self.ask_emulator("status")
        return {} if answer.startswith("error") else json.loads(answer)

    async def ask(self, **question: object) -> Any:
        """The ingress's answer to a question at its admin socket."""
        return await ask(self.network.admin, question)

    def check(self) -> None:
        """DemoFailed if something has ended that no order can have ended."""
        for name in (EMULATOR, TARGET):
            if not self.processes[name].is_alive:
                raise DemoFailed(f"{name} has ended\n{self.processes[name].last_lines()}")

    @property
    def _line_names(self) -> tuple[str, ...]:
        return ("*", *(line.name for line in self.network.lines))

    def _public(self, program: str, *words: str) -> list[str]:
        files = ["--config", str(self.network.config), "--keys", str(self.network.keys)]
        return [*public_command(program), *words, *files, "--admin", str(self._admin_of(words[-1]))]

    def _admin_of(self, name: str) -> object:
        return self.network.folder / f"{name}.sock" if name in self.network.nodes else self.network.admin

    def _start_ours(self, name: str, *arguments: str) -> None:
        self.processes.start(name, [sys.executable, "-m", f"ingress.demo.{name}", *arguments])

    def _start_node(self, name: str) -> Process:
        program = "ingress" if name == INGRESS else "relay"
        return self.processes.start(name, self._public(program, "serve", name))

    async def _until_listening(self, *names: str) -> None:
        wanted = {self.network.ports[name] for name in names}
        while not wanted <= listening():
            self._check_all()
            await trio.sleep(LOOK)

    def _check_all(self) -> None:
        self.check()
        for name in self._nodes:
            if not self.processes[name].is_alive:
                raise DemoFailed(f"{name} has ended\n{self.processes[name].last_lines()}")

    async def _until_up(self) -> None:
        while not any(await self._ups()):
            self._check_all()
            await trio.sleep(LOOK)
        with trio.move_on_after(ALL_UP):
            while not all(await self._ups()):
                self._check_all()
                await trio.sleep(LOOK)

    async def _missing(self) -> str:
        """What was waited for in vain, and how busy the machine is: mostly that is why."""
        silent = [name for name, port in self.network.ports.items() if port not in listening()]
        busy = f"; {os.getloadavg()[0]:.1f} processes want this machine's {os.cpu_count()} processors"
        if silent:
            return f"nobody listens for {', '.join(silent)} yet{busy}"
        try:
            report = await self.ask(ask="paths")
        except NoAnswer as error:
            return f"all listen, and the ingress does not answer at {self.network.admin} ({error}){busy}"
        states = ", ".join(f"{path['path']} is {path['state']}" for path in report["paths"])
        return f"all listen, and no path is up: {states}{busy}"

    async def _ups(self) -> list[bool]:
        """For every path whether it is up; empty while the ingress does not answer."""
        try:
            report = await self.ask(ask="paths")
        except NoAnswer:
            return []
        return [path["state"] == "up" for path in report["paths"] if path["state"] != "spare"]

    async def _kill(self, node: str) -> str:
        self.processes[node].signal(signal.SIGKILL)
        await self.processes[node].wait()
        return "ok"

    async def _freeze(self, node: str) -> str:
        self.processes[node].signal(signal.SIGSTOP)
        return "ok"

    async def _thaw(self, node: str) -> str:
        self.processes[node].signal(signal.SIGCONT)
        return "ok"

    async def _drain(self, node: str) -> str:
        self.processes[node].signal(signal.SIGTERM)
        await self.processes[node].wait()
        return "ok"

    async def _start_again(self, node: str) -> str:
        if self.processes[node].is_alive:
            return f"error: {node} runs"
        process = self._start_node(node)
        while self.network.ports[node] not in listening():
            if not process.is_alive:
                return f"error: {node} has ended: {process.last_lines().rpartition(chr(10))[2]}"
            await trio.sleep(LOOK)
        return "ok"


@asynccontextmanager
async def run_demo(lines: Iterable[DemoLine] = REFERENCE, exits: Iterable[str] = EXITS) -> AsyncIterator[Demo]:
    """A demo from its first process to the end of its last."""
    async with open_processes() as processes:
        demo = Demo(DemoNetwork(processes.folder, lines, exits), processes)
        await demo.start()
        yield demo
