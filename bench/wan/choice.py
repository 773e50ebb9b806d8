"""What the choice does in weather that is no fault: who moves for it, and who is named.

Real TCP in real namespaces, with the load of the faults or page loads; the ingress itself is asked what it knows.
"""

import pathlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

import attrs
import trio

from bench.load import Failed
from bench.results import Numbers, Row
from bench.survive.events import count_events
from bench.survive.load import Load, running_load
from bench.survive.pieces import WrongBytes
from bench.survive.rounds import FLOWING, NORMAL, SETTLE, first_words, keep_logs
from bench.survive.route import Refused
from bench.survive.target import READ, Target
from bench.wan.network import LINES, OursOnTheBed, WanLine, WanScene, ends_of
from bench.wan.speed import Download, until_left
from ingress.demo.admin import ask
from relay.errors import OperatorError

BY_NAME = {line.name: line for line in LINES}
PAGES, PAGE, PAGES_EVERY = 10, 150_000, 4.0
"""Connections of a page load, bytes of each, and seconds from one page to the next."""
PIECE = 15_000
THIN = 20
"""Mbit/s of the line that is thin, where the others have 200."""
DOWNLOADS = ("first", "second", "third")
DOWNLOAD, DOWNLOADS_EVERY = 30_000_000, 4.0
"""Bytes of each, which take 12 s over the thin line, and the seconds between them."""
NAMED_WITHIN = 300.0
"""Seconds in which a line has to be named: an echo alone takes two or three minutes to send 10,000 segments."""
LEFT_WITHIN = 15.0
FOUND = 20.0
"""Seconds in which an ingress that has just begun may still find a better path; then what moves is counted."""
CALM = 25.0
"""Seconds of little traffic before a flood: a policer shows by what it leaves alone."""
LOOK = 0.1


@attrs.frozen
class Weather:
    """One thing that happens, and what is looked at."""

    name: str
    title: str
    run: Callable[[WanScene, Target, float], Awaitable[Numbers]]
    """With a scene, the target, and the seconds that what has no end of its own lasts."""


async def measure_choice(
    system: OursOnTheBed,
    rounds: int,
    seconds: float,
    step: Callable[[str], None],
    logs: pathlib.Path | None = None,
    only: Collection[str] = (),
) -> dict[str, Row]:
    """So many rounds in each weather, or in *only* some, of processes of their own; rows by its title."""
    rows = {}
    for weather in [one for one in WEATHERS if one.name in only or not only]:
        row = rows[weather.title] = Row(system.version(), system.how)
        for turn in range(rounds):
            step(f"{weather.title}, round {turn + 1}")
            try:
                row.rounds.append(await one_round(system, weather, seconds, logs))
            except* (Failed, OSError, OperatorError, Refused, WrongBytes, trio.BrokenResourceError) as group:
                row.error = first_words(group)
    return rows


async def one_round(system: OursOnTheBed, weather: Weather, seconds: float, logs: pathlib.Path | None) -> Numbers:
    """A fresh network in this weather."""
    async with system.target() as target, system.scene(target) as scene:
        try:
            return await weather.run(scene, target, seconds)
        finally:
            keep_logs(scene.folder, None if logs is None else logs / f"choice-{weather.name}")


# ---- what happens


async def little_loss(scene: WanScene, target: Target, seconds: float) -> Numbers:
    """One segment in a thousand is lost on every line, both ways."""
    await scene.order("lose * 0.1%")
    async with loaded(scene, target) as load:
        await trio.sleep(FOUND)
        began = time.time()
        await trio.sleep(seconds)
        return moves(scene, began) | await switches(scene, target, seconds) | await named(scene) | echoes(load, seconds)


async def lossy_back(scene: WanScene, target: Target, seconds: float) -> Numbers:
    """The second line of the path loses 1 % of what the exit sends: the exit tells."""
    return await one_way(scene, target, 1, "back")


async def lossy_towards(scene: WanScene, target: Target, seconds: float) -> Numbers:
    """The first line loses 1 % of what the ingress sends: it knows by itself."""
    return await one_way(scene, target, 0, "towards")


