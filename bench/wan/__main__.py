"""`python -m bench wan [NAME...]`: ours over the wide-area bed, as root."""

import argparse
import pathlib
import sys
from collections.abc import Callable, Sequence
from functools import partial

import trio

from bench.load import CACHE, Failed
from bench.progress import shown_progress
from bench.results import Result, Row, keep_result, load_results, new_result
from bench.survive.calm import WEATHERS, measure_calm
from bench.survive.faults import FAULTS
from bench.survive.rounds import measure_fault
from bench.wan.bed import Bed
from bench.wan.network import OursOnTheBed, reference_bed
from bench.wan.report import write_report
from bench.wan.speed import first_bytes, speeds

FILE = CACHE / "wan.json"
IMPOSSIBLE = ("reset",)
"""A packet network has no such thing: only who ends a connection resets it."""
FAULTS_HERE = tuple(fault for fault in FAULTS if fault.name not in IMPOSSIBLE)
RATES = (100.0, 200.0)
FIRST, SPEED, CALM = "firstbyte", "speed", "calm"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    names = [(FIRST, "first bytes against the round trip"), (SPEED, "a download, and requests beside it")]
    names += [(fault.name, fault.title) for fault in FAULTS_HERE] + [(CALM, "no fault: false stalls at 0, 0.1 and 1 %")]
    made = argparse.ArgumentParser(
        prog="python -m bench wan",
        description="Measure ingress over a wide-area network of namespaces, as root. Without a name: all of it.",
        epilog="\n".join(f"  {name:10} {title}" for name, title in names),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("names", nargs="*", metavar="NAME", help="what; or report, to write docs/wan.md again")
    made.add_argument("--rounds", type=int, default=3, help="rounds of each (3)")
    made.add_argument("--minutes", type=float, default=4.0, help="of calm weather at each loss (4)")
    made.add_argument("--logs", type=pathlib.Path, help="a folder that keeps the processes' logs")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line asks; gives the exit status."""
    asked = parser().parse_args(argv)
    known = [FIRST, SPEED, *(fault.name for fault in FAULTS_HERE), CALM]
    if unknown := [name for name in asked.names if name not in (*known, "report")]:
        parser().error(f"no such measure: {', '.join(unknown)} (there are {', '.join(known)} and report)")
    names = [name for name in asked.names or known if name != "report"]
    try:
        if names:
            with reference_bed() as bed:
                for name in names:
                    keep_result(do(name, bed, asked), FILE)
    except Failed as reason:
        print(f"bench: skipped: {reason}", file=sys.stderr)
        return 1
    print(f"written: {write_report(load_results(FILE))}")
    return 0


def do(name: str, bed: Bed, asked: argparse.Namespace) -> Result:
    """Measure one of them."""
    if name == CALM:
        with shown_progress(name, len(WEATHERS)) as progress:
            rows = trio.run(measure_calm, OursOnTheBed(bed), asked.minutes * 60, progress.step, asked.logs)
        return new_result(name, rows)
    fault = next((fault for fault in FAULTS_HERE if fault.name == name), None)
    steps = asked.rounds * (1 if fault is not None else 2)
    with shown_progress(name, steps) as progress:
        if fault is not None:
            row = trio.run(measure_fault, OursOnTheBed(bed), fault, asked.rounds, progress.step, asked.logs)
            return new_result(name, {"ingress": row})
        cases = first_byte_cases(bed) if name == FIRST else speed_cases(bed)
        return new_result(name, {case: repeat(case, run, asked.rounds, progress.step) for case, run in cases.items()})


Measure = Callable[[], dict[str, float]]


def first_byte_cases(bed: Bed) -> dict[str, Measure]:
    """Both ways to answer."""
    return {
        "answered at once": partial(trio.run, first_bytes, OursOnTheBed(bed), bed),
        "waiting for the exit": partial(trio.run, first_bytes, OursOnTheBed(bed, "true"), bed),
    }


def speed_cases(bed: Bed) -> dict[str, Measure]:
    """Two rates of the private lines."""
    return {f"{rate:.0f} Mbit/s": partial(trio.run, speeds, OursOnTheBed(bed), rate) for rate in RATES}


def repeat(case: str, run: Measure, rounds: int, step: Callable[[str], None]) -> Row:
    """So many rounds; a failure stays in the row."""
    row = Row(how=case)
    for number in range(1, rounds + 1):
        step(f"{case}, round {number}")
        try:
            row.rounds.append(run())
        except* (Failed, OSError) as group:
            row.error = str(group.exceptions[0])
    return row


if __name__ == "__main__":
    sys.exit(main())
