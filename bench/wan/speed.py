"""What distance costs over real TCP: first bytes against the round trip, one download, small requests beside it."""

import socket
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import attrs
import trio

from bench.load import Failed
from bench.results import Numbers
from bench.survive.pieces import Checker
from bench.survive.route import Route, exchange
from bench.survive.target import READ, Target
from bench.wan.bed import Bed
from bench.wan.network import EXITS, LINES, PORT, OursOnTheBed, WanLine, WanScene, apply
from ingress.demo.admin import ask

LEG_TRIES = 9
WARM = 3.0
"""Seconds that the ingress has been up before anything is timed."""
REQUESTS = 40
LOADED_REQUESTS = 100
GAP = 0.05
"""Seconds between one request and the next."""
ENOUGH = 30.0
"""Seconds after which no further request is begun: where each takes seconds, fewer of them say it too."""
PIECE = 65_000
RAMP = 4.0
"""Seconds of a download that are not counted: slow start, its own carrier, growing windows."""
COUNTED = 6.0
SWITCH_LIMIT = 10.0
PRIVATE = 200.0
"""Mbit/s of the lines whose rate is changed; the rest stay as they are."""


class Reachable(Protocol):
    """What runs, as far as its clients see it."""

    @property
    def route(self) -> Route:
        """How clients reach the target through it."""


class System(Protocol):
    """What can be put on the bed."""

    @property
    def lines(self) -> Sequence[WanLine]:
        """Those that its connections may take."""

    def target(self) -> AbstractAsyncContextManager[Target]:
        """The target, at the web's node."""

    def scene(self, target: Target) -> AbstractAsyncContextManager[Reachable]:
        """It, running, all its lines as they should be."""


class OneWay(System, Protocol):
    """A system that has no choice of paths."""

    def trip(self, target: tuple[str, int]) -> float:
        """The round trip of its only one, all the way to the target."""


def legs(bed: Bed, target: tuple[str, int], lines: Sequence[WanLine], exits: Sequence[str]) -> dict[str, float]:
    """The round trip of each line, as the kernel's connect takes it; and from each exit to the target."""
    found = {line.name: leg(bed, line.start, bed.address(line.end), PORT) for line in lines}
    return found | {exit_: leg(bed, exit_, *target) for exit_ in exits}


def leg(bed: Bed, start: str, host: str, port: int) -> float:
    """The median of several connects."""
    times = []
    with bed.inside(start):
        for _ in range(LEG_TRIES):
            began = time.monotonic()
            with socket.create_connection((host, port), 5):
                times.append(time.monotonic() - began)
    return statistics.median(times)


async def path_of(scene: WanScene, target: tuple[str, int]) -> tuple[str, str]:
    """The path that a new stream takes, and its exit."""
    answer = await ask(scene.admin, {"ask": "why", "target": f"{target[0]}:{target[1]}"})
    if not answer["paths"]:
        raise Failed("no path is up")
    return answer["paths"][0], answer["exit"]


async def requests(scene: Reachable, target: tuple[str, int], count: int) -> list[float]:
    """So many requests one after another: from the client's connect to the whole answer of 64 bytes."""
    times: list[float] = []
    until = trio.current_time() + ENOUGH
    while len(times) < count and trio.current_time() < until:
        began = trio.current_time()
        async with await scene.route.open(target) as stream:
            await exchange(stream)
        times.append(trio.current_time() - began)
        await trio.sleep(GAP)
    return times


async def first_bytes(system: OursOnTheBed, bed: Bed) -> Numbers:
    """Warm; and again right after the path's middle line has died."""
    async with system.target() as target, system.scene(target) as scene:
        await trio.sleep(WARM)
        known = target.addresses[0]
        trips = legs(bed, known, LINES, EXITS)
        new = await requests(scene, known, 1)
        name, exit_ = await path_of(scene, known)
        times = await requests(scene, known, REQUESTS)
        found = against("warm", times, trip_of(trips, name, exit_)) | {"new": new[0]}
        died = trio.current_time()
        dead = name.split("/")[1 if "/" in name else 0]
        await scene.order(f"blackhole {dead}")
        other = await until_left(scene, known, dead)
        found["switched.after"] = trio.current_time() - died
        times = await requests(scene, known, 10)
        return found | against("switched", times, trip_of(trips, *other)) | {"switched.first": times[0]}


