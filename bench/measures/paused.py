"""Who does not read: what paused downloads leave to others, and what clients that never read cost in memory."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench import load
from bench.contest import Contestant, be_fair, opened_field
from bench.figures import spread
from bench.load import Failed
from bench.measures.measure import Measure
from bench.peers import OURS, Peer
from bench.plots import bars
from bench.progress import Progress, shown_progress
from bench.results import Numbers, Result, Row, new_result
from bench.silent import SilentClients
from bench.tables import Column, column, compare
from bench.topology import HOST, Weather
from relay.engine.kernel_memory import kernel_memory

PAUSED = (0, 5, 20, 100)
"""Downloads that stand still beside the one that is measured."""
READ = 3.0
"""Seconds for which they are read before."""
QUIET, LOOK, PATIENCE = 0.05, 1.0, 15.0
"""The fresh one begins once the ingress uses less than so much of a core for a second: until then what was under way
still fills the buffers of the kernels, and the line with it; after so many seconds it begins all the same."""
SIZE = 20 * 1000 * 1000
RATE = 200.0
LINES = (Weather(0.030), Weather(0.100, rate=RATE), Weather(0.002))
ENDLESS = 1 << 40
SILENT = {"at once": (2000, False), "opened first, sent to later": (3000, True)}
"""Clients that read nothing, and whether all of them are opened before the first byte is sent."""
BATCH = 200
"""Otherwise so many are opened, and sent to, at a time."""
RELIEF = 20.0
"""Seconds within which the kernel must have memory again before such a row begins."""
NEWCOMERS = 20
MIB = 1 << 20
MEMORY, CONSTANT, EACH = 256 * MIB, 64 * MIB, 16 * 1024
"""What a process may take: `memory`, as is usual, a constant, and so much for each stream (docs/memory.md)."""


class Paused(Measure):
    """Only ours: most peers hold nothing for a client that does not read, and have one connection for each stream."""

    name = "paused"
    title = "Clients that do not read"
    explains = (
        f"A download of {SIZE // 10**6} MB over emulated lines (30, 100 and 2 ms, {RATE:.0f} Mbit/s), beside downloads "
        f"that were read for {READ:.0f} s and then stopped; numbers of them take turns. Then clients that never read, "
        "of a target that sends all that is taken, once: resident memory of ingress and exit, and how many of "
        f"{NEWCOMERS} newcomers are served meanwhile. To reach: 0.9 of the undisturbed speed, 1 of the bound, all "
        "newcomers. Where the kernel runs short of memory for all TCP of the machine, that is lost, and stays so: what "
        "is measured from there on is the kernel."
    )

    def run(self, peers: Sequence[Peer], rounds: int) -> Result:
        row = Row(how=OURS.how, error=OURS.missing())
        be_fair()
        with shown_progress(self.name, rounds * len(PAUSED) + len(SILENT)) as progress:
            for _ in range(rounds if row.error is None else 0):
                one_round(row, progress)
            if row.rounds:
                all_silent(row, progress)
        return new_result(self.name, {OURS.name: row})

    def tables(self, result: Result) -> str:
        return "\n".join([speed_table(result), memory_table(result)])

    def charts(self, result: Result) -> dict[str, str]:
        row = result.rows[OURS.name]
        speeds = {f"{count} paused": [one / 1e6 for one in row.values(f"{count}.rate")] for count in PAUSED}
        return {"paused": bars("A fresh download beside paused ones; more is better", "Mbit/s", speeds)}


def one_round(row: Row, progress: Progress) -> None:
    """A download beside each number of paused ones. What fails stays in the row, and the next one is tried."""
    numbers: Numbers = {}
    row.rounds.append(numbers)
    for count in PAUSED:
        progress.step(f"{count} paused")
        with noted(row, f"beside {count} paused"), opened_field() as field:
            row.version = OURS.version()
            contestant = field.start(OURS, weather=LINES)
            contestant.wait_ready()
            numbers[f"{count}.rate"] = fresh_beside(contestant, count)


def all_silent(row: Row, progress: Progress) -> None:
    """Clients that read nothing, once, into the last round."""
    for name, (count, is_later) in SILENT.items():
        progress.step(f"{count} {name}")
        with noted(row, f"{count} {name}"), opened_field() as field:
            await_kernel()
            contestant = field.start(OURS, nodes=2)
            contestant.wait_ready()
            found = silent(contestant, count, is_later)
            row.rounds[-1] |= {f"{name}.{key}": value for key, value in found.items()}


@contextmanager
def noted(row: Row, what: str) -> Iterator[None]:
    """A failure in the block is told by the row, behind those before it."""
    try:
        yield
    except (Failed, OSError) as error:
        row.error = "; ".join(filter(None, (row.error, f"{what}: {error}")))


def check_kernel() -> None:
    """Failed if the kernel is short of memory for TCP: it resets whom it likes from there on, also other programs'."""
    memory = kernel_memory()
    if memory is not None and (shortage := memory.shortage) is not None:
        raise Failed(f"lost: {shortage}")


