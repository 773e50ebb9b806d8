"""Puts the peers on this machine: distribution packages where they go, all else into the cache folder."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence

from bench.peers.peer import BIN, PATH, installed_folder

PACKAGES = ("haproxy", "microsocks", "v2ray")
GO_PROGRAMS = {
    "sing-box": ("github.com/sagernet/sing-box/cmd/sing-box@v1.13.2", "with_clash_api,with_quic,with_utls", "sing-box"),
    "xray": ("github.com/xtls/xray-core/main@v1.260327.0", "", "main"),  # the module calls its binary `main`
}
PPROXY = "pproxy==2.7.9"


def install_all() -> int:
    """Install what is missing; tells each step's outcome, and goes on after a failure. Gives the exit status."""
    steps: list[tuple[str, Callable[[], str]]] = [("packages", install_packages), ("pproxy", install_pproxy)]
    steps += [(name, lambda name=name: install_go(name)) for name in GO_PROGRAMS]  # type: ignore[misc]
    outcomes = {name: step() for name, step in steps}
    for name, outcome in outcomes.items():
        print(f"{name}: {outcome or 'installed'}")
    return 1 if any(outcomes.values()) else 0


def install_packages() -> str:
    """HAProxy, microsocks and v2ray by apt. Gives what went wrong, or ""."""
    missing = [name for name in PACKAGES if not shutil.which(name, path=PATH)]
    if not missing:
        return ""
    line = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return f"as root: {' '.join(line)}"
    return attempt(["apt-get", "update"]) or attempt(line, {"DEBIAN_FRONTEND": "noninteractive"})


def install_pproxy() -> str:
    """pproxy in an environment of its own, so that ours stays as it is."""
    folder = installed_folder("pproxy")
    if (folder / "bin" / "pproxy").exists():
        return ""
    return attempt([sys.executable, "-m", "venv", str(folder)]) or attempt(
        [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", PPROXY]
    )


def install_go(name: str) -> str:
    """Build one program with `go install`; takes minutes."""
    module, tags, built = GO_PROGRAMS[name]
    if shutil.which(name, path=PATH):
        return ""
    if not shutil.which("go"):
        return "go is not installed"
    BIN.mkdir(parents=True, exist_ok=True)
    wrong = attempt(["go", "install", "-tags", tags, module], {"GOBIN": str(BIN)})
    if not wrong and built != name:
        (BIN / built).rename(BIN / name)
    return wrong


def attempt(command: Sequence[str], env: dict[str, str] | None = None) -> str:
    """Run a command that prints as it likes; gives "" or its last line."""
    print("+", " ".join(command), flush=True)
    done = subprocess.run(command, env={**os.environ, **(env or {})}, check=False, capture_output=True, text=True)
    if done.returncode == 0:
        return ""
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[-1] if lines else f"status {done.returncode}"
