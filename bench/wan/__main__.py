"""`python -m bench wan [NAME...]`: ours over the wide-area bed, other programs beside it, as root."""

import argparse
import pathlib
import sys
from collections.abc import Sequence

import trio

from bench.load import CACHE, Failed
from bench.progress import shown_progress
from bench.results import Result, keep_result, load_results, new_result
from bench.survive.calm import WEATHERS, measure_calm
from bench.survive.faults import FAULTS
from bench.survive.rounds import measure_fault
from bench.wan.bed import Bed
from bench.wan.cases import SYSTEMS, first_byte_cases, speed_cases, take_turns
from bench.wan.choice import WEATHERS as CHOICE_WEATHERS
from bench.wan.choice import measure_choice
from bench.wan.network import OursOnTheBed, reference_bed
from bench.wan.plain import ASKED, prove
from bench.wan.report import IMPOSSIBLE, write_report

FILE = CACHE / "wan.json"
FAULTS_HERE = tuple(fault for fault in FAULTS if fault.name not in IMPOSSIBLE)
BED, FIRST, SPEED, CALM, CHOICE = "bed", "firstbyte", "speed", "calm", "choice"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    names = [(BED, "the bed itself, by plain TCP: what it does to one direction, and that it leaves the other alone")]
    names += [(FIRST, "first bytes against the round trip"), (SPEED, "a download, and requests beside it")]
    names += [(fault.name, fault.title) for fault in FAULTS_HERE] + [(CALM, "no fault: false stalls at 0, 0.1 and 1 %")]
    names += [(CHOICE, "weather that is no fault: who moves for it, and which line is named")]
    made = argparse.ArgumentParser(
        prog="python -m bench wan",
        description="Measure ingress over a wide-area network of namespaces, as root. Without a name: all of it.",
        epilog="\n".join(f"  {name:10} {title}" for name, title in names),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("names", nargs="*", metavar="NAME", help="what; or report, to write docs/wan.md again")
    made.add_argument("--rounds", type=int, default=3, help="rounds of each (3)")
    made.add_argument("--only", help=f"systems of {FIRST} and {SPEED}, separated by commas (all)")
    made.add_argument("--weather", nargs="*", choices=[one.name for one in CHOICE_WEATHERS], help=f"of {CHOICE} (all)")
    made.add_argument("--minutes", type=float, default=4.0, help="of calm weather at each loss, and of a choice (4)")
    made.add_argument("--logs", type=pathlib.Path, help="a folder that keeps the processes' logs")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line asks; gives the exit status."""
    asked = parser().parse_args(argv)
    known = [BED, FIRST, SPEED, *(fault.name for fault in FAULTS_HERE), CALM, CHOICE]
    if unknown := [name for name in asked.names if name not in (*known, "report")]:
        parser().error(f"no such measure: {', '.join(unknown)} (there are {', '.join(known)} and report)")
    names = [name for name in asked.names or known if name != "report"]
    chosen(asked.only)
    try:
        if names:
            with reference_bed() as bed:
                for name in names:
                    keep_result(do(name, bed, asked), FILE)
        print(f"written: {write_report(load_results(FILE))}")
    except Failed as reason:
        print(f"bench: {reason}", file=sys.stderr)
        return 1
    return 0


def do(name: str, bed: Bed, asked: argparse.Namespace) -> Result:
    """Measure one of them."""
    if name in (FIRST, SPEED):
        return beside_others(name, bed, asked)
    if name == BED:
        with shown_progress(name, len(ASKED)) as progress:
            return new_result(name, prove(bed, progress.step))
    if name == CHOICE:
        kept, only = load_results(FILE).get(name), asked.weather or ()
        with shown_progress(name, asked.rounds * (len(only) or len(CHOICE_WEATHERS))) as progress:
            seconds = asked.minutes * 60
            rows = trio.run(measure_choice, OursOnTheBed(bed), asked.rounds, seconds, progress.step, asked.logs, only)
        return new_result(name, {**(kept.rows if kept is not None and only else {}), **rows})
    if name == CALM:
        with shown_progress(name, len(WEATHERS)) as progress:
            rows = trio.run(measure_calm, OursOnTheBed(bed), asked.minutes * 60, progress.step, asked.logs)
        return new_result(name, rows)
    fault = next(fault for fault in FAULTS_HERE if fault.name == name)
    with shown_progress(name, asked.rounds) as progress:
        row = trio.run(measure_fault, OursOnTheBed(bed), fault, asked.rounds, progress.step, asked.logs)
    return new_result(name, {"ingress": row})


def beside_others(name: str, bed: Bed, asked: argparse.Namespace) -> Result:
    """Measure all systems in turn, or those that were asked for; what others found before stays."""
    kept = load_results(FILE).get(name)
    cases = (first_byte_cases if name == FIRST else speed_cases)(bed, chosen(asked.only))
    with shown_progress(name, asked.rounds * len(cases)) as progress:
        rows = take_turns(cases, asked.rounds, progress.step)
    return new_result(name, {**(kept.rows if kept is not None and asked.only else {}), **rows})


def chosen(only: str | None) -> Sequence[str]:
    """The systems that *only* names, or all."""
    wanted = SYSTEMS if only is None else [name.strip() for name in only.split(",")]
    if unknown := [name for name in wanted if name not in SYSTEMS]:
        parser().error(f"no such system: {', '.join(unknown)} (there are {', '.join(SYSTEMS)})")
    return wanted


if __name__ == "__main__":
    sys.exit(main())
