"""The bed: two exits and their targets in network namespaces, and what can happen behind an exit.

The first exit is nearer, so that it has everything. Carriers and targets are of different
networks: what happens to the way to the targets, the carriers do not notice.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.exits.names import NETWORK
from bench.load import Failed

NEAR = "93.184.216."
"""Where nodes and the gateway are: a public address, as far as nobody else can see it."""
GATEWAY, NAME_SERVER = NEAR + "20", NETWORK + "253"
MACHINES = {"client": 10, "one": 11, "two": 12, "target": 20}
NAMES_BY = NEAR + "21"
"""The gateway's other address, by which the name server is reached: so that it can be lost alone."""
NOBODY = "02:00:00:00:00:99"
PROXY = 1080
PATIENCE = 60.0
HERE = Path(__file__).parent
FILE = f"""\
version = 1
[ingress.client]
listen = "127.0.0.1:{PROXY}"
[node.one]
address = "{NEAR}11:7443"
exit = true
dns = ["{NAME_SERVER}"]
[node.two]
address = "{NEAR}12:7443"
exit = true
dns = ["{NAME_SERVER}"]
[line.a]
from = "client"
to = "one"
proxy = {{ url = "socks5://127.0.0.1:1081" }}
[line.b]
from = "client"
to = "two"
proxy = {{ url = "socks5://127.0.0.1:1082" }}
"""
LINES = {
    "a": {"port": 1081, "round_trip": 0.060, "jitter": 0.0, "loss": 0.0},
    "b": {"port": 1082, "round_trip": 0.150, "jitter": 0.0, "loss": 0.0},
}

FAULTS: Mapping[str, tuple[str, Sequence[str], Sequence[str]]] = {
    "uplink": (
        "its uplink is silent",
        (
            f"ip neigh replace {GATEWAY} lladdr {NOBODY} dev eth0 nud permanent",
            f"ip neigh replace {NAMES_BY} lladdr {NOBODY} dev eth0 nud permanent",
        ),
        (f"ip neigh del {GATEWAY} dev eth0", f"ip neigh del {NAMES_BY} dev eth0"),
    ),
    "route": (
        "it has no route",
        ("ip route del default",),
        (f"ip route add default via {GATEWAY}",),
    ),
    "names": (
        "its DNS does not answer",
        (f"ip neigh replace {NAMES_BY} lladdr {NOBODY} dev eth0 nud permanent",),
        (f"ip neigh del {NAMES_BY} dev eth0",),
    ),
}
"""By name: what it is, and what is to be run at the exit so that it is so, and so that it is not."""


def missing() -> str | None:
    """Why there can be no bed here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    return None if shutil.which("ip") else "not installed: ip"


def run(*words: str) -> None:
    """A command, which must succeed."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(words)}: {done.stderr.strip()}")


def until(is_so: Callable[[], object], told: Callable[[], str]) -> None:
    """Wait until *is_so*."""
    ends = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > ends:
            raise Failed(f"it never was so: {told()}")
        time.sleep(0.05)


