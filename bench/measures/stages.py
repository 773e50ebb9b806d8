"""Where a connection's time goes: CPU by stage, at the ingress and at the exit, each with a budget."""

import pathlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from bench import load
from bench.contest import Contestant
from bench.figures import median, number, spread
from bench.load import Failed
from bench.measures.measure import Measure, named
from bench.peers import OURS
from bench.peers.ours import Ours
from bench.peers.peer import Peer
from bench.plots import bars
from bench.processes import Command
from bench.results import Numbers, Result, Row
from bench.stages.snapshot import FILE, Snapshot, ask
from bench.stages.table import MIDDLE, SERVICE, STAGES, Stage, names, resolve, service_of
from bench.tables import against, column, compare, split, table
from bench.topology import Place

TOGETHER = 64
WARM, COUNT = 1_000, 8_000
"""Connections that are not counted, so that the interpreter has seen its paths; and those that are."""
PARTS = {"ingress": "ingress", "exit": "relay"}
"""Which program runs the part."""
HEAD = ("stage", "CPU µs each", "share", "budget µs", "within", "functions, calls each", "what for")
ROOT = str(pathlib.Path(__file__).parents[2])


class Profiled(Ours):
    """Our chain with a clock in its ingress and in its exit."""

    name = "ingress, clocked"
    how = "the same with a clock around the functions of each stage; in one measure only"

    def commands(self, at: Place) -> list[Command]:
        return [clocked(command, at.folder) if command.role in PARTS else command for command in super().commands(at)]


def clocked(command: Command, folder: pathlib.Path) -> Command:
    """The same command, started by the wrapper."""
    program, *arguments = command.argv
    env = {"PYTHONPATH": ROOT, FILE: str(file_of(folder, command.role))}
    argv = [sys.executable, "-m", "bench.stages", pathlib.Path(program).name, *arguments]
    return replace(command, argv=argv, env={**command.env, **env})


def file_of(folder: pathlib.Path, role: str) -> pathlib.Path:
    """Where a clocked process writes."""
    return folder / f"{role}.stages.json"


PROFILED = Profiled()


class Stages(Measure):
    """Our chain twice, as it is and with clocks, in turn."""

    name = "stages"
    title = "Where a connection's time goes"
    explains = (
        f"New connections as above, {TOGETHER} at a time, over our own three hops. In the clocked chain the functions "
        "that stand for a stage are wrapped in the ingress and in the exit; time is the thread's CPU, and a call "
        "inside a call is charged to its own stage only. *Carriers* is TLS and frames, *loop* is all that no stage "
        "claims. What the clock costs is taken off: by a calibration in each process that says how it falls on the "
        "stages, times a factor that makes all stages together what the plain chain uses in the same rounds, because "
        "in the midst of work a clock costs more than in a calibration."
    )
    rounds = 5

    def run(self, peers: Sequence[Peer], rounds: int) -> Result:
        for text in names():
            resolve(text)
        return super().run([OURS, PROFILED], rounds)

    def turn(self, contestant: Contestant, numbers: Numbers) -> None:
        connect(contestant, WARM)
        clocks = PARTS if contestant.peer is PROFILED else {}
        before, cpu = ask_all(contestant, clocks), contestant.running.cpu()
        _, used = contestant.using(lambda: connect(contestant, COUNT))
        after = ask_all(contestant, clocks)
        numbers |= named("cpu", each(used)) | named("node", each(between(contestant.running.cpu(), cpu)))
        for part in clocks:
            numbers |= named(part, stage_numbers(after[part].since(before[part]), COUNT))

    def tables(self, result: Result) -> str:
        columns = [
            column("CPU µs each", "cpu.all", 1e6),
            split("ingress / middle / exit", "cpu", 1e6),
            against(result, "CPU × ours", "cpu.all"),
            against(result, "at the ingress", "cpu.ingress"),
            against(result, "at the exit", "cpu.exit"),
        ]
        parts = [part_table(part, result) for part in PARTS]
        return "\n".join([compare(result, columns, "cpu.all"), *parts, middle_table(plain_row(result))])

    def charts(self, result: Result) -> dict[str, str]:
        made = {}
        for part in PARTS:
            values = {name: [one * 1e6 for one in found] for name, found in stage_values(result, part).items()}
            made[part] = bars(f"CPU per new connection at the {part}, by stage; less is better", "µs", values)
        return made


def connect(contestant: Contestant, count: int) -> Numbers:
    """So many connections.

    Raises:
        Failed: any of them did.
    """
    result = load.connections(contestant.route, contestant.place.target, count, TOGETHER)
    if result["errors"]:
        raise Failed(f"{result['errors']:.0f} of {count} connections failed")
    return result


def ask_all(contestant: Contestant, parts: Mapping[str, str]) -> dict[str, Snapshot]:
    """What the clocks of *parts* say now."""
    running = contestant.running
    return {part: ask(running.started[part].pid, file_of(contestant.place.folder, part)) for part in parts}


def between(after: Numbers, before: Numbers) -> Numbers:
    """What was used from one reading to the next, by role."""
    return {role: value - before.get(role, 0.0) for role, value in after.items()}


