"""An earlier commit of this project, installed into an environment of its own beside the kept results."""

import pathlib
import subprocess
import sys

from bench.load import CACHE, Failed
from bench.peers.ours import Ours

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Earlier(Ours):
    """The commit's own commands, in the same chain as today's."""

    def __init__(self, commit: str) -> None:
        self.name = f"before ({commit})"
        self.folder = installed(commit)

    def tool(self, name: str) -> str:
        return str(self.folder / ".venv" / "bin" / name)


def installed(commit: str) -> pathlib.Path:
    """The folder of *commit*, checked out and installed; made once.

    Raises:
        Failed: there is no such commit in this repository, or it cannot be installed.
    """
    whole = _run(["git", "-C", str(ROOT), "rev-parse", "--verify", f"{commit}^{{commit}}"], f"no commit {commit} here")
    folder = CACHE / f"checkout-{whole[:12]}"
    if (folder / ".venv" / "bin" / "relay").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / "tree.tar"
    _run(["git", "-C", str(ROOT), "archive", "-o", str(archive), whole], f"cannot archive {commit}")
    _run(["tar", "-xf", str(archive), "-C", str(folder)], f"cannot unpack {commit}")
    archive.unlink()
    _run([sys.executable, "-m", "venv", str(folder / ".venv")], "cannot make an environment")
    pip = [str(folder / ".venv" / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, str(folder)], f"cannot install {commit}")
    return folder


def _run(command: list[str], what_if_not: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"{what_if_not}: {(done.stderr + done.stdout).strip()[-300:]}")
    return done.stdout.strip()
