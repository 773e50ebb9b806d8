"""What the kernel holds for the TCP connections of all programs of this machine, and how much it may (tcp(7), tcp_mem).

Where it may hold no more, it resets connections, also of those that did nothing: whoever is asked why must know.
"""

import os
from pathlib import Path

import attrs

PAGE = os.sysconf("SC_PAGE_SIZE")
"""Bytes. The kernel tells both in pages."""
MIB = 2**20
PROC = Path("/proc")


@attrs.frozen
class KernelMemory:
    """At one moment, in bytes."""

    used: int
    short_at: int
    """From here on windows and send buffers shrink, until it is below the first number of tcp_mem."""
    limit: int
    """Here connections are reset."""

    @property
    def shortage(self) -> str | None:
        """A sentence on how short it is; None if it is not."""
        if self.used < self.short_at:
            return None
        return (
            f"the kernel holds {self.used / MIB:.0f} of {self.limit / MIB:.0f} MiB for the TCP of all programs here: "
            "buffers shrink, and at the limit it resets connections; ss -tmp tells whose they are, and "
            "sysctl net.ipv4.tcp_mem is the limit"
        )


def kernel_memory(proc: Path = PROC) -> KernelMemory | None:
    """None where the kernel does not tell: in a network namespace of its own, as containers have."""
    try:
        used = _used((proc / "net/sockstat").read_text())
        _, short_at, limit = (PAGE * int(word) for word in (proc / "sys/net/ipv4/tcp_mem").read_text().split())
    except (OSError, ValueError):
        return None
    return KernelMemory(used, short_at, limit)


def _used(sockstat: str) -> int:
    """Bytes, from the line `TCP: inuse 27 orphan 0 tw 1224 alloc 31 mem 110`. ValueError if there is none."""
    words = next((line.split() for line in sockstat.splitlines() if line.startswith("TCP:")), [])
    return PAGE * int(words[words.index("mem") + 1])