async def one_way(scene: WanScene, target: Target, turn: int, which: str) -> Numbers:
    """How long until the line is named with this direction, and who was named besides."""
    async with loaded(scene, target):
        line, _ = await scene.ridden(turn)
        began = time.time()
        await scene.order(f"lose {line} 1% {which}")
        start, end = ends_of(BY_NAME[line], which)
        after = await until_named(scene, f"line {line} loses ", f"of what {start} sends to {end} (")
        return {"named.after": after} | moves(scene, began) | await named(scene)


async def longer(scene: WanScene, target: Target, seconds: float) -> Numbers:
    """The second line becomes 30 ms longer. New streams have a path of 8 ms more to another exit; those that are open
    would gain 10 ms on the best one to theirs, and stay."""
    async with loaded(scene, target):
        return await after_slowing(scene, target, 30)


async def much_longer(scene: WanScene, target: Target, seconds: float) -> Numbers:
    """It becomes 80 ms longer: streams that are open gain 60 ms, and leave too."""
    async with loaded(scene, target):
        line, _ = await scene.ridden(1)
        began = trio.current_time()
        found = await after_slowing(scene, target, 80)
        with trio.move_on_after(LEFT_WITHIN):
            while thin_over(await scene.paths(), line):  # noqa: ASYNC110 - it is another process
                await trio.sleep(LOOK)
            return found | {"empty.after": trio.current_time() - began}
    raise Failed(f"streams still ride over {line} after {LEFT_WITHIN:.0f} s")


async def after_slowing(scene: WanScene, target: Target, more: int) -> Numbers:
    """How long until new streams take a path without the second line, which is *more* milliseconds longer."""
    line, _ = await scene.ridden(1)
    began, wall = trio.current_time(), time.time()
    await scene.order(f"slow {line} {more}ms")
    await until_left(scene, target.addresses[0], line)
    return {"left.after": trio.current_time() - began} | moves(scene, wall)


async def pages(scene: WanScene, target: Target, seconds: float) -> Numbers:
    """Ten times 150 KB every four seconds, and nothing else but an echo."""
    async with loaded(scene, target, "echo") as load, trio.open_nursery() as nursery:
        await trio.sleep(FOUND)
        began = time.time()
        nursery.start_soon(load_pages, scene, target)
        await trio.sleep(seconds)
        found = moves(scene, began) | await switches(scene, target, seconds) | await named(scene)
        found |= echoes(load, seconds)
        nursery.cancel_scope.cancel()
    return found


async def policed(scene: WanScene, target: Target, seconds: float) -> Numbers:
    """The second line lets 10 Mbit/s of what the exit sends pass, and drops the rest: an echo, then a flood."""
    async with loaded(scene, target, "echo"):
        line, _ = await scene.ridden(1)
        start, end = ends_of(BY_NAME[line], "back")
        await scene.order(f"police {line} 10 back")
        await trio.sleep(CALM)
        wall = time.time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Download().run, scene, target.addresses[0])
            after = await until_named(scene, f"line {line} is policed: ", f"of what {start} sends to {end} ")
            found = {"named.after": after} | moves(scene, wall) | await named(scene)
            nursery.cancel_scope.cancel()
    return found


async def thin_and_thick(scene: WanScene, target: Target, seconds: float) -> Numbers:
    """The second line of the path has 20 Mbit/s, others 200: three downloads, one after another."""
    found = {}
    async with loaded(scene, target, "echo"):
        line, _ = await scene.ridden(1)
        await scene.order(f"rate {line} {THIN}")
        for turn in DOWNLOADS:
            found[turn] = await download(scene, target)
            await trio.sleep(DOWNLOADS_EVERY)
    return found


WEATHERS = (
    Weather("little", "0.1 % loss on every line", little_loss),
    Weather("back", "1 % loss one way, back from the exit", lossy_back),
    Weather("towards", "1 % loss one way, from the ingress", lossy_towards),
    Weather("longer", "a line longer by 30 ms", longer),
    Weather("much", "a line longer by 80 ms", much_longer),
    Weather("pages", "page loads beside echoes", pages),
    Weather("thin", "a line of 20 Mbit/s beside others of 200", thin_and_thick),
    Weather("policed", "a policer of 10 Mbit/s, back from the exit", policed),
)


