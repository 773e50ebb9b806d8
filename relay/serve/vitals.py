"""How this process is: what its kernel and its loop say (relay.model.vitals). For nodes and ingresses alike."""

import os
import resource
import time
from pathlib import Path

from relay.engine import Loop
from relay.model.vitals import InUse, Vitals
from relay.session.window import MemoryStatistics

OPEN = Path("/proc/self/fd")
STATM = Path("/proc/self/statm")


def process_vitals(loop: Loop, memory: MemoryStatistics, since: float) -> Vitals:
    """As of now. *memory* is that of its streams, *since* is when it began, on trio's clock."""
    spent = resource.getrusage(resource.RUSAGE_SELF)
    serving = loop.statistics()
    return Vitals(
        up=loop.now - since,
        cpu=spent.ru_utime + spent.ru_stime,
        load=os.getloadavg()[0],
        resident=_resident(),
        memory=InUse(memory.started + memory.used, memory.limit),
        descriptors=_descriptors(resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
        lag=serving.lag,
        worst_lag=serving.worst_lag,
        time=time.time(),
    )


def _resident() -> int | None:
    """None while no descriptor is left to ask with: that must not end who has streams."""
    try:
        return int(STATM.read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return None


def _descriptors(limit: int) -> InUse:
    """As many as are open. Linux tells it as the size of the folder since 6.2, which is cheaper than to list it; who
    cannot list it for want of a descriptor has all that may be."""
    try:
        return InUse(OPEN.stat().st_size or len(os.listdir(OPEN)), limit)
    except OSError:
        return InUse(limit, limit)
