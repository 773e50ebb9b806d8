"""Says when memory is short, ours or the kernel's for TCP, and who holds it: once in the log, and as long as it is so
in `paths`."""

from collections.abc import Callable, Iterable, Mapping

import trio

from relay import log
from relay.engine.kernel_memory import KernelMemory, kernel_memory
from relay.session.stream import Stream
from relay.session.window import FLOOR, Memory

LOOK = 5.0
"""Seconds between looks."""
MIB = 2**20


def shortage(memory: Memory, streams: Iterable[Stream]) -> str | None:
    """A sentence on how short *memory* is, which is that of *streams*; None if it is not."""
    if not memory.is_short:
        return None
    unread = [kept for kept in (stream.receiver.kept for stream in streams) if kept >= FLOOR]
    return (
        f"memory is short: {memory.used / MIB:.0f} of {memory.limit / MIB:.0f} MiB are taken by windows that have "
        f"grown; {len(unread)} streams that nobody reads hold {sum(unread) / MIB:.0f} MiB"
    )


class Shortages:
    """Tells the log of each memory, by name, when it has become short: again only after it was well."""

    def __init__(self, memories: Callable[[], Mapping[str, Memory]], streams: Callable[[], Iterable[Stream]]) -> None:
        """*streams* are those of all memories."""
        self._memories = memories
        self._streams = streams
        self._told: set[str] = set()
        self._has_told_kernel = False

    def look(self) -> None:
        """Say what there is to say of ours."""
        memories = self._memories()
        self._told &= {name for name, memory in memories.items() if 2 * memory.used > memory.short_at}
        for name, memory in memories.items():
            if memory.is_short and name not in self._told:
                self._told.add(name)
                own = [stream for stream in self._streams() if stream.session.memory is memory]
                log.event("memory-short", level="warning", about=name, why=shortage(memory, own))

    def look_at_kernel(self, found: KernelMemory | None) -> None:
        """Say that the kernel's is short, if *found* says so."""
        if found is None or 2 * found.used <= found.short_at:
            self._has_told_kernel = False
        elif found.shortage is not None and not self._has_told_kernel:
            self._has_told_kernel = True
            log.event("kernel-memory-short", level="warning", why=found.shortage)

    async def watch(self) -> None:
        """Look again and again; runs until cancelled."""
        while True:
            await trio.sleep(LOOK)
            self.look()
            self.look_at_kernel(kernel_memory())