# ---- the load


@asynccontextmanager
async def loaded(scene: WanScene, target: Target, only: str | None = None) -> AsyncIterator[Load]:
    """The load of the faults, or one stream of it, flowing and settled."""
    async with running_load(scene.route, target, only) as load:
        with trio.fail_after(FLOWING):
            await load.wait_flowing()
        await trio.sleep(SETTLE)
        yield load


async def load_pages(scene: WanScene, target: Target) -> None:
    """Page after page, until cancelled."""
    while True:
        async with trio.open_nursery() as nursery:
            for _ in range(PAGES):
                nursery.start_soon(load_one, scene, target)
            await trio.sleep(PAGES_EVERY)


async def load_one(scene: WanScene, target: Target) -> None:
    """One connection of a page."""
    await fetch(scene, target, PAGE)


async def download(scene: WanScene, target: Target) -> float:
    """Bits per second of one, from its beginning to its end."""
    began = trio.current_time()
    await fetch(scene, target, DOWNLOAD)
    return DOWNLOAD * 8 / (trio.current_time() - began)


async def fetch(scene: WanScene, target: Target, size: int) -> None:
    """So many bytes over a connection of their own, which is closed then. Refused if it ends before."""
    async with await scene.route.open(target.addresses[0]) as stream:
        await stream.send_all(b"flood %d\n" % PIECE)
        have = 0
        while have < size:
            data = await stream.receive_some(READ)
            if not data:
                raise Refused(f"ended after {have} bytes")
            have += len(data)


# ---- what is seen of it


def moves(scene: WanScene, since: float) -> Numbers:
    """How often streams were moved by plan, or rescued."""
    counts = count_events(scene.log().read_text(errors="replace").splitlines(), since)
    return {"moved": float(counts["streams-moved"]), "rescued": float(counts["streams-rescued"])}


async def switches(scene: WanScene, target: Target, seconds: float) -> Numbers:
    """How often new streams left one path for another in so many seconds, as far as is remembered."""
    host, port = target.addresses[0]
    answer = await ask(scene.admin, {"ask": "why", "target": f"{host}:{port}"})
    return {"switched": float(sum(one["age"] < seconds for one in answer["switches"]))}


async def named(scene: WanScene) -> Numbers:
    """How many findings there are, but for what is said of the public lines, which lose 1 % in every weather."""
    return {"named": float(sum(not tells_of_public(one) for one in (await scene.paths())["blame"]))}


def tells_of_public(sentence: str, lines: Sequence[WanLine] = LINES) -> bool:
    """Whether it is about a line that loses as it is."""
    return any(sentence.startswith(f"line {line.name} ") for line in lines if line.loss)


async def until_named(scene: WanScene, *parts: str) -> float:
    """Seconds until a finding has all *parts*."""
    began = trio.current_time()
    said: list[str] = []
    with trio.move_on_after(NAMED_WITHIN):
        while True:
            said = (await scene.paths())["blame"]
            if any(all(part in one for part in parts) for one in said):
                return trio.current_time() - began
            await trio.sleep(1.0)
    raise Failed(f"nobody says '{'…'.join(parts)}' within {NAMED_WITHIN:.0f} s, but: {'; '.join(said) or 'nothing'}")


def thin_over(report: Any, line: str) -> int:
    """Streams that are neither bulk nor redundant on paths over *line*."""
    over = [path for path in report["paths"] if line in path["path"].split("/")]
    return sum(path["streams"] - path["bulk"] - path["redundant"] for path in over)


def echoes(load: Load, seconds: float) -> Numbers:
    """What an echo took before, and at worst in the last *seconds*."""
    now, seen = trio.current_time(), load.verdicts.echo
    normal = seen.normal(now - seconds - NORMAL, now - seconds)
    return {"echo.normal": normal, "echo.worst": seen.worst(now - seconds, now), "lost": float(len(load.verdicts.lost))}
