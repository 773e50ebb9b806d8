"""Rounds: the load is started, a fault strikes, and what every client saw of it becomes a row of numbers."""

import json
import os
import pathlib
import shutil
import time
from collections.abc import Callable
from itertools import pairwise

import trio

from bench.load import Failed
from bench.results import Numbers, Row
from bench.survive.faults import Fault
from bench.survive.load import Load, Verdicts, running_load
from bench.survive.scene import Scene, System
from bench.survive.target import Target
from bench.survive.watch import Arrivals, Echoes
from relay.errors import OperatorError

SETTLE = 5.0
"""Seconds of load before a fault: bulk has its own carriers by then, and the path is chosen."""
NORMAL = 2.0
"""Of these, the last: what is normal is measured there."""
FLOWING = 20.0
"""Seconds within which every stream must move something."""
LEFT = (1.0, 5.0)
"""Seconds after a fault in which streams ride on the second best path: what that takes longer is distance, no pause."""
DETOUR = 0.05
"""Seconds that another path of the reference network can be longer, at most: more than that is no distance."""
TRIES, LATE = 3, 0.05
"""Rounds that are tried to have one in which our own loop was never so many seconds late."""
SOON = 0.04
"""Seconds above normal at which an echo counts as settled again; the best detour is 8 ms longer than the best path."""


async def measure_fault(
    system: System,
    fault: Fault,
    rounds: int,
    step: Callable[[str], None],
    logs: pathlib.Path | None = None,
) -> Row:
    """So many rounds of one fault against one system, started for it; a failure of the whole stays in the row."""
    row = Row(how=system.how, error=system.missing())
    if row.error is not None:
        return row
    row.version = system.version()
    try:
        for turn in range(rounds):
            step(f"{system.name}: {fault.title}, round {turn + 1}")
            kept = None if logs is None else logs / f"{fault.name}-{system.name.replace(' ', '-')}-{turn + 1}"
            row.rounds.append(await fresh_round(system, fault, turn, kept))
    except* (Failed, OSError, OperatorError) as group:
        row.error = first_words(group)
    return row


async def fresh_round(system: System, fault: Fault, turn: int, logs: pathlib.Path | None) -> Numbers:
    """One round with processes of its own: what fell in the last one is held in no one's memory.

    It is repeated if our own loop was late in it: then the machine had no time for anybody, and pauses are its own.
    """
    for tries in range(1, TRIES + 1):
        async with system.target() as target, system.scene(target) as scene:
            try:
                found = await one_round(scene, fault, turn, target)
            finally:
                keep_logs(scene.folder, logs)
        if found["lag"] <= LATE or tries == TRIES:
            return found | {"tries": float(tries)}
    raise AssertionError("the last try is returned")


async def one_round(scene: Scene, fault: Fault, turn: int, target: Target) -> Numbers:
    """The load from its start to its end, and the fault in it."""
    async with running_load(scene.route, target) as load:
        with trio.move_on_after(FLOWING) as scope:
            await load.wait_flowing()
        if scope.cancelled_caught:
            raise Failed(f"nothing flows after {FLOWING:.0f} s")
        await trio.sleep(SETTLE)
        struck = await strike(scene, fault, turn, load)
        ended = trio.current_time()
        requests = request_numbers(load.verdicts, struck, ended)
        await load.finish()
        keep_trace(scene.folder, load.verdicts, struck)
        return numbers(load.verdicts, fault, struck, ended) | requests


async def strike(scene: Scene, fault: Fault, turn: int, load: Load) -> float:
    """Give the fault's orders at their times, and watch until it is over; gives when it struck."""
    line, node = await scene.ridden(turn)
    began = trio.current_time()
    load.verdicts.struck = f"{line}, {node}"
    async with trio.open_nursery() as nursery:
        for when, order in fault.steps:
            nursery.start_soon(order_at, scene, began + when, order.format(line=line, node=node))
        await trio.sleep_until(began + fault.lasts)
    return began


async def order_at(scene: Scene, when: float, order: str) -> None:
    """One order at its time."""
    await trio.sleep_until(when)
    await scene.order(order)


def numbers(seen: Verdicts, fault: Fault, struck: float, ended: float) -> Numbers:
    """What is kept of a round: pauses in seconds, counts, and how loaded the machine was."""
    since = struck + fault.skip
    found = {
        "download": max(0.0, seen.download.worst_gap(since, ended) - (fault.inherent if not fault.skip else 0)),
        "upload": max(0.0, seen.upload.worst_gap(since, ended) - (fault.inherent if not fault.skip else 0)),
        "lost": float(len(seen.lost)),
        "lag": seen.lag(struck, ended),
        "load": os.getloadavg()[0],
    }
    for name, echoes in (("echo", seen.echo), ("redundant", seen.redundant)):
        if echoes.sent:
            normal = echoes.normal(struck - NORMAL, struck)
            found[f"{name}.normal"] = normal
            after = echoes.normal(struck + LEFT[0], struck + LEFT[1])
            base = normal if fault.inherent else max(normal, min(after, normal + DETOUR))
            found[name] = max(0.0, echoes.worst(since, ended) - base - fault.inherent)
            found[f"{name}.settled"] = echoes.settled(since, normal + SOON) or 0.0
    found |= {f"lost.{name}": 1.0 for name in seen.lost}
    found |= {f"broke.{name}": at - struck for name, at in seen.broke_at.items()}
    return found


def request_numbers(seen: Verdicts, struck: float, ended: float) -> Numbers:
    """Of the requests started from the fault on."""
    requests = seen.requests.of(struck, ended)
    found = {"requests": float(len(requests.done)), "failed": float(requests.failed), "longest": requests.longest}
    again = requests.good_again(struck)
    return found if again is None else found | {"again": again}


def keep_trace(folder: pathlib.Path, seen: Verdicts, struck: float) -> None:
    """Beside the logs: every echo, gap and request of a round, in seconds from the fault, and when that was."""
    trace = {
        "struck": seen.struck,
        "at": time.time() - (trio.current_time() - struck),
        "echo": traced(seen.echo, struck),
        "redundant": traced(seen.redundant, struck),
        "download gaps": gaps(seen.download, struck),
        "upload gaps": gaps(seen.upload, struck),
        "requests": [(round(at - struck, 3), round(took, 3), why) for at, took, why in seen.requests.done],
        "lags": [(round(at - struck, 3), round(late, 3)) for at, late in seen.lags],
        "lost": seen.lost,
    }
    (folder / "trace.json").write_text(json.dumps(trace))


def gaps(arrivals: Arrivals, struck: float) -> list[tuple[float, float]]:
    """When each gap that one could notice began, from the fault, and how long it was."""
    return [(round(a - struck, 3), round(b - a, 3)) for a, b in pairwise(arrivals.at) if b - a > SOON]


def traced(echoes: Echoes, struck: float) -> list[tuple[float, float]]:
    """When each was sent, from the fault, and what it took."""
    return [(round(at - struck, 3), round(took, 3)) for at, took in zip(echoes.sent, echoes.took, strict=False)]


def keep_logs(folder: pathlib.Path, logs: pathlib.Path | None) -> None:
    """Copy the logs of a system's processes to *logs*, if that is wanted."""
    if logs is not None:
        shutil.rmtree(logs, ignore_errors=True)
        logs.mkdir(parents=True)
        for pattern in ("*.log", "*.toml", "trace.json"):
            for log in folder.glob(pattern):
                shutil.copy(log, logs)


def first_words(group: BaseExceptionGroup[BaseException]) -> str:
    """What the first of the errors says."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__
