"""One attack: calm before, the attack, calm after; what the bystander felt, and what is left of the attack."""

import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import trio

from bench.hostile.attacks.attack import Attack
from bench.hostile.bystander import Bystander, middle, share, working
from bench.hostile.ground import HERE
from bench.hostile.network import PASSWORD, THERE, Bed
from bench.hostile.vitals import LogWatch, forget_peak, vitals_of
from bench.load import Failed
from bench.results import Numbers
from bench.survive.route import answers
from bench.survive.target import Target, listening_sockets, open_target

WELL = 30.0
"""Seconds within which all must be well again, and was before."""
LOOK = 0.1
GRACE = 15.0
"""Seconds that an attacker may take to end."""
SETTLE = 1.0
"""Seconds behind an attack that are nobody's calm."""
SLACK = 32
"""Descriptors that a process may have more afterwards: spare carriers come and go."""
BACK = 65.0
"""Seconds until all others must be given back: who is reset may have what was written before for 60 s."""
NICENESS = 10
"""An attacker has machines of its own; here it shares our processors, and comes behind."""


@attrs.frozen
class Times:
    """Seconds of each part."""

    attack: float
    calm: float


@attrs.define
class Found:
    """What came of one attack. Numbers are seconds, bytes, counts."""

    numbers: Numbers = attrs.field(factory=dict)
    did: dict[str, int] = attrs.field(factory=dict)
    words: list[str] = attrs.field(factory=list)
    """What went wrong, in words."""


@attrs.frozen
class Targets:
    """The bystander's, and ours behind the exit that is attacked."""

    beside: Target
    behind: Target


@asynccontextmanager
async def open_targets() -> AsyncIterator[Targets]:
    """Both, until the block ends."""
    async with open_target(listening_sockets(THERE)) as beside, open_target(listening_sockets(HERE)) as behind:
        yield Targets(beside, behind)


async def until_well(bed: Bed, targets: Targets) -> float | None:
    """How long it took until every path is up and both exits serve; None if it never was."""
    began = trio.current_time()
    while trio.current_time() - began < WELL:
        paths = (await bed.paths())["paths"]
        if all(path["state"] in ("up", "held", "spare") for path in paths):
            for target in (targets.beside, targets.behind):
                if not await answers(bed.route, target.addresses[0]):
                    break
            else:
                return trio.current_time() - began
        await trio.sleep(LOOK)
    return None


async def attack_once(bed: Bed, targets: Targets, attack: Attack, times: Times, seed: int) -> Found:
    """One attack on a network that is well.

    Raises:
        Failed: it was not, or the attacker's own code broke.
    """
    if await until_well(bed, targets) is None:
        raise Failed("the network was not well before")
    found = Found()
    before = {name: vitals_of(bed.pid(name)) for name in bed.names}
    async with working(bed.route, targets.beside.addresses[0]) as bystander:
        await trio.sleep(times.calm)
        calm = [(trio.current_time() - times.calm, trio.current_time())]
        logs = LogWatch(bed.log(name) for name in bed.names if name != attack.replaces)
        began = trio.current_time()
        async with replaced(bed, attack.replaces):
            for name in staying(bed, attack):
                forget_peak(bed.pid(name))
            found.did = await run_attacker(attack, bed.facts(seed, times.attack), times.attack)
            ended = trio.current_time()
            found.numbers |= peaks(bed, attack)
        await trio.sleep(SETTLE)
        calm.append((trio.current_time(), trio.current_time() + times.calm))
        await trio.sleep(times.calm)
        felt(found, bystander, calm, (began, ended))
    found.numbers["log.hour"] = logs.an_hour(ended - began)
    await judge(bed, targets, found, logs)
    most = {bed.pid(name): before[name].descriptors + SLACK for name in staying(bed, attack)}
    with trio.move_on_after(BACK):
        while any(vitals_of(pid).descriptors > count for pid, count in most.items()):  # noqa: ASYNC110
            await trio.sleep(LOOK)
    for name in staying(bed, attack):
        after = vitals_of(bed.pid(name))
        found.numbers |= {f"before.{name}": before[name].resident, f"after.{name}": after.resident}
        found.numbers |= {f"fds.before.{name}": before[name].descriptors, f"fds.after.{name}": after.descriptors}
    return found


