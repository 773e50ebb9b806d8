"""A network of real processes, the demo's, driven by plain calls."""

import contextlib
import copy
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ingress.demo.ports import free_ports, listening
from tests.child import child
from tests.network.clients import DOORS, PATIENCE, http_over

HOST = Path(__file__).with_name("host.py")
LOOK = 0.02
"""Seconds between two looks."""
LIFE = 900.0
"""Seconds that a network may last."""
TOLD = 40
"""Lines of each log that a failed test shows."""
INGRESS = "shanghai"
PASSWORD = "correct horse battery staple"
"""The only one that tests use: no log may hold it."""
NOT_OURS = ("emulator", "keys", "target")
"""Logs of the demo's own processes."""
DOWN = ("down", "auth", "version", "stale config")


def until(is_so: Callable[[], object], told: Callable[[], object] = str) -> None:
    """Wait until *is_so*, no longer than PATIENCE; *told* says how things are when it never was."""
    ticks = threading.Event()
    for _ in range(int(PATIENCE / LOOK)):
        if is_so():
            return
        ticks.wait(LOOK)
    raise AssertionError(f"it never was so: {told()}")


class Network:
    """A running network: `proxy` and `target` are (host, port); `order` takes what can be typed in the demo."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.folder = Path(told["folder"])
        self.config = self.folder / "paths.toml"
        self.original = self.config.read_text()
        """What paths.toml says at the beginning."""
        self.control = told["control"]
        self.admin = told["admin"]
        self.nodes: list[str] = told["nodes"]
        self.lines: list[str] = told["lines"]
        self.ports: dict[str, int] = told["ports"]
        self.proxy = ("127.0.0.1", self.ports[INGRESS])
        self.target = ("target.test", self.ports["target.test"])
        self.target_by_address = ("127.0.0.1", self.ports["target.test"])

    # faults

    def order(self, text: str) -> None:
        """Have it done, or fail."""
        answer = self.ask(self.control, text)
        assert answer == "ok", f"{text}: {answer}"

    def kill(self, node: str) -> None:
        """SIGKILL."""
        self.order(f"kill {node}")

    def start(self, node: str) -> None:
        """Start again what was killed or drained; returns when it listens."""
        self.order(f"start {node}")

    def signal(self, node: str, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid(node), number)

    def pid(self, node: str) -> int:
        """Of the process that runs *node* now, or ran it last."""
        return int(self.ask(self.control, f"pid {node}"))

    def wait(self, node: str) -> int:
        """The exit code of *node*, when it ends."""
        return int(self.ask(self.control, f"wait {node}"))

    # files

    def reload(self, text: str, *names: str) -> None:
        """Write *text* to paths.toml, and have *names* (the ingress) read it."""
        self.config.write_text(text)
        for name in names or (INGRESS,):
            answer = self.ask(self.admin_of(name), json.dumps({"ask": "reload"}))
            assert "done" in json.loads(answer), answer

    def admin_of(self, name: str) -> str:
        """The admin socket of a node or of the ingress."""
        return self.admin if name == INGRESS else str(self.folder / f"{name}.sock")

    def run(self, program: str, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """A public command on the network's files, to its end."""
        command = [sys.executable, "-m", program, *words, "--config", str(self.config), "--keys", self.keys]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE, **options)

    @property
    def keys(self) -> str:
        """The folder of all keys."""
        return str(self.folder / "keys")

    def mend(self) -> None:
        """Everything runs, all lines are well, all paths can be used."""
        self._run_all()
        self.until(lambda answer: all(path["state"] in ("up", "held") for path in answer["paths"]))

    def _run_all(self) -> None:
        for node in (*self.nodes, INGRESS):
            self.order(f"thaw {node}")
            answer = self.ask(self.control, f"start {node}")
            assert answer in ("ok", f"error: {node} runs"), answer
        self.order("heal *")
        until(Path(self.admin).exists)

    def restore(self) -> None:
        """As at the beginning: mended, and the file is the first one.

        An ingress that has seen a path fail is replaced: it would remember that for minutes, and rightly so.
        """
        self._run_all()
        if self.config.read_text() != self.original:
            self.reload(self.original, *self.nodes, INGRESS)
        answer = self.paths()
        if any(path["deaths"] for path in answer["paths"]) or not has_one_best(answer):
            self.kill(INGRESS)
            self.start(INGRESS)
            until(Path(self.admin).exists)
        self.until(has_one_best)

    # what the ingress says

    def paths(self) -> dict[str, Any]:
        """The answer to `paths` (docs/paths-json.md)."""
        answer: dict[str, Any] = json.loads(self.ask(self.admin, json.dumps({"ask": "paths"})))
        return answer

    def status(self, node: str) -> dict[str, Any]:
        """The answer of *node* to `relay status`."""
        answer: dict[str, Any] = json.loads(self.ask(self.admin_of(node), json.dumps({"ask": "status"})))
        return answer

    def until(self, is_so: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """The first answer to `paths` of which *is_so*."""
        answer: dict[str, Any] = {}

        def ask() -> object:
            answer.update(self.paths())
            return is_so(answer)

        until(ask, lambda: json.dumps(answer, indent=1))
        return answer

    @staticmethod
    def ask(path: str, line: str) -> str:
        """One line to a Unix socket, one back."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE)
            sock.connect(path)
            sock.sendall(line.encode() + b"\n")
            with sock.makefile("r") as file:
                return file.readline().strip()

    # clients

    def connect(self, door: str = "socks5", target: tuple[str, int] | None = None) -> socket.socket:
        """A connection to *target* (the demo's, by name) through one of DOORS; ConnectionError holds a refusal."""
        sock = socket.create_connection(self.proxy, timeout=PATIENCE)
        try:
            DOORS[door](sock, *(self.target if target is None else target))
        except BaseException:
            sock.close()
            raise
        return sock

    def get(self, path: str, body: bytes | None = None, door: str = "socks5") -> bytes:
        """The body of the target's answer, which must be whole and a 200; with *body*, of a POST."""
        with self.connect(door) as sock:
            http = http_over(sock)
            http.request("GET" if body is None else "POST", path, body, {"Connection": "close"})
            answer = http.getresponse()
            found = answer.read()
            assert answer.status == 200, answer.status
            return found

    # logs

    def logs(self) -> str:
        """The end of every log."""
        found = []
        for path in sorted(self.folder.glob("*.log")):
            lines = path.read_text(errors="replace").splitlines()[-TOLD:]
            found.append("\n".join([f"--- {path.name}", *lines]))
        return "\n".join(found)

    def log(self, node: str) -> list[dict[str, Any]]:
        """All that *node* has logged."""
        return [json.loads(line) for line in (self.folder / f"{node}.log").read_text().splitlines()]

    def check_logs(self) -> None:
        """Whatever a test did: each line is an event in JSON, none holds a password, none at a node names a target."""
        for path in self.folder.glob("*.log"):
            if path.stem in NOT_OURS:
                continue
            text = path.read_text()
            assert all("event" in json.loads(line) for line in text.splitlines())
            assert PASSWORD not in text
            assert path.stem not in self.nodes or (self.target[0] not in text and f":{self.target[1]}" not in text)


def best(answer: dict[str, Any]) -> str:
    """The path that new streams take."""
    return next((str(path["path"]) for path in answer["paths"] if path["in_band"]), "none")


def all_up(answer: dict[str, Any]) -> bool:
    """Whether every path is."""
    return all(path["state"] == "up" for path in answer["paths"])


def has_one_best(answer: dict[str, Any]) -> bool:
    """Whether every path is up, and one is better than all others: new streams take it."""
    return all_up(answer) and sum(path["in_band"] for path in answer["paths"]) == 1


@contextlib.contextmanager
def running(lines: Sequence[dict[str, object]] | None = None, exits: Sequence[str] = ()) -> Iterator[Network]:
    """A network from its first process to the end of its last: the reference network, or other *lines* and *exits*."""
    words = [] if lines is None else [json.dumps(list(lines)), json.dumps(list(exits))]
    with child([sys.executable, str(HOST), *words], LIFE, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        told = process.stdout.readline()
        assert told, "the network has not started"
        network = Network(json.loads(told))
        yield network
        network.check_logs()
        process.stdin.close()
        assert process.wait(PATIENCE) == 0


@contextlib.contextmanager
def second_ingress(network: Network, *wrapper: str) -> Iterator[tuple[Network, subprocess.Popen[str]]]:
    """One more ingress process of *network*, with a proxy and an admin socket of its own, and without the page;
    *wrapper* runs its command.

    It is a process of the test's, which knows its exit code.
    """
    (port,) = free_ports(1)
    other = copy.copy(network)
    other.proxy, other.admin = ("127.0.0.1", port), str(network.folder / "second.sock")
    other.config = network.folder / "second.toml"
    text = network.original.replace(f'"127.0.0.1:{network.proxy[1]}"', f'"127.0.0.1:{port}"')
    other.config.write_text("".join(line for line in text.splitlines(keepends=True) if not line.startswith("web")))
    command = [sys.executable, "-m", "ingress", "serve", "--config", str(other.config), "--keys", network.keys]
    with (
        (network.folder / "second.log").open("w") as log,
        child([*wrapper, *command, "--admin", other.admin], stderr=log) as process,
    ):
        until(lambda: port in listening() and Path(other.admin).exists())
        other.until(has_one_best)
        yield other, process