async def warm_first_bytes(system: OneWay) -> Numbers:
    """The same as ours, warm; what has one path only switches to none."""
    async with system.target() as target, system.scene(target) as scene:
        await trio.sleep(WARM)
        known = target.addresses[0]
        trip = system.trip(known)
        await requests(scene, known, 1)
        return against("warm", await requests(scene, known, REQUESTS), trip)


def trip_of(trips: dict[str, float], name: str, exit_: str) -> float:
    """The round trip of a path and on to the target."""
    return sum(trips[line] for line in name.split("/")) + trips[exit_]


def against(prefix: str, times: Sequence[float], trip: float) -> Numbers:
    """Medians, and what they are above the round trip."""
    middle = statistics.median(times)
    return {
        f"{prefix}.trip": trip,
        f"{prefix}.p50": middle,
        f"{prefix}.above": middle - trip,
        f"{prefix}.most": max(times),
    }


async def until_left(scene: WanScene, target: tuple[str, int], line: str) -> tuple[str, str]:
    """The path that new streams take, as soon as it is one without *line*."""
    with trio.move_on_after(SWITCH_LIMIT):
        while line in (found := await path_of(scene, target))[0].split("/"):  # noqa: ASYNC110 - it is another process
            await trio.sleep(GAP)
        return found
    raise Failed(f"new streams still take {line} after {SWITCH_LIMIT:.0f} s")


class Download:
    """One at full speed, checked byte by byte."""

    def __init__(self) -> None:
        self.received = 0

    async def run(self, scene: Reachable, target: tuple[str, int]) -> None:
        """Until cancelled."""
        checker = Checker(PIECE)
        async with await scene.route.open(target) as stream:
            await stream.send_all(b"flood %d\n" % PIECE)
            while data := await stream.receive_some(READ):
                self.received += len(data)
                checker.add(data)
        raise Failed("the download ended")


@asynccontextmanager
async def downloading(scene: Reachable, target: tuple[str, int]) -> AsyncIterator[Download]:
    """A download beside the block."""
    download = Download()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(download.run, scene, target)
        yield download
        nursery.cancel_scope.cancel()


async def speeds(system: System, bed: Bed, rate: float) -> Numbers:
    """On private lines of *rate* Mbit/s: requests alone, then the same beside one download, and what that reached."""
    async with system.target() as target, system.scene(target) as scene:
        for line in system.lines:
            if line.rate == PRIVATE:
                apply(bed, attrs.evolve(line, rate=rate))
        await trio.sleep(WARM)
        known = target.addresses[0]
        await requests(scene, known, 5)
        alone = await requests(scene, known, LOADED_REQUESTS)
        async with downloading(scene, known) as download:
            await trio.sleep(RAMP)
            before, began = download.received, trio.current_time()
            await trio.sleep(COUNTED)
            speed = (download.received - before) * 8 / (trio.current_time() - began)
            beside = await requests(scene, known, LOADED_REQUESTS)
            whole = (download.received - before) * 8 / (trio.current_time() - began)
        found = {"rate": rate * 1e6, "download": speed, "download.beside": whole, "beside.count": float(len(beside))}
        return found | percentiles("alone", alone) | percentiles("beside", beside)


def percentiles(prefix: str, times: Sequence[float]) -> Numbers:
    """p50 and p99."""
    ordered = sorted(times)
    return {f"{prefix}.p50": statistics.median(ordered), f"{prefix}.p99": ordered[int(0.99 * (len(ordered) - 1))]}