class ExitBed:
    """It runs, with an ingress on `client`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._prefix = f"e{os.getpid()}-"

    def space(self, machine: str) -> str:
        """The namespace of *machine*."""
        return self._prefix + machine

    def command(self, machine: str, *words: str | Path) -> list[str]:
        """*words*, to be run on *machine*."""
        return ["ip", "netns", "exec", self.space(machine), *map(str, words)]

    def order(self, machine: str, commands: Sequence[str]) -> None:
        """Run them there."""
        for one in commands:
            run(*self.command(machine, *one.split()))

    def strike(self, fault: str) -> None:
        """Exit one has *fault*."""
        self.order("one", FAULTS[fault][1])

    def heal(self, fault: str) -> None:
        """It has it no more."""
        self.order("one", FAULTS[fault][2])

    def ask(self, **question: str) -> dict[str, Any]:
        """What the ingress answers."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE)
            sock.connect(str(self.folder / "client"))
            sock.sendall(json.dumps(question).encode() + b"\n")
            with sock.makefile("r") as file:
                answer: dict[str, Any] = json.loads(file.readline())
                return answer

    def blame(self) -> list[str]:
        """What it says is wrong."""
        return list(self.ask(ask="paths")["blame"])

    def log(self) -> list[dict[str, Any]]:
        """What the ingress has logged."""
        return [json.loads(line) for line in (self.folder / "client.log").read_text().splitlines()]

    def told(self) -> str:
        """The end of all logs."""
        return "\n".join(f"{file.name}: {file.read_text()[-2000:]}" for file in self.folder.glob("*.log"))

    def is_up(self) -> bool:
        """Whether both exits are there."""
        try:
            return [row["state"] for row in self.ask(ask="paths")["paths"]] == ["up", "up"]
        except OSError:
            return False

    # ---- making it

    def make(self, stack: ExitStack) -> None:
        """Machines and processes, for as long as *stack* is open."""
        for name in ("bridge", *MACHINES):
            run("ip", "netns", "add", self.space(name))
            stack.callback(run, "ip", "netns", "del", self.space(name))
            run("ip", "-n", self.space(name), "link", "set", "lo", "up")
        bridge = self.space("bridge")
        run("ip", "-n", bridge, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", bridge, "link", "set", "br0", "up")
        for name, last in MACHINES.items():
            self._join(bridge, name, f"{NEAR}{last}/24")
        self.order("target", [f"ip addr add {NAMES_BY}/24 dev eth0", f"ip addr add {NETWORK}1/24 dev lo"])
        self.order("target", [f"ip addr add {NETWORK}{last}/32 dev lo" for last in (*range(2, 33), 253)])
        for name in ("one", "two"):
            self.order(name, [f"ip route add default via {GATEWAY}", f"ip route add {NAME_SERVER} via {NAMES_BY}"])
        self._start_all(stack)

    def _join(self, bridge: str, name: str, address: str) -> None:
        space = self.space(name)
        run(*f"ip -n {bridge} link add {name} type veth peer name eth0 netns {space}".split())
        run(*f"ip -n {bridge} link set {name} master br0 up".split())
        run(*f"ip -n {space} link set eth0 up".split())
        run(*f"ip -n {space} addr add {address} dev eth0".split())

    def _start_all(self, stack: ExitStack) -> None:
        (self.folder / "paths.toml").write_text(FILE)
        lines = {"control": str(self.folder / "emulator"), "lines": LINES}
        (self.folder / "emulator.json").write_text(json.dumps(lines))
        subprocess.run([sys.executable, "-m", "ingress", "keys"], check=True, capture_output=True, cwd=self.folder)
        self.start(stack, "target", "names", sys.executable, HERE / "names.py", NAME_SERVER)
        self.start(stack, "target", "target", sys.executable, HERE / "target.py")
        emulator = ("-m", "ingress.demo.emulator", self.folder / "emulator.json")
        self.start(stack, "client", "emulator", sys.executable, *emulator)
        for name, program in (("one", "relay"), ("two", "relay"), ("client", "ingress")):
            self.start(stack, name, name, sys.executable, "-m", program, "serve", name, "--admin", self.folder / name)
        until(self.is_up, self.told)

    def start(self, stack: ExitStack, machine: str, name: str, *words: str | Path) -> None:
        """*words*, on *machine*, until *stack* is closed."""
        log = stack.enter_context((self.folder / f"{name}.log").open("w"))
        command = self.command(machine, *words)
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=self.folder)
        stack.enter_context(process)
        stack.callback(process.kill)


@contextmanager
def opened_bed(folder: Path) -> Iterator[ExitBed]:
    """A bed whose files are in *folder*; all of it is removed at the end. Failed if there can be none."""
    why = missing()
    if why is not None:
        raise Failed(why)
    bed = ExitBed(folder)
    with ExitStack() as stack:
        bed.make(stack)
        yield bed
