"""This project, started by its public commands: one paths.toml, certificates checked on every hop."""

import pathlib
import shutil
import subprocess
import sys
from collections.abc import Sequence

from bench.load import Failed
from bench.peers.peer import PATH, Peer, first_line
from bench.processes import Command
from bench.topology import HOST, Hop, Place

ALLOWED = '[{ cidr = "127.0.0.0/8", reason = "the target of the measurement is on this machine" }]'


BESIDE = "127.0.0.2"
"""Another address of this machine: the kernel's search for a free port does not go through those used to HOST."""


class Ours(Peer):
    """TLS end to end; the nodes between move ciphertext."""

    name, program = "ingress", "ingress"
    how = "TLS end to end over warm carriers, answers as `auto` does"
    carries_datagrams = True
    extra = ""
    """More lines for `[ingress.entry]`."""
    hosts: Sequence[str] = (HOST,)
    """Where its ingress listens, all at one port."""

    def commands(self, at: Place) -> list[Command]:
        config, keys = at.write("paths.toml", self._paths(at)), str(at.folder / "keys")
        where = ["--config", config, "--keys", keys]
        done = subprocess.run([self.tool("ingress"), "keys", *where], check=False, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"ingress keys: {(done.stderr + done.stdout).strip()[-300:]}")
        env = {"XDG_RUNTIME_DIR": str(at.folder), "XDG_STATE_HOME": str(at.folder)}  # for admin sockets and state
        nodes = [Command(hop.role, [self.tool("relay"), "serve", hop.role, *where], env) for hop in at.hops]
        return [*nodes, Command("ingress", [self.tool("ingress"), "serve", *where], env)]

    def _paths(self, at: Place) -> str:
        listen = ", ".join(f'"{host}:{at.socks}"' for host in self.hosts)
        text = f"version = 1\n[ingress.entry]\nlisten = [{listen}]\n{self.extra}"
        before = "entry"
        for hop in at.hops:
            text += node_text(hop) + self._lines(before, hop)
            before = hop.role
        return text

    def _lines(self, before: str, hop: Hop) -> str:
        return line_text(f"{before}-{hop.role}", before, hop)

    def tool(self, name: str) -> str:
        """The command called *name* that is measured."""
        return tool(name)

    def missing(self) -> str | None:
        return None if shutil.which(self.tool("ingress")) else "the project is not installed in this environment"

    def version(self) -> str:
        return first_line(self.tool("ingress"), "--version")


class ManyLines(Ours):
    """With so many lines side by side from each node to the next: two hops make that many squared paths."""

    hosts = (HOST, BESIDE)

    def __init__(self, lines: int) -> None:
        self.lines = lines

    def _lines(self, before: str, hop: Hop) -> str:
        return "".join(line_text(f"{before}-{hop.role}-{number}", before, hop) for number in range(1, self.lines + 1))


def node_text(hop: Hop) -> str:
    """The node's table in paths.toml."""
    text = f'[node.{hop.role}]\naddress = "{HOST}:{hop.port}"\n'
    return text + (f"exit = true\nallow = {ALLOWED}\n" if hop.role == "exit" else "")


def line_text(name: str, before: str, hop: Hop) -> str:
    """The table of a line from the node *before*."""
    return f'[line.{name}]\nfrom = "{before}"\nto = "{hop.role}"\naddress = "{HOST}:{hop.entry}"\n'


def tool(name: str) -> str:
    """A command of the project, from the environment that runs this."""
    beside = pathlib.Path(sys.executable).parent / name
    return str(beside) if beside.exists() else shutil.which(name, path=PATH) or name
