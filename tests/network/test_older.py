"""Programs of an older version beside today's: real processes, real TLS, a stream that goes through and moves.

Neighbouring versions of the wire owe each other service (docs/protocol.md, section 4). What the older ones were is kept
under tests/older.
"""

import contextlib
import json
import socket
import socketserver
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest

from ingress.demo.ports import free_ports
from tests.child import child
from tests.network.clients import PATIENCE, open_socks5, receive
from tests.network.network import LIFE, Network, until
from tests.network.places import serving

pytestmark = pytest.mark.network

ROOT = Path(__file__).parents[2]
OLDER = sorted((ROOT / "tests" / "older").glob("v*"))
INGRESS, RELAY, EXIT = NAMES = ("shanghai", "jp", "us")
FILE = """\
version = 1
[ingress.shanghai]
listen = "127.0.0.1:{shanghai}"
answer = "true"
[node.jp]
address = "127.0.0.1:{jp}"
listen = "127.0.0.1:{jp}"
[node.us]
address = "127.0.0.1:{us}"
listen = "127.0.0.1:{us}"
exit = true
allow = [{{ cidr = "127.0.0.0/8", reason = "the target is here" }}]
[line.ix]
from = "shanghai"
to = "jp"
[line.pacific]
from = "jp"
to = "us"
[line.direct]
from = "shanghai"
to = "us"
backup = true
"""
"""A path by way of a relay, and one that is used when there is no other."""
SECOND = """\
[line.second]
from = "jp"
to = "us"
"""


class Echo(socketserver.BaseRequestHandler):
    """Sends back what comes."""

    def handle(self) -> None:
        while data := self.request.recv(65536):
            self.request.sendall(data)


@pytest.fixture(scope="module")
def target() -> Iterator[int]:
    """The port of an echo."""
    with serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo)) as port:
        yield port


@attrs.define
class Mixed:
    """A network in whose processes different programs run."""

    folder: Path
    ports: dict[str, int]
    older: dict[str, Path]
    """By name, where the program of that process is; today's runs in all others."""
    processes: dict[str, subprocess.Popen[str]] = attrs.Factory(dict)

    def where(self, name: str) -> Path:
        """The folder whose packages *name* runs."""
        return self.older.get(name, ROOT)

    def start(self, stack: contextlib.ExitStack) -> None:
        """Start all processes, until *stack* is closed."""
        self.write(FILE)
        files = ["--config", str(self.folder / "paths.toml"), "--keys", str(self.folder / "keys")]
        keys = [sys.executable, "-m", "ingress", "keys", *files]
        subprocess.run(keys, check=True, capture_output=True, cwd=self.where(INGRESS))
        for name in (RELAY, EXIT, INGRESS):
            program = "ingress" if name == INGRESS else "relay"
            command = [sys.executable, "-m", program, "serve", name, *files, "--admin", str(self.folder / name)]
            log = stack.enter_context((self.folder / f"{name}.log").open("w"))
            running = child(command, LIFE, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.where(name))
            self.processes[name] = stack.enter_context(running)

    def write(self, text: str) -> None:
        """Write paths.toml."""
        (self.folder / "paths.toml").write_text(text.format(**self.ports))

    def reload(self, name: str) -> None:
        """Have *name* read it again."""
        answer = json.loads(Network.ask(str(self.folder / name), '{"ask": "reload"}'))
        assert "done" in answer, answer

    def paths(self) -> dict[str, Any]:
        """The answer to `paths`; nothing while there is nobody who answers."""
        try:
            answer: dict[str, Any] = json.loads(Network.ask(str(self.folder / INGRESS), '{"ask": "paths"}'))
        except OSError:
            return {"paths": [], "lines": [], "nodes": []}
        return answer

    def has(self, kind: str, name: str, **wanted: object) -> bool:
        """Whether the row *name* of *kind* has what is wanted."""
        rows = {row[kind]: row for row in self.paths()[f"{kind}s"]}
        return name in rows and wanted.items() <= rows[name].items()

    def until(self, kind: str, name: str, **wanted: object) -> None:
        """Wait until the row *name* of *kind* has what is wanted."""
        until(partial(self.has, kind, name, **wanted), self.told)

    def told(self) -> str:
        """How things are."""
        logs = [(self.folder / f"{name}.log").read_text() for name in NAMES]
        return "\n".join([json.dumps(self.paths(), indent=1), *logs])

    def connect(self, target: int) -> socket.socket:
        """A client's connection to *target*."""
        sock = socket.create_connection(("127.0.0.1", self.ports[INGRESS]), PATIENCE)
        open_socks5(sock, "127.0.0.1", target)
        return sock


MIXTURES = [(INGRESS,), (RELAY, EXIT), (RELAY,), (EXIT,)]
"""Who runs the older program."""


@pytest.fixture(params=MIXTURES, ids="-".join)
def mixed(request: pytest.FixtureRequest, older: Path, tmp_path: Path) -> Iterator[Mixed]:
    """A network that runs."""
    ports = dict(zip(NAMES, free_ports(len(NAMES)), strict=True))
    mixed = Mixed(tmp_path, ports, dict.fromkeys(request.param, older))
    with contextlib.ExitStack() as stack:
        mixed.start(stack)
        yield mixed


def exchange(sock: socket.socket, data: bytes) -> None:
    """Send *data* and have it back."""
    sock.sendall(data)
    assert receive(sock, len(data)) == data


@pytest.mark.parametrize("older", OLDER, ids=lambda path: path.name)
def test_streams_go_through_and_move(mixed: Mixed, older: Path, target: int) -> None:
    for path in ("ix/pacific", "direct"):
        mixed.until("path", path, state="up")
    with mixed.connect(target) as sock:
        exchange(sock, b"by way of a relay" * 10_000)
        mixed.until("path", "ix/pacific", streams=1)
        mixed.processes[RELAY].kill()
        exchange(sock, b"straight" * 10_000)
        mixed.until("path", "direct", streams=1)
    with mixed.connect(target) as sock:
        exchange(sock, b"a new one")


@pytest.mark.parametrize("older", OLDER, ids=lambda path: path.name)
def test_they_understand_each_other_s_news(mixed: Mixed, older: Path) -> None:
    for name in (RELAY, EXIT):
        mixed.until("node", name, state="up", stale_config=False)
    mixed.write(FILE + SECOND)
    mixed.reload(RELAY)
    mixed.until("node", RELAY, stale_config=True)
    assert mixed.has("node", EXIT, stale_config=False)  # it has not read the file, and says nothing else
    mixed.reload(EXIT)
    mixed.reload(INGRESS)
    mixed.until("path", "ix/second", state="up")
    for name in (RELAY, EXIT):
        mixed.until("node", name, stale_config=False)
    mixed.processes[EXIT].terminate()
    assert mixed.processes[EXIT].wait(PATIENCE) == 0
    until(lambda: '"event": "node-draining"' in (mixed.folder / f"{INGRESS}.log").read_text(), mixed.told)


@pytest.mark.parametrize("older", OLDER, ids=lambda path: path.name)
def test_it_is_the_older_program_that_runs(older: Path) -> None:
    words = "import relay.wire, ingress.cli; print(relay.wire.__file__, ingress.cli.__file__)"
    told = subprocess.run([sys.executable, "-c", words], cwd=older, capture_output=True, text=True, check=True).stdout
    assert all(Path(file).is_relative_to(older) for file in told.split())
