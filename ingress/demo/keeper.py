"""Cleans up after the demo: kills the processes it left running and removes its folder.

Run as a program: `python keeper.py FOLDER`, by the demo, which holds the other end of its standard input. However the
demo ends, also by SIGKILL, that input ends, and the keeper does its work. Every process of a demo carries the demo's
folder in its environment and hands it on to its children; that is how they are found.

It imports nothing of this project: it must start within milliseconds, and not fail because of what it cleans up.
"""

import os
import shutil
import signal
import sys

MARK = "INGRESS_DEMO_FOLDER"
"""The variable that holds the demo's folder."""
ROUNDS = 100
"""How often we look for processes, at most: one that forks faster than we kill would keep us here for ever."""


def find_marked(folder: str) -> list[int]:
    """The processes that carry *folder*, as far as we may look; those that ended already have no environment."""
    mark = f"{MARK}={folder}".encode()
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                if mark in file.read().split(b"\0"):
                    found.append(int(name))
        except OSError:  # ended meanwhile, or somebody else's
            continue
    return found


def kill_marked(folder: str) -> None:
    """End every process that carries *folder*, and those they start meanwhile."""
    for _ in range(ROUNDS):
        if not (found := find_marked(folder)):
            return
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def main() -> None:
    """Wait for the demo's end, then clean up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # what ends the demo must not end us before it
    while os.read(0, 4096):
        pass
    kill_marked(sys.argv[1])
    shutil.rmtree(sys.argv[1], ignore_errors=True)


if __name__ == "__main__":
    main()
