"""A demo that runs while its page is looked at, and what can be done to it."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import attrs

from ingress.users_file import add_user
from tests.child import child

LIMIT = 900.0
"""Seconds after which it is ended in any case."""
PATIENCE = 60.0
TELL = "import json, os, sys; print(json.dumps(dict(os.environ)), flush=True); sys.stdin.read()"
"""What runs inside it: says where everything is, and waits until it may end."""


@attrs.frozen
class RunningDemo:
    """One of them."""

    environment: Mapping[str, str]

    def order(self, text: str) -> str:
        """Do what a person could type: `cut ix-dmit`."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(PATIENCE)
            control.connect(self.environment["INGRESS_DEMO_CONTROL"])
            control.sendall(text.encode() + b"\n")
            return control.makefile().readline().strip()

    @contextmanager
    def user(self, name: str, password: str) -> Iterator[None]:
        """Somebody who may log in at the page, until the block is left."""
        users = self._folder / "web-users.toml"
        add_user(users, name, password)
        with self.file(lambda text: text.replace("\nweb =", f'\nweb_users = "{users.name}"\nweb =', 1)):
            yield

    @contextmanager
    def file(self, change: Callable[[str], str]) -> Iterator[None]:
        """Another paths.toml is in force, until the block is left."""
        file = self._folder / "paths.toml"
        text = file.read_text()
        file.write_text(change(text))
        self._run("reload")
        try:
            yield
        finally:
            file.write_text(text)
            self._run("reload")

    @property
    def _folder(self) -> Path:
        return Path(self.environment["INGRESS_DEMO_FOLDER"])

    def address(self) -> str:
        """An address of its page that begins one session."""
        return self._run("page").strip()

    def paths(self) -> dict[str, object]:
        """What it answers to `paths`."""
        found = json.loads(self._run("paths", "--json"))
        assert isinstance(found, dict)
        return found

    def _run(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "ingress", *arguments, "--admin", self.environment["INGRESS_ADMIN"]]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout

    @contextmanager
    def download(self, size: int, rate: str) -> Iterator[subprocess.Popen[str]]:
        """A download through it, of *size* bytes, not faster than *rate* as curl has it."""
        target = self.environment["INGRESS_DEMO_TARGET"]
        proxy = f"socks5h://{self.environment['INGRESS_DEMO_PROXY']}"
        command = ["curl", "-sS", "-x", proxy, "--limit-rate", rate, "-o", os.devnull, f"{target}/bytes/{size}"]
        with child(command, LIMIT, stderr=subprocess.DEVNULL) as process:
            yield process


@contextmanager
def running_demo() -> Iterator[RunningDemo]:
    """A whole network on this machine, until the block is left."""
    command = [sys.executable, "-m", "ingress", "demo", "--", sys.executable, "-c", TELL]
    with child(command, LIMIT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            told = process.stdout.readline()
            assert told, "the demo did not begin: it says why on its stderr"
            yield RunningDemo(json.loads(told))
        finally:
            process.stdin.close()
            process.wait(PATIENCE)
