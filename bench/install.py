"""Puts the peers on this machine: distribution packages where they go, all else into the cache folder."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence

from bench.peers.peer import BIN, PATH, installed_folder
from bench.progress import shown_progress

PACKAGES = ("haproxy", "microsocks", "v2ray")
SERVICES = ("haproxy", "v2ray")
"""Of these, the ones that start a service of their own: v2ray's lets anybody in who knows the packaged identity."""
LOCK_WAIT = 300.0
"""Seconds given to another run of apt."""
LOCK_AGAIN = 5.0
GO_PROGRAMS = {
    "sing-box": ("github.com/sagernet/sing-box/cmd/sing-box@v1.13.2", "with_clash_api,with_quic,with_utls", "sing-box"),
    "xray": ("github.com/xtls/xray-core/main@v1.260327.0", "", "main"),  # the module calls its binary `main`
}
PPROXY = "pproxy==2.7.9"


def install_all() -> int:
    """Install what is missing; tells each step's outcome, and goes on after a failure. Gives the exit status."""
    steps: list[tuple[str, Callable[[], str]]] = [("packages", install_packages), ("pproxy", install_pproxy)]
    steps += [(name, lambda name=name: install_go(name)) for name in GO_PROGRAMS]  # type: ignore[misc]
    outcomes = {}
    with shown_progress("install", len(steps)) as progress:
        for name, step in steps:
            progress.step(name)
            outcomes[name] = step()
    for name, outcome in outcomes.items():
        print(f"{name}: {outcome or 'installed'}")
    return 1 if any(outcomes.values()) else 0


def install_packages() -> str:
    """HAProxy, microsocks and v2ray by apt. Gives what went wrong, or ""."""
    missing = [name for name in PACKAGES if not shutil.which(name, path=PATH)]
    if not missing:
        return ""
    words = ["install", "-y", "--no-install-recommends", *missing]
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return f"as root: apt-get {' '.join(words)}"
    return attempt_apt("update") or attempt_apt(*words) or stop_services(missing)


def attempt_apt(*words: str) -> str:
    """Run apt-get when no other run of it is under way: alone it waits for dpkg's lock, not for that of its lists."""
    command = ["apt-get", "-o", f"DPkg::Lock::Timeout={LOCK_WAIT:.0f}", *words]
    deadline = time.monotonic() + LOCK_WAIT
    while True:
        wrong = attempt(command, {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"})
        if " lock" not in wrong or time.monotonic() > deadline:
            return wrong
        time.sleep(LOCK_AGAIN)


def stop_services(installed: Sequence[str]) -> str:
    """End what the packages just *installed* started, now and for the next boot: bench starts processes of its own."""
    outcomes = [
        outcome
        for name in SERVICES
        if name in installed
        for outcome in (stop_service(name), attempt(["update-rc.d", name, "disable"]))
    ]
    return next(filter(None, outcomes), "")


def stop_service(name: str) -> str:
    """End it, if it runs: some scripts call it a failure that there was nothing to stop."""
    wrong = attempt(["service", name, "stop"])
    runs = bool(wrong) and not attempt(["service", name, "status"])
    return wrong if runs else ""


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
    with tempfile.TemporaryDirectory(dir=BIN) as folder:  # whoever else installs at this time has another
        wrong = attempt(["go", "install", "-tags", tags, module], {"GOBIN": folder})
        if not wrong:
            pathlib.Path(folder, built).rename(BIN / name)
    return wrong


def attempt(command: Sequence[str], env: dict[str, str] | None = None) -> str:
    """Run a command that prints as it likes; gives "" or its last line."""
    print("+", " ".join(command), flush=True)
    try:
        done = subprocess.run(command, env={**os.environ, **(env or {})}, check=False, capture_output=True, text=True)
    except OSError as error:
        return str(error)
    if done.returncode == 0:
        return ""
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[-1] if lines else f"status {done.returncode}"
