"""`python -m bench exits [FAULT...]`: break what is behind an exit, and print what clients noticed."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.exits.bed import FAULTS, opened_bed
from bench.exits.watch import Seen, watch
from bench.load import Failed

ROUNDS, LASTS = 3, 12.0
SITES = (8, 1)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    faults = "\n".join(f"  {name:8} {what}" for name, (what, _, _) in FAULTS.items())
    made = argparse.ArgumentParser(
        prog="python -m bench exits",
        description="Two exits, of which the better one reaches no targets for 12 s; a request every 100 ms, to eight\n"
        "sites in turn, or to one. To reach: no error, no wait longer than 3 s from the first second\n"
        "after the fault on, the exit named within 3 s. Needs root and ip.",
        epilog=f"faults:\n{faults}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("faults", nargs="*", metavar="FAULT", help="which (all)")
    made.add_argument("--rounds", type=int, default=ROUNDS, help=f"of each ({ROUNDS})")
    return made


def row(seen: Seen) -> str:
    """One line of the table."""
    return (
        f"{seen.fault:7} {seen.sites:5} {seen.count:8} {len(seen.errors):6} {seen.longest:9.2f} "
        f"{seen.longest_at_once:9.2f} {seen.named:6.2f} {seen.well:6.1f}  {seen.sentence}"
    )


def main(arguments: Sequence[str]) -> int:
    """Do what the command line asks; gives the exit status."""
    asked = parser().parse_args(arguments)
    unknown = [name for name in asked.faults if name not in FAULTS]
    if unknown:
        parser().error(f"no such fault: {', '.join(unknown)} (there are {', '.join(FAULTS)})")
    print(f"{'fault':7} {'sites':>5} {'requests':>8} {'errors':>6} {'wait':>9} {'at once':>9} {'named':>6} {'well':>6}")
    try:
        for fault in asked.faults or FAULTS:
            for sites in SITES:
                for _ in range(asked.rounds):
                    with tempfile.TemporaryDirectory() as folder, opened_bed(Path(folder)) as bed:
                        print(row(watch(bed, fault, sites, LASTS)), flush=True)
    except Failed as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
