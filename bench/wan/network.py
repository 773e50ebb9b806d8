"""The reference network on the bed: the same lines as the emulated one, but between kernels that know nothing of it."""

import signal
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import attrs
import trio

from bench.load import Failed
from bench.survive.route import Route
from bench.survive.scene import ridden_of
from bench.survive.target import Target, listening_sockets, open_target
from bench.wan.bed import Bed, missing, opened_bed
from ingress.demo.admin import NoAnswer, ask
from ingress.demo.processes import Processes, open_processes, public_command
from relay import __version__

CLIENT, WEB = "sh", "web"
RELAYS, EXITS = ("jpd", "jpn"), ("usd", "usn")
NODES = (CLIENT, *RELAYS, *EXITS, WEB)
PORT, DOOR = 48350, 1080
BURST = 64.0
"""Kilobytes that a policer lets pass at once."""
READY = 20.0
"""Seconds until every path must be up."""
SIGNALS = {
    "kill": signal.SIGKILL,
    "freeze": signal.SIGSTOP,
    "thaw": signal.SIGCONT,
    "drain": signal.SIGTERM,
}


@attrs.frozen
class WanLine:
    """A line: its ends, and what it is like. Milliseconds, percent, Mbit/s."""

    start: str
    end: str
    round_trip: float
    jitter: float = 0.3
    loss: float = 0.0
    rate: float = 200.0
    queue: float = 100.0
    provider: str = ""

    @property
    def name(self) -> str:
        """Its ends, joined."""
        return f"{self.start}-{self.end}"

    @property
    def values(self) -> tuple[float, ...]:
        """As `link` takes them, for one direction."""
        return self.round_trip / 2, self.jitter / 2, self.loss, self.rate, self.queue


LINES = (
    WanLine("sh", "jpd", 30, provider="ix-east"),
    WanLine("sh", "jpn", 30, provider="ix-west"),
    WanLine("jpd", "usd", 100, provider="dmit"),
    WanLine("jpn", "usn", 108, provider="nube"),
    WanLine("jpd", "usn", 120, 1, provider="dmit"),
    WanLine("jpn", "usd", 124, 1, provider="nube"),
    WanLine("usd", "usn", 2, 0.1, rate=500),
    WanLine("sh", "usd", 170, 4, 1, 100, 200, "public"),
    WanLine("sh", "usn", 170, 4, 1, 100, 200, "public"),
)
UPSTREAM = (WanLine("usd", "web", 2, 0.1, rate=500), WanLine("usn", "web", 3, 0.1, rate=500))
"""From the exits to the target; no lines of ours."""


def apply(bed: Bed, line: WanLine) -> None:
    """Make the pair of *line* what it says, both ways."""
    bed.order("link", line.start, line.end, *line.values)


def ends_of(line: WanLine, which: str) -> tuple[str, str]:
    """Who sends, and to whom, in the direction *which*: towards its end, or back."""
    return (line.start, line.end) if which == "towards" else (line.end, line.start)


def heal(bed: Bed, lines: Iterable[WanLine]) -> None:
    """Make *lines* what they should be; the nodes forget what they have learnt of each other's connections."""
    for line in lines:
        bed.order("up", line.start, line.end)
        apply(bed, line)
    bed.forget()


def target_at_web(bed: Bed) -> AbstractAsyncContextManager[Target]:
    """The target, at the web's node."""
    with bed.inside(WEB):
        sockets = listening_sockets(bed.address(WEB))
    return open_target(sockets)


@contextmanager
def reference_bed() -> Iterator[Bed]:
    """The bed with all lines as they should be; this thread is at the client's for as long as the block runs.

    Raises:
        Failed: there can be none here.
    """
    if reason := missing():
        raise Failed(reason)
    with opened_bed(NODES) as bed:
        for line in (*LINES, *UPSTREAM):
            apply(bed, line)
        with bed.inside(CLIENT):
            yield bed


def paths_toml(bed: Bed, redundant_port: int, answer: str) -> str:
    """The file for every node."""
    tables = ["version = 1", f'[ingress.{CLIENT}]\nlisten = "127.0.0.1:{DOOR}"\nanswer = "{answer}"\nstate = "state"']
    for node in (*RELAYS, *EXITS):
        exit_ = 'exit = true\nallow = [{ cidr = "198.18.0.0/15", reason = "the bed\'s addresses" }]\n'
        tables.append(f'[node.{node}]\naddress = "{bed.address(node)}:{PORT}"\n{exit_ if node in EXITS else ""}')
    for line in LINES:
        more = f'provider = "{line.provider}"\n' if line.provider else "both = true\n"
        tables.append(f'[line.{line.name}]\nfrom = "{line.start}"\nto = "{line.end}"\n{more}')
    tables.append(f"[[rule]]\nport = {redundant_port}\nredundant = true\n")
    return "\n\n".join(tables)


