"""What every system says of itself: how it is started, what it does, why it may be missing."""

import os
import pathlib
import re
import shutil
import subprocess

from bench.load import CACHE
from bench.processes import Command
from bench.topology import Place

BIN = CACHE / "bin"
PATH = os.pathsep.join([str(BIN), os.environ.get("PATH", ""), "/usr/sbin:/usr/local/sbin"])


class Peer:
    """One system in one configuration. A class of its own for each; what differs is said in the class."""

    name: str
    program: str
    """What is looked for in the cache folder, then in PATH."""
    how: str
    """What it does with a connection, in a few words, for the report."""
    speaks = "socks"
    """How clients reach it: `socks`, or `direct` for what only forwards."""
    hops: int | None = None
    """How many nodes stand behind its ingress; None: as many as the topology has."""
    carries_streams = True
    carries_datagrams = False
    """What it is measured with."""
    idle = 2000
    """How many idle streams it is asked to hold."""

    def commands(self, at: Place) -> list[Command]:
        """The processes that make its chain; writes the configuration files they need."""
        raise NotImplementedError

    def version(self) -> str:
        """One line, as the program says it."""
        raise NotImplementedError

    def missing(self) -> str | None:
        """Why it cannot be measured here, or None."""
        if shutil.which(self.program, path=PATH):
            return None
        return f"{self.program} is not installed (python -m bench install)"

    def path(self) -> str:
        """Where the program is."""
        return shutil.which(self.program, path=PATH) or self.program


def first_line(*argv: str) -> str:
    """The first line that a command prints; for versions."""
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=30)
    return next((line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()), "")


def module_version(path: str) -> str:
    """The version of the Go module that a program was built from; one built by `go install` knows no other."""
    if not shutil.which("go"):
        return "of unknown version"
    done = subprocess.run(["go", "version", "-m", path], check=False, capture_output=True, text=True, timeout=30)
    found = re.search(r"^\s*mod\s+\S+\s+(\S+)", done.stdout, re.MULTILINE)
    return found[1] if found else "of unknown version"


def installed_folder(name: str) -> pathlib.Path:
    """Where `install` puts what is more than one file."""
    return CACHE / name
