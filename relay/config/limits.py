"""Reads bounds on time and memory."""

import attrs

from relay.config import values
from relay.config.machine import available_memory, usual_memory, usual_streams
from relay.config.table import Table
from relay.model.limits import OF_EXITS, OF_INGRESSES, USUAL, Limits

SMALLEST_MEMORY = 2**20
LARGEST_MEMORY = 2**40
"""More than any machine of a network like ours has."""
LONGEST_KEEPALIVE = 32_767.0
"""Seconds: what Linux takes for TCP_KEEPIDLE (tcp(7))."""


def usual_limits() -> Limits:
    """What holds on this machine where the file says nothing."""
    available = available_memory()
    return attrs.evolve(USUAL, memory=usual_memory(available), streams=usual_streams(available))


def read_limits(table: Table | None) -> Limits:
    """What *table* says, and defaults for the rest; mistakes are noted."""
    usual = usual_limits()
    if table is None:
        return usual
    limits = Limits(
        table.get("handshake", _some_time, USUAL.handshake),
        table.get("drain", values.duration, USUAL.drain),
        table.get("half_closed_idle", _some_time, USUAL.half_closed_idle),
        table.get("kept_idle", _some_time, USUAL.kept_idle),
        table.get("keepalive", _keepalive, USUAL.keepalive),
        table.get("memory", _memory, usual.memory),
        table.get("streams", values.whole(1, 1_000_000), usual.streams),
    )
    table.finish()
    return limits


def read_node_limits(table: Table | None, *, is_exit: bool) -> Limits:
    """The same for a node; what only an exit has a use for is a mistake elsewhere."""
    for key in OF_INGRESSES if table is not None else ():
        if table is not None and key in table:
            table.wrong(key, "clients come to ingresses only", "take it out, or write it in [limits]")
    if table is not None and not is_exit:
        for key in OF_EXITS:
            if key in table:
                table.wrong(key, "streams end at exits only", "write exit = true, or take it out")
    return read_limits(table)


def _some_time(value: object) -> float:
    found = values.duration(value)
    if found <= 0:
        raise values.Wrong(f'"{value}" is no time at all', "write how long, as 10s")
    return found


def _keepalive(value: object) -> float:
    found = values.duration(value)
    if not 1 <= found <= LONGEST_KEEPALIVE:
        raise values.Wrong(f'"{value}" is no time that the kernel takes', "write 1s to 9h, as 60s")
    return found


def _memory(value: object) -> int:
    found = values.size(value)
    if found < SMALLEST_MEMORY:
        raise values.Wrong(f'"{value}" is too little', "write at least 1MiB")
    if found > LARGEST_MEMORY:
        raise values.Wrong(f"{values.shown(value)} is more than a machine has", "write at most 1024GiB, as 256MiB")
    return found