def each(used: Numbers) -> Numbers:
    """Of one connection."""
    return {role: value / COUNT for role, value in used.items()}


def stage_numbers(window: Snapshot, count: int) -> Numbers:
    """Of one connection: seconds of each stage, seconds of them that the clock added, calls of each function."""
    spent = {name: account.spent / count / 1e9 for name, account in window.accounts.items()}
    added = {name: nanoseconds / count / 1e9 for name, nanoseconds in window.added().items()}
    calls = {name: calls / count for name, calls in window.calls.items()}
    return named("spent", spent) | named("added", added) | named("calls", calls)


def plain_row(result: Result) -> Row:
    """The chain as it is."""
    return result.rows.get(OURS.name, Row())


def clocked_row(result: Result) -> Row:
    """The chain with clocks."""
    return result.rows.get(PROFILED.name, Row())


def factor(result: Result, part: str) -> float:
    """How many times its calibrated cost the clock has cost *part*; 1 at least."""
    row = clocked_row(result)
    with_clock, without = median(row.values(f"cpu.{part}")), median(plain_row(result).values(f"cpu.{part}"))
    added = [sum(one.get(f"{part}.added.{name}", 0.0) for name in STAGES[PARTS[part]]) for one in row.rounds]
    calibrated = median(added)
    if with_clock is None or without is None or not calibrated:
        return 1.0
    return max((with_clock - without) / calibrated, 1.0)


def stage_values(result: Result, part: str) -> dict[str, list[float]]:
    """Seconds of each stage, round by round, without what the clock has cost."""
    times, rounds = factor(result, part), clocked_row(result).rounds
    return {
        name: [
            max(one[f"{part}.spent.{name}"] - times * one[f"{part}.added.{name}"], 0.0)
            for one in rounds
            if f"{part}.spent.{name}" in one
        ]
        for name in STAGES[PARTS[part]]
    }


def nearest_budget(part: str) -> Callable[[Result], tuple[list[float], str]]:
    """For the goals: the stage that is nearest to its budget, or furthest above, by that budget; and its name."""

    def values(result: Result) -> tuple[list[float], str]:
        stages = STAGES[PARTS[part]]
        found = {name: shares(stages[name], of) for name, of in stage_values(result, part).items() if of}
        if not found:
            return [], ""
        worst = max(found, key=lambda name: median(found[name]) or 0.0)
        return found[worst], f" ({worst})"

    return values


def shares(stage: Stage, values: Sequence[float]) -> list[float]:
    """Seconds as multiples of the stage's budget."""
    return [value * 1e6 / stage.budget for value in values]


def part_table(part: str, result: Result) -> str:
    """The stages of one part, the largest named."""
    stages, values = STAGES[PARTS[part]], stage_values(result, part)
    middles = {name: middle for name, found in values.items() if (middle := median(found)) is not None}
    if not middles:
        return ""
    whole, budget = sum(middles.values()), sum(stage.budget for stage in stages.values())
    rows = [
        [
            *(name, spread(values[name], 1e6), f"{middle / whole:.0%}", *judged(middle, stages[name].budget)),
            *(calls(part, stages[name], clocked_row(result)), stages[name].why),
        ]
        for name, middle in middles.items()
    ]
    rows.append(["in all", number(whole * 1e6), "100%", *judged(whole, budget), "", ""])
    return f"{heading(part, result, middles)}\n\n{table(HEAD, rows)}"


def heading(part: str, result: Result, middles: Numbers) -> str:
    """What stands above a part's table."""
    whole, largest = sum(middles.values()), max(middles, key=middles.__getitem__)
    return (
        f"At the {part}, where the plain chain uses {spread(plain_row(result).values(f'cpu.{part}'), 1e6)} µs. The "
        f"largest stage is **{largest}**: {number(middles[largest] * 1e6)} µs, {middles[largest] / whole:.0%}. The "
        f"clock cost {number(factor(result, part))} times what its calibration says:"
    )


def judged(middle: float, budget: float) -> list[str]:
    """A budget in µs, and whether a median in seconds keeps within it."""
    return [number(budget), "yes" if middle * 1e6 <= budget else "no"]


def calls(part: str, stage: Stage, row: Row) -> str:
    """The functions of *stage*, and how often each is called for one connection."""
    shown = {text: f"`{short(text)}`" for text in stage.functions}
    shown |= {service_of(text): f"`{short(SERVICE)}` of a `{short(text)}`" for text in stage.owners}
    counts = {text: median(row.values(f"{part}.calls.{text}")) or 0.0 for text in shown}
    return ", ".join(f"{label} {number(counts[text])}" for text, label in shown.items())


def short(text: str) -> str:
    """A name of the table without its module."""
    return text.partition(":")[2]


def middle_table(plain: Row) -> str:
    """The nodes between: one figure for each."""
    roles = sorted({key for one in plain.rounds for key in one if key.startswith("node.hop")})
    rows = [
        [role.removeprefix("node."), spread(plain.values(role), 1e6), *judged(middle, MIDDLE)]
        for role in roles
        if (middle := median(plain.values(role))) is not None
    ]
    return "Between, without clocks:\n\n" + table(["node", "CPU µs each", "budget µs", "within"], rows) if rows else ""