class WanScene:
    """Ours on the bed; orders as the emulated scene understands them, but for `reset` and `refuse`."""

    route = Route("127.0.0.1", DOOR)

    def __init__(self, bed: Bed, processes: Processes) -> None:
        self.bed = bed
        self.processes = processes
        self.folder = processes.folder
        self._lines = {line.name: line for line in LINES}

    async def start(self, redundant_port: int, answer: str) -> None:
        """Start every node, then the ingress; return when its paths are up."""
        (self.folder / "paths.toml").write_text(paths_toml(self.bed, redundant_port, answer))
        await self.processes.run("keys", [*public_command("ingress"), "keys", *self._files()])
        for node in (*RELAYS, *EXITS):
            self._start(node)
        self._start(CLIENT)
        with trio.fail_after(READY):
            while not await self._is_up():  # noqa: ASYNC110 - it is another process
                await trio.sleep(0.1)

    async def _is_up(self) -> bool:
        try:
            report = await self.paths()
        except NoAnswer:
            return False
        return all(path["state"] == "up" for path in report["paths"])

    async def paths(self) -> Any:
        """The ingress's answer to `paths`."""
        return await ask(self.admin, {"ask": "paths"})

    def log(self) -> Path:
        """The ingress's."""
        return self.processes[CLIENT].log

    def _files(self) -> list[str]:
        return ["--config", str(self.folder / "paths.toml"), "--keys", str(self.folder / "keys")]

    @property
    def admin(self) -> Path:
        """The ingress's admin socket."""
        return self._admin(CLIENT)

    def _admin(self, node: str) -> Path:
        return self.folder / f"{node}.sock"

    def _start(self, node: str) -> None:
        program = "ingress" if node == CLIENT else "relay"
        argv = [*public_command(program), "serve", node, *self._files(), "--admin", str(self._admin(node))]
        self.processes.start(node, self.bed.command(node, argv))

    async def ridden(self, turn: int) -> tuple[str, str]:
        """See Scene."""
        return ridden_of(await self.paths(), {line.name: line.end for line in LINES}, turn)

    async def order(self, text: str) -> None:
        """See Scene."""
        verb, name, *words = text.split()
        if name in self._lines or name == "*":
            for line in self._lines.values() if name == "*" else (self._lines[name],):
                self._to_line(line, verb, *words)
        else:
            await self._to_node(name, verb)

    def _to_line(self, line: WanLine, verb: str, *words: str) -> None:
        which = words[-1] if words and words[-1] in ("towards", "back") else ""
        if verb == "heal":
            self.bed.order("up", line.start, line.end)
            apply(self.bed, line)
            return
        if verb == "blackhole":
            command: tuple[object, ...] = ("down",)
        elif verb == "slow":
            more = float(words[0].removesuffix("ms"))
            command = "link", *attrs.evolve(line, round_trip=line.round_trip + (2 if which else 1) * more).values
        elif verb == "lose":
            command = "link", *attrs.evolve(line, loss=float(words[0].removesuffix("%"))).values
        elif verb == "rate":
            command = "link", *attrs.evolve(line, rate=float(words[0])).values
        elif verb == "police":
            command = "police", float(words[0]), BURST
        else:
            raise Failed(f"the bed cannot {verb}")
        self._say(line, which, *command)

    def _say(self, line: WanLine, which: str, verb: object, *values: object) -> None:
        if which:
            self.bed.order_one_way(str(verb), *ends_of(line, which), *values)
        else:
            self.bed.order(str(verb), line.start, line.end, *values)

    async def _to_node(self, node: str, verb: str) -> None:
        if verb == "start":
            await self.processes[node].wait()
            self._start(node)
            return
        self.processes[node].signal(SIGNALS[verb])


class OursOnTheBed:
    """This project over the bed."""

    name = "ingress"
    how = "streams outlive their carriers; the kernel's own TCP"
    lines = LINES

    def __init__(self, bed: Bed, answer: str = "auto") -> None:
        self._bed = bed
        self._answer = answer

    def missing(self) -> str | None:
        """See System."""
        return missing()

    def version(self) -> str:
        """See System."""
        return f"ingress {__version__}"

    def target(self) -> AbstractAsyncContextManager[Target]:
        """See System."""
        return target_at_web(self._bed)

    @asynccontextmanager
    async def scene(self, target: Target) -> AsyncIterator[WanScene]:
        """See System."""
        async with open_processes() as processes:
            scene = WanScene(self._bed, processes)
            heal(self._bed, LINES)
            await scene.start(target.addresses[1][1], self._answer)
            yield scene
