"""This project, started by its public commands: one paths.toml, certificates checked on every hop."""

import pathlib
import shutil
import subprocess
import sys

from bench.load import Failed
from bench.peers.peer import PATH, Peer, first_line
from bench.processes import Command
from bench.topology import HOST, Place

ALLOWED = '[{ cidr = "127.0.0.0/8", reason = "the target of the measurement is on this machine" }]'


class Ours(Peer):
    """TLS end to end; the nodes between move ciphertext."""

    name, program = "ingress", "ingress"
    how = "TLS end to end over warm carriers, answers as `auto` does"
    extra = ""
    """More lines for `[ingress.entry]`."""

    def commands(self, at: Place) -> list[Command]:
        config, keys = at.write("paths.toml", self._paths(at)), str(at.folder / "keys")
        where = ["--config", config, "--keys", keys]
        done = subprocess.run([tool("ingress"), "keys", *where], check=False, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"ingress keys: {(done.stderr + done.stdout).strip()[-300:]}")
        env = {"XDG_RUNTIME_DIR": str(at.folder)}  # where the admin sockets go
        nodes = [Command(hop.role, [tool("relay"), "serve", hop.role, *where], env) for hop in at.hops]
        return [*nodes, Command("ingress", [tool("ingress"), "serve", *where], env)]

    def _paths(self, at: Place) -> str:
        text = f'version = 1\n[ingress.entry]\nlisten = ["{HOST}:{at.socks}"]\n{self.extra}'
        before = "entry"
        for hop in at.hops:
            text += f'[node.{hop.role}]\naddress = "{HOST}:{hop.port}"\n'
            text += f"exit = true\nallow = {ALLOWED}\n" if hop.role == "exit" else ""
            text += (
                f'[line.{before}-{hop.role}]\nfrom = "{before}"\nto = "{hop.role}"\naddress = "{HOST}:{hop.entry}"\n'
            )
            before = hop.role
        return text

    def missing(self) -> str | None:
        return None if shutil.which(tool("ingress")) else "the project is not installed in this environment"

    def version(self) -> str:
        return first_line(tool("ingress"), "--version")


def tool(name: str) -> str:
    """A command of the project, from the environment that runs this."""
    beside = pathlib.Path(sys.executable).parent / name
    return str(beside) if beside.exists() else shutil.which(name, path=PATH) or name
