"""Calm weather: nothing fails, some segments are lost. What is taken for a fault then is false."""

import pathlib
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import trio

from bench.load import Failed
from bench.results import Numbers, Row
from bench.survive.events import count_events
from bench.survive.faults import Fault
from bench.survive.load import running_load
from bench.survive.rounds import SETTLE, first_words, keep_logs, numbers, request_numbers
from bench.survive.scene import Scene
from bench.survive.target import Target
from relay.errors import OperatorError

WEATHERS = ("0%", "0.1%", "1%")
EVENTS = ("path-stalled", "path-dead", "carrier-lost", "streams-moved", "streams-rescued", "loop-lagged")
NOTHING = Fault("calm", "no fault", (), 0.0)


class Telling(Scene, Protocol):
    """A scene that can be asked what it did."""

    async def paths(self) -> Any:
        """The answer to `paths`."""

    def log(self) -> pathlib.Path:
        """The ingress's log."""


class TellingSystem(Protocol):
    """What puts up such scenes."""

    def target(self) -> AbstractAsyncContextManager[Target]:
        """See System."""

    def scene(self, target: Target) -> AbstractAsyncContextManager[Telling]:
        """See System."""


async def measure_calm(
    system: TellingSystem, seconds: float, step: Callable[[str], None], logs: pathlib.Path | None = None
) -> dict[str, Row]:
    """So many seconds of load at each loss on every line; rows by the loss."""
    rows = {}
    for loss in WEATHERS:
        step(f"{loss} loss for {seconds / 60:.1f} minutes")
        rows[loss] = Row(how=f"{loss} loss on every line, both ways")
        try:
            rows[loss].rounds.append(await one_weather(system, loss, seconds, logs))
        except* (Failed, OSError, OperatorError) as group:
            rows[loss].error = first_words(group)
    return rows


async def one_weather(system: TellingSystem, loss: str, seconds: float, logs: pathlib.Path | None) -> Numbers:
    """A fresh network in this weather: what its ingress logged, and what the load saw."""
    async with system.target() as target, system.scene(target) as scene:
        await scene.order(f"lose * {loss}")
        async with running_load(scene.route, target) as load:
            await load.wait_flowing()
            await trio.sleep(SETTLE)
            began, wall = trio.current_time(), time.time()
            await trio.sleep(seconds)
            ended = trio.current_time()
            found = numbers(load.verdicts, NOTHING, began, ended) | request_numbers(load.verdicts, began, ended)
            found |= counted(scene, wall)
            paths = (await scene.paths())["paths"]
            await load.finish()
        keep_logs(scene.folder, None if logs is None else logs / f"calm-{loss}")
    return found | {"seconds": seconds, "paths": float(len(paths)), "lost": float(len(load.verdicts.lost))}


def counted(scene: Telling, since: float) -> Numbers:
    """Each of EVENTS as often as the ingress logged it."""
    counts = count_events(scene.log().read_text(errors="replace").splitlines(), since)
    return {event: float(counts[event]) for event in EVENTS}
