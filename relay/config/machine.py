"""How much memory this process may use: the machine's, or that of the control groups it is in, whichever is less.

What `memory` and `streams` are where the file says nothing follows from it, so that a small machine needs no settings:
a quarter, and as many streams as fit with all that they cost into 60 % (docs/memory.md has the bound). The rest is the
kernel's, for sockets, and other programs'.
"""

import os
from collections.abc import Iterator
from pathlib import Path

MOST_MEMORY = 256 * 2**20
"""Bytes; more serves nobody: 32 windows of 1 Gbit/s at 180 ms."""
LEAST_MEMORY = 2**20
MOST_STREAMS = 20_000
LEAST_STREAMS = 64
CONSTANT = 64 * 2**20
EACH = 16 * 1024
"""The bound of a process: its `memory`, so much for the program, and so much for each stream."""

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def usual_memory(available: int) -> int:
    """What streams may hold together on a machine with *available* bytes."""
    return max(LEAST_MEMORY, min(MOST_MEMORY, available // 4) // LEAST_MEMORY * LEAST_MEMORY)


def usual_streams(available: int) -> int:
    """How many streams may be open at once there."""
    left = available * 6 // 10 - usual_memory(available) - CONSTANT
    return max(LEAST_STREAMS, min(MOST_STREAMS, left // EACH))


def available_memory(membership: Path = MEMBERSHIP, cgroups: Path = CGROUPS) -> int:
    """Bytes that this process may use: of the machine, or of the smallest of its control groups (cgroups(7), v1 and
    v2)."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_limits(membership, cgroups)])


def _limits(membership: Path, cgroups: Path) -> Iterator[int]:
    """Of every control group that this process is in. One that cannot be seen from here, in a container for one, has
    its root in the place of its own."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from _limits_above(cgroups, path, "memory.max")
            yield from _limits_above(cgroups / "unified", path, "memory.max")
        elif "memory" in controllers.split(","):
            yield from _limits_above(cgroups / "memory", path, "memory.limit_in_bytes")


def _limits_above(root: Path, path: str, name: str) -> Iterator[int]:
    """What *name* says in the group *path* and in those that it lies in."""
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for depth in range(len(parts), -1, -1):
        try:
            text = root.joinpath(*parts[:depth], name).read_text().strip()
        except OSError:
            continue
        if text.isdigit():  # "max": no limit
            yield int(text)
