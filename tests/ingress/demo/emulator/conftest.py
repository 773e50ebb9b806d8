"""The emulator as its own process, with the lines a test asks for, and plain blocking clients of it."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import attrs
import pytest

from tests.child import child

PATIENCE = 10.0
"""Seconds after which a test gives up on a socket; far more than anything takes."""


@attrs.frozen
class Emulator:
    """A running emulator."""

    process: subprocess.Popen[str]
    ports: dict[str, int]
    control: socket.socket

    def command(self, line: str) -> str:
        self.control.sendall(line.encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            answer += self.control.recv(65536)
        return answer.decode().strip()

    def status(self, line: str) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.command("status"))[line]
        return found

    def dial(self, line: str, node: tuple[str, int]) -> socket.socket:
        """A connection over *line* whose dial has been asked for and not yet answered."""
        sock = socket.create_connection(("127.0.0.1", self.ports[line]), timeout=PATIENCE)
        sock.sendall(b"\x05\x01\x00")
        assert sock.recv(2) == b"\x05\x00"
        sock.sendall(b"\x05\x01\x00\x01" + socket.inet_aton(node[0]) + node[1].to_bytes(2, "big"))
        return sock


@pytest.fixture
def start_emulator(tmp_path: Path) -> Iterator[Callable[..., Emulator]]:
    """Start it with lines given as name={conditions}."""
    running: list[Emulator] = []
    with ExitStack() as stack:

        def start(**lines: dict[str, float]) -> Emulator:
            config = {
                "control": str(tmp_path / "c"),
                "lines": {name: {"port": 0, **one} for name, one in lines.items()},
            }
            (tmp_path / "lines.json").write_text(json.dumps(config))
            command = [sys.executable, "-m", "ingress.demo.emulator", str(tmp_path / "lines.json")]
            process = stack.enter_context(child(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
            assert process.stdout
            word, ports = process.stdout.readline().split(" ", 1)
            assert word == "ready"
            control = stack.enter_context(socket.socket(socket.AF_UNIX))
            control.settimeout(PATIENCE)
            control.connect(str(tmp_path / "c"))
            running.append(Emulator(process, json.loads(ports), control))
            return running[-1]

        yield start
        for emulator in running:
            emulator.control.close()
            assert emulator.process.stdin
            emulator.process.stdin.close()  # its parent's end
            assert emulator.process.wait(PATIENCE) == 0


@pytest.fixture
def node() -> Iterator[socket.socket]:
    """A listening socket: the node at the far end of the lines."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        yield listener
