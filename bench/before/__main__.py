"""`python -m bench before [COMMIT]`: connections and bulk, this checkout and an earlier one in turns; and idle."""

import argparse
from collections.abc import Sequence

from bench.before.checkout import Earlier
from bench.before.idle import compare_idle
from bench.before.ratios import table
from bench.before.rounds import BULK, CONNECTIONS, alternate
from bench.contest import be_fair, opened_field, start_all
from bench.peers.ours import Ours
from bench.progress import shown_progress
from bench.results import Row, describe_machine

BASE = "4caa78b"
"""What losses are counted from, so that small ones do not add up."""
ROUNDS = 60
"""Each takes some 10 s. With them the median is known to a few hundredths on a machine that does other things too."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m bench before", description=__doc__)
    made.add_argument("commit", nargs="?", default=BASE, help=f"the earlier commit ({BASE})")
    made.add_argument("--rounds", type=int, default=ROUNDS, help=f"of both ({ROUNDS})")
    made.add_argument("--only", choices=("connections", "bulk", "idle"), help="one of the measures")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; gives the exit status. Failed if the earlier commit cannot be had or one does not run."""
    asked = parser().parse_args(argv)
    if asked.only == "idle":
        print(f"{describe_machine()}\n\n{compare_idle(asked.commit, asked.rounds)}")
        return 0
    pieces = {"connections": CONNECTIONS, "bulk": BULK}.get(asked.only, {**CONNECTIONS, **BULK})
    rows: dict[str, Row] = {}
    today, before = Ours(), Earlier(asked.commit)
    be_fair()
    with opened_field() as field, shown_progress("before", asked.rounds) as progress:
        contestants = start_all(field, [today, before], rows)
        if len(contestants) == 2:
            alternate(contestants, asked.rounds, pieces, progress)
    print(f"{describe_machine()}\n\n{table(rows[today.name].rounds, rows[before.name].rounds)}")
    errors = [f"{name}: {row.error}" for name, row in rows.items() if row.error]
    print("\n".join(errors), end="\n" if errors else "")
    return 1 if errors else 0
