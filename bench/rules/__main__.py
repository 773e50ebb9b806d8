"""`python -m bench rules`: connections with a thousand rules and long lists, and with none, in turns; and what one
match, reading the lists and keeping them cost."""

import argparse
import os
import pathlib
import tempfile
import time
from collections.abc import Sequence
from statistics import median

from bench.before.ratios import interval, paired
from bench.before.rounds import CONNECTIONS, alternate
from bench.contest import be_fair, opened_field, start_all
from bench.peers.ours import Ours
from bench.progress import shown_progress
from bench.results import Row, describe_machine
from bench.rules.ruled import NAMES, NETWORKS, RULES, Ruled, names, networks, rules_text
from ingress.choice.rules import Query, Rules
from ingress.config import load
from ingress.config.rule import of_rules
from ingress.lists.load import load_lists

ROUNDS = 40
QUERIES = 20_000
FIGURES = {
    "many.cpu.ingress": "CPU of the ingress for a connection, 64 at a time",
    "many.cpu.all": "CPU of all processes for a connection, 64 at a time",
    "one.cpu.all": "the same, one at a time",
    "one.p50": "time of a connection, one at a time, p50",
}
NETWORK = """version = 1
[ingress.entry]
listen = "127.0.0.1:1080"
[node.exit]
exit = true
address = "203.0.113.1:7443"
[line.one]
from = "entry"
to = "exit"
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; gives the exit status."""
    made = argparse.ArgumentParser(prog="python -m bench rules", description=__doc__)
    made.add_argument("--rounds", type=int, default=ROUNDS, help=f"of both ({ROUNDS}); 0: only what needs no network")
    asked = made.parse_args(argv)
    print(f"{describe_machine()}, load {os.getloadavg()[0]:.1f}\n\n{RULES} rules, {NAMES} names, {NETWORKS} networks:")
    print(by_itself())
    return beside(asked.rounds) if asked.rounds else 0


def by_itself() -> str:
    """Reading, keeping and asking, without a process around it."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "names.txt").write_text("\n".join(names(NAMES, 1)))
        (folder / "networks.txt").write_text("\n".join(networks(NETWORKS, 2)))
        (folder / "paths.toml").write_text(NETWORK + rules_text())
        config = load(folder / "paths.toml")
        before, began = resident(), time.process_time()
        lists = load_lists(of_rules(config.rules))
        read = time.process_time() - began
        rules = Rules(config.rules, lists, config.listen_names, config.leaves)
        held = resident() - before
        alone = Rules([rule for rule in config.rules if rule.lists], lists)
    strangers = [Query(f"www.{name}", 443, "10.0.0.1") for name in names(QUERIES, 9)]
    listed = [Query(f"www.{name}", 443, "10.0.0.1") for name in list(names(NAMES, 1))[:QUERIES]]
    literal = [Query(f"9.{at >> 16}.{at >> 8 & 255}.{at & 255}", 443, "10.0.0.1") for at in range(QUERIES)]
    cells = [f"read in {read:.2f} s of CPU, {held / 2**20:.1f} MiB resident"]
    for what, queries in {"a name of no list": strangers, "a name of the list": listed, "an address": literal}.items():
        by_all, by_lists = matched(rules, queries), matched(alone, queries)
        cells.append(f"{what} {by_all * 1e6:.1f} µs, {by_lists * 1e6:.1f} by the lists alone")
    return "; ".join(cells) + "\n"


def matched(rules: Rules, queries: Sequence[Query]) -> float:
    """Seconds of CPU that one match takes, of queries that were not asked before: of fifths the best, since others use
    this machine's caches."""
    size, found = len(queries) // 5, []
    for start in range(0, size * 5, size):
        began = time.process_time()
        for query in queries[start : start + size]:
            rules.match(query)
        found.append((time.process_time() - began) / size)
    return min(found)


def resident() -> int:
    """Bytes of this process in memory."""
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def beside(rounds: int) -> int:
    """Connections of both in turns; gives the exit status."""
    rows: dict[str, Row] = {}
    ruled, plain = Ruled(), Ours()
    be_fair()
    with opened_field() as field, shown_progress("rules", rounds) as progress:
        contestants = start_all(field, [ruled, plain], rows)
        if len(contestants) == 2:
            alternate(contestants, rounds, CONNECTIONS, progress)
    print("| figure | with rules × without | interval | rounds |\n| --- | --- | --- | --- |")
    for key, title in FIGURES.items():
        ratios = paired(rows[ruled.name].rounds, rows[plain.name].rounds, key)
        if ratios:
            low, high = interval(ratios)
            print(f"| {title} | {median(ratios):.3f} | {low:.3f}–{high:.3f} | {len(ratios)} |")
    errors = [f"{name}: {row.error}" for name, row in rows.items() if row.error]
    print("\n".join(errors), end="\n" if errors else "")
    return 1 if errors else 0
