"""`python -m bench survive [FAULT...]`: faults, many times, ours and beside it the programs installed here."""

import argparse
import pathlib
import sys
from collections.abc import Sequence
from functools import partial

import trio

from bench.load import CACHE, Failed
from bench.progress import shown_progress
from bench.results import Result, Row, keep_result, load_results, new_result
from bench.survive.calm import WEATHERS, measure_calm
from bench.survive.faults import FAULTS, Fault, named
from bench.survive.peers import PEERS
from bench.survive.report import fault_table, write_report
from bench.survive.rounds import measure_fault
from bench.survive.scene import Ours, System

FILE = CACHE / "survive.json"
CALM = "calm"
OURS = Ours()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    lines = [f"  {fault.title_line}" for fault in FAULTS]
    made = argparse.ArgumentParser(
        prog="python -m bench survive",
        description="What becomes of connections when their path fails. Without a name: all faults, then calm weather.",
        epilog="faults:\n" + "\n".join(lines) + f"\n  {CALM:10} no fault: false stalls per hour at 0, 0.1 and 1 % loss",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("names", nargs="*", metavar="FAULT", help="which; or report, to write docs/survive.md again")
    made.add_argument("--rounds", type=int, default=10, help="rounds of each fault against ours (10)")
    made.add_argument("--peer-rounds", type=int, default=3, help="rounds of each fault against each other program (3)")
    made.add_argument("--minutes", type=float, default=4.0, help="of calm weather at each loss (4)")
    made.add_argument("--only", help="systems, separated by commas")
    made.add_argument("--logs", type=pathlib.Path, help="a folder that keeps the processes' logs")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line asks; gives the exit status."""
    asked = parser().parse_args(argv)
    known = [fault.name for fault in FAULTS]
    if unknown := [name for name in asked.names if name not in (*known, CALM, "report")]:
        parser().error(f"no such fault: {', '.join(unknown)} (there are {', '.join((*known, CALM))})")
    systems = [one for one in (OURS, *PEERS) if asked.only is None or one.name in asked.only.split(",")]
    if not systems:
        parser().error(f"no such system: {asked.only} (there are {', '.join(one.name for one in (OURS, *PEERS))})")
    names = asked.names or [*known, CALM]
    for name in names:
        if name in known:
            do_fault(named(name), systems, asked)
        elif name == CALM:
            do_calm(asked)
    try:
        print(f"written: {write_report(load_results(FILE))}")
    except Failed as reason:
        print(f"bench: {reason}", file=sys.stderr)
        return 1
    return 0


def do_fault(fault: Fault, systems: Sequence[System], asked: argparse.Namespace) -> None:
    """One fault against all systems; what others found before stays."""
    kept = load_results(FILE).get(fault.name)
    rows: dict[str, Row] = dict(kept.rows) if kept is not None else {}
    counts = {system.name: asked.rounds if system is OURS else asked.peer_rounds for system in systems}
    with shown_progress(fault.name, sum(counts.values())) as progress:
        for system in systems:
            measure = partial(measure_fault, system, fault, counts[system.name], progress.step, asked.logs)
            rows[system.name] = trio.run(measure)
    keep(new_result(fault.name, rows))
    print(f"\n## {fault.title}\n\n{fault_table(fault, rows)}")


def do_calm(asked: argparse.Namespace) -> None:
    """No fault, three kinds of loss."""
    with shown_progress(CALM, len(WEATHERS)) as progress:
        rows = trio.run(measure_calm, OURS, asked.minutes * 60, progress.step, asked.logs)
    keep(new_result(CALM, rows))


def keep(result: Result) -> None:
    """For the report."""
    keep_result(result, FILE)


if __name__ == "__main__":
    sys.exit(main())