def await_kernel() -> None:
    """Return once it has some, after what came before. Failed if it has not within RELIEF."""
    end = time.monotonic() + RELIEF
    while (memory := kernel_memory()) is not None and memory.shortage and time.monotonic() < end:
        time.sleep(LOOK)
    check_kernel()


def fresh_beside(contestant: Contestant, count: int) -> float:
    """Bits per second of a fresh download beside *count* paused ones."""
    with paused(contestant, count):
        result = load.bulk("down", contestant.route, contestant.place.target, SIZE, 1)
    if result.get("failed"):
        raise Failed("the download broke")
    return result["bytes"] * 8 / result["seconds"]


@contextmanager
def paused(contestant: Contestant, count: int) -> Iterator[None]:
    """So many downloads that are read for READ seconds, and then not any more."""
    if not count:
        time.sleep(READ)
        yield
        return
    child = load.Child("bulk", "down", contestant.route, contestant.place.target, ENDLESS, count)
    try:
        time.sleep(READ)
        os.kill(child.process.pid, signal.SIGSTOP)
        wait_quiet(contestant)
        yield
    finally:
        os.kill(child.process.pid, signal.SIGKILL)
        child.end()


def wait_quiet(contestant: Contestant) -> None:
    """Return once next to nothing is passed on any more."""
    end = time.monotonic() + PATIENCE
    before = contestant.running.cpu()["ingress"]
    while time.monotonic() < end:
        time.sleep(LOOK)
        now = contestant.running.cpu()["ingress"]
        if now - before < QUIET * LOOK:
            return
        before = now


def silent(contestant: Contestant, count: int, is_later: bool) -> Numbers:
    """What *count* clients that read nothing cost."""
    before = contestant.running.memory()
    with SilentClients((HOST, contestant.place.socks), HOST, check_kernel) as clients:
        opened = 0
        while opened < count:
            opened += (now := clients.open(count if is_later else BATCH))
            if not now:
                raise Failed(f"only {opened} of {count} were opened")
            clients.send()
        most = contestant.running.memory()
        served = NEWCOMERS - load.connections(contestant.route, contestant.place.target, NEWCOMERS, 1)["errors"]
        numbers = {"opened": opened, "lost": clients.lost, "served": served, "sent": clients.sent}
    bound = MEMORY + CONSTANT + EACH * opened
    resident = {f"{role}": most[role] for role in ("ingress", "exit")}
    grown = {f"{role}.grown": most[role] - before[role] for role in ("ingress", "exit")}
    return numbers | resident | grown | {"share": max(resident.values()) / bound, "bound": bound}


def speed_table(result: Result) -> str:
    """The fresh download, and its part of what it is alone in the same round."""
    columns = [column(f"beside {count}, Mbit/s", f"{count}.rate", 1e-6) for count in PAUSED]
    return compare(result, [*columns, *(of_undisturbed(count) for count in PAUSED[1:])], "0.rate")


def of_undisturbed(count: int) -> Column:
    """The speed beside *count* paused ones as a part of the undisturbed one, round by round."""

    def cell(row: Row) -> str:
        pairs = [(one.get(f"{count}.rate"), one.get("0.rate")) for one in row.rounds]
        return spread([speed / whole for speed, whole in pairs if speed and whole])

    return f"× at {count}", cell


def memory_table(result: Result) -> str:
    """Resident memory beside its bound."""
    columns: list[Column] = []
    for name, (count, _) in SILENT.items():
        columns += [
            column(f"{count} {name}: MiB at ingress", f"{name}.ingress", 1 / MIB),
            column("exit", f"{name}.exit", 1 / MIB),
            column("of the bound", f"{name}.share"),
            column(f"newcomers served, of {NEWCOMERS}", f"{name}.served"),
            column("streams lost", f"{name}.lost"),
        ]
    return compare(result, columns, "0.rate")
