"""`python -m bench hostile [ATTACK...]`: attacks on real processes, and what a bystander feels of them."""

import argparse
import pathlib
import random
import sys
from collections.abc import Callable, Sequence

import trio

from bench.hostile.attacks import ATTACKS
from bench.hostile.attacks.attack import Attack
from bench.hostile.network import open_bed
from bench.hostile.report import reached, tables, write_report
from bench.hostile.rounds import Found, Times, attack_once, open_targets
from bench.load import Failed
from bench.progress import shown_progress
from bench.results import Row, new_result
from bench.survive.rounds import first_words, keep_logs
from relay.errors import OperatorError

SECONDS, CALM = 34.0, 4.0
SHORT_SECONDS, SHORT_CALM = 3.0, 1.0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m bench hostile",
        description="Attack a network of real processes, and measure what somebody feels who works beside it. "
        "All attacks at full length write docs/hostile.md; the exit status is 1 if something was not reached.",
        epilog="attacks:\n" + "\n".join(f"  {attack.name:11} {attack.title}" for attack in ATTACKS),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("names", nargs="*", metavar="ATTACK", help="which (all)")
    made.add_argument("--seconds", type=float, default=SECONDS, help=f"of each attack ({SECONDS:.0f})")
    made.add_argument("--short", action="store_true", help=f"{SHORT_SECONDS:.0f} s of each, and no report")
    made.add_argument("--seed", type=int, help="of what is done at random (a new one)")
    made.add_argument("--logs", type=pathlib.Path, help="a folder that keeps the processes' logs")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line asks; gives the exit status."""
    asked = parser().parse_args(argv)
    known = {attack.name: attack for attack in ATTACKS}
    if unknown := [name for name in asked.names if name not in known]:
        parser().error(f"no such attack: {', '.join(unknown)} (there are {', '.join(known)})")
    if asked.seconds <= 0:
        parser().error("--seconds must be above 0")
    attacks = [known[name] for name in asked.names or known]
    times = Times(SHORT_SECONDS, SHORT_CALM) if asked.short else Times(asked.seconds, CALM)
    seed = random.SystemRandom().randrange(1 << 32) if asked.seed is None else asked.seed
    print(f"seed {seed}", flush=True)
    with shown_progress("hostile", len(attacks)) as progress:
        rows = trio.run(run_attacks, attacks, times, seed, progress.step, asked.logs)
    result = new_result("hostile", rows)
    print(tables(result))
    if not asked.short and not asked.names:
        print(f"written: {write_report(result)}")
    return int(any(row.error or reached(row) for row in rows.values()))


async def run_attacks(
    attacks: Sequence[Attack], times: Times, seed: int, step: Callable[[str], None], logs: pathlib.Path | None = None
) -> dict[str, Row]:
    """Rows by name; one that failed says why, and the next one gets a new network."""
    rows: dict[str, Row] = {}
    left = list(attacks)
    while left:
        async with open_targets() as targets, open_bed() as bed:
            while left:
                attack = left.pop(0)
                step(attack.title)
                rows[attack.name] = Row(version=f"seed {seed}")
                try:
                    keep(rows[attack.name], await attack_once(bed, targets, attack, times, seed))
                except* (Failed, OSError, OperatorError, trio.TooSlowError) as group:
                    rows[attack.name].error = first_words(group)
                keep_logs(bed.demo.processes.folder, None if logs is None else logs / attack.name)
                if rows[attack.name].error is not None:
                    break
    return rows


def keep(row: Row, found: Found) -> None:
    """As a row."""
    row.rounds.append(found.numbers)
    row.how = ", ".join(f"{count} {what}" for what, count in found.did.items())
    if found.words:
        row.how += ". What went wrong: " + "; ".join(" ".join(word.split())[:200] for word in found.words)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(1)