def staying(bed: Bed, attack: Attack) -> list[str]:
    """The processes that live all the time."""
    return [name for name in bed.names if name != attack.replaces]


@asynccontextmanager
async def replaced(bed: Bed, node: str) -> AsyncIterator[None]:
    """The place of *node* is free in the block, if there is one."""
    if not node:
        yield
        return
    await bed.order(f"kill {node}")
    try:
        yield
    finally:
        with trio.CancelScope(shield=True):
            await bed.order(f"start {node}")


async def run_attacker(attack: Attack, facts: str, seconds: float) -> dict[str, int]:
    """The attacker's process to its end: what it did."""
    command = ["nice", "-n", str(NICENESS), sys.executable, "-m", "bench.hostile.attack", attack.name, facts]
    with trio.move_on_after(seconds + GRACE) as scope:
        done = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)
    if scope.cancelled_caught:
        raise Failed("the attacker did not end")
    if done.returncode:
        raise Failed(f"the attacker failed: {last_words(done)}")
    told = json.loads(done.stdout)
    if told["failed"]:
        raise Failed(f"the attacker's own code failed: {told['failed'][0]}")
    return dict(sorted(told["did"].items()))


def last_words(done: subprocess.CompletedProcess[bytes]) -> str:
    """Of its errors."""
    return " ".join(done.stderr.decode(errors="replace").splitlines()[-2:])


def peaks(bed: Bed, attack: Attack) -> Numbers:
    """The most that each process held; one that has ended held too much, or broke."""
    found = {}
    for name in staying(bed, attack):
        with contextlib.suppress(OSError, KeyError):
            found[f"peak.{name}"] = float(vitals_of(bed.pid(name)).peak)
    return found


def felt(found: Found, bystander: Bystander, calm: list[tuple[float, float]], attack: tuple[float, float]) -> None:
    """What the bystander saw of it."""
    quiet = sorted(took for part in calm for took in bystander.round_trips(*part))
    loud = bystander.round_trips(*attack)
    speed = sum(bystander.speed(*part) for part in calm) / len(calm)
    found.numbers |= {
        "calm.p50": middle(quiet),
        "calm.p99": share(quiet, 0.99),
        "p50": middle(loud),
        "p99": share(loud, 0.99),
        "longest": loud[-1] if loud else 0.0,
        "echoes": float(len(loud)),
        "calm.speed": speed,
        "speed": bystander.speed(*attack),
        "lost": float(len(bystander.lost)),
        "calls.failed": float(len(bystander.failed(*attack))),
        "calls": float(sum(attack[0] <= began < attack[1] for began, _ in bystander.calls)),
        "lag": bystander.lag(*attack),
    }
    found.words += [f"{name}: {why}" for name, why in bystander.lost.items()]
    found.words += [f"a new connection: {why}" for why in bystander.failed(*attack)[:3]]


async def judge(bed: Bed, targets: Targets, found: Found, logs: LogWatch) -> None:
    """Whether all serve again, and nothing in the logs says that our own code failed."""
    dead = [name for name in bed.names if not bed.is_alive(name)]
    if dead:
        raise Failed(f"ended: {', '.join(dead)}: {bed.demo.processes[dead[0]].last_lines()[-300:]}")
    well = await until_well(bed, targets)
    found.numbers["serves"] = float(well is not None)
    if well is None:
        paths = (await bed.paths())["paths"]
        found.words += [f"{path['path']} {path['state']}" for path in paths if path["state"] not in ("up", "held")]
    else:
        found.numbers["well"] = well
    broken = logs.broken(PASSWORD)
    found.numbers["broken"] = float(len(broken))
    found.words += broken[:3]
