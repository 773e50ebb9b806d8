"""One ingress with all the paths it measures: started, filled with idle streams, watched while nothing happens."""

import json
import os
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from bench import load
from bench.contest import TRY_AGAIN, Contestant, Field
from bench.load import Failed
from bench.measures.measure import named
from bench.peers.ours import BESIDE, ManyLines, tool
from bench.processes import spent
from bench.results import Numbers, read
from bench.wire import bytes_at
from ingress.measure.schedule import QUIET

LINES = 8
"""Side by side on each of two hops."""
PATHS = LINES**2
"""As many as an ingress measures at most."""
STREAMS = 20_000
SPARE = 400
"""Descriptors and ports left to carriers, listeners, the sample, and what a node keeps free for itself."""
UP_LIMIT = 30.0
"""Seconds within which all paths must be up."""
SETTLE = QUIET + 15.0
"""Seconds before figures are read: until then streams that have just been opened count as speaking, and paths that were
late while thousands of them were opened at once are asked more often, on trial."""
WINDOW = 10.0
"""Seconds over which CPU and bytes are counted."""
SAMPLE = 300
TRIES = 30
"""Times that one stream for each path is opened: a path that looked worse in one round gets its share in the next."""
DAY = 86_400.0


def started(field: Field, peer: ManyLines | None = None) -> Contestant:
    """It runs (*peer*, which has LINES), and all its paths are up.

    Raises:
        Failed: not within UP_LIMIT.
    """
    contestant = field.start(peer or ManyLines(LINES), nodes=2)
    contestant.wait_ready()
    deadline = time.monotonic() + UP_LIMIT
    while (count := paths_up(contestant)) != PATHS:
        if time.monotonic() > deadline:
            raise Failed(f"{count} of {PATHS} paths are up after {UP_LIMIT:.0f} s")
        time.sleep(TRY_AGAIN)
    return contestant


def possible_streams() -> int:
    """STREAMS, or as many as the limits of this machine allow."""
    return min(STREAMS, *(int(limit) - SPARE for limit in limits().values()))


def limits() -> Numbers:
    """Descriptors that a process may have, and connections that one address may have to another."""
    least, most = map(int, read("/proc/sys/net/ipv4/ip_local_port_range").split())
    return {"files": float(resource.getrlimit(resource.RLIMIT_NOFILE)[0]), "ports": float(most - least + 1)}


@contextmanager
def held_streams(contestant: Contestant, count: int) -> Iterator[tuple[float, Callable[[], float]]]:
    """So many idle streams; gives how many opened, and what has them all echo again and counts the answers."""
    holder = load.Child("idle", contestant.route, contestant.place.target, count)
    try:
        opened = load.parse(holder.line())["opened"]
        if not opened:
            raise Failed("no stream opened")
        yield opened, lambda: load.parse(holder.ask("echo"))["answered"]
    finally:
        holder.end()


@contextmanager
def few_streams(contestant: Contestant) -> Iterator[None]:
    """As many as it takes to have some on every path, but no more than TRIES times PATHS."""
    with ExitStack() as stack:
        for _ in range(TRIES):
            stack.enter_context(held_streams(contestant, PATHS))
            if paths_with_streams(report(contestant)) == PATHS:
                break
        yield


def new_connections(contestant: Contestant, target: str) -> Numbers:
    """SAMPLE new connections, one after another, to a *target* and by an address that the idle streams do not use.

    With so many connections between two addresses, the kernel alone takes milliseconds to find one more free port.
    """
    return load.connections(f"socks:{BESIDE}:{contestant.place.socks}", target, SAMPLE, 1)


def watched(contestant: Contestant) -> Numbers:
    """What it holds and uses while nothing happens: memory, CPU by second, and bytes by line and day.

    Raises:
        Failed: a process of it has ended.
    """
    time.sleep(SETTLE)
    memory = spent(contestant.running.memory(), {})
    before, began, cpu = carried(contestant), time.monotonic(), contestant.running.cpu()
    time.sleep(WINDOW)
    used, after, took = spent(contestant.running.cpu(), cpu), carried(contestant), time.monotonic() - began
    if what := contestant.running.ended():
        raise Failed(what)
    lines = LINES * len(contestant.place.hops)
    numbers = named("memory", memory) | named("cpu", {part: seconds / took for part, seconds in used.items()})
    if before is not None and after is not None:
        numbers["seen"] = (after - before) / took * DAY / lines
    told = report(contestant)
    numbers["told"] = told["totals"]["probe_bytes_per_day"] / lines
    numbers["streams"] = float(told["totals"]["streams"])
    numbers["riding"] = float(paths_with_streams(told))
    return numbers


def carried(contestant: Contestant) -> float | None:
    """Bytes of all carriers on all lines so far."""
    counts = [count for hop in contestant.place.hops if (count := bytes_at(hop.port)) is not None]
    return sum(counts) if counts else None


def paths_up(contestant: Contestant) -> int:
    """How many paths may carry streams without reserve."""
    return sum(path["state"] == "up" for path in report(contestant)["paths"])


def paths_with_streams(told: dict[str, Any]) -> int:
    """How many paths carry any."""
    return sum(path["streams"] > 0 for path in told["paths"])


def report(contestant: Contestant) -> dict[str, Any]:
    """The answer of `ingress paths --json` (docs/paths-json.md)."""
    done = subprocess.run(
        [tool("ingress"), "paths", "--json"],
        env={**os.environ, "XDG_RUNTIME_DIR": str(contestant.place.folder)},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise Failed(f"ingress paths: {done.stderr.strip()[-300:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
