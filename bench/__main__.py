"""`python -m bench [NAME...]`: measure, print tables, and write docs/bench.md when everything was measured."""

import argparse
import importlib
import sys
from collections.abc import Sequence

from bench.install import install_all
from bench.load import Failed
from bench.measures.every import MEASURES
from bench.peers import PEERS, Peer
from bench.report import write_report
from bench.results import keep_result, load_results

ALL = [measure.name for measure in MEASURES]
APART = ("before", "choice", "exits", "history", "hostile", "page", "rules", "survive", "walks", "wan")
"""Measures with a command line and a report of their own."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    lines = [f"  {measure.name:12} {measure.title}" for measure in MEASURES]
    text = "what there is to measure:\n" + "\n".join(lines)
    made = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure ingress beside the programs installed here. Without a name: all of it, and the report.",
        epilog=f"{text}\n\n`install` puts the peers on this machine; `report` writes docs/bench.md from kept results;\n"
        "`before` (this checkout beside an earlier one), `choice` (the ranking over scripted weather), `exits` (what\n"
        "clients notice of an exit that reaches nothing), `history` (its file, its questions, its CPU), `hostile`\n"
        "(what attackers do to others), `page` (what an open one costs),\n"
        "`rules` (a thousand of them, and long lists), `survive`, `wan` and `walks`\n"
        "(how many files one event touches) have command lines of their own:\n"
        "python -m bench before --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("names", nargs="*", metavar="NAME", help="what to measure, or install, or report")
    made.add_argument("--rounds", type=int, help="rounds of each measure (default: its own)")
    made.add_argument("--only", help="systems, separated by commas, as the tables name them")
    return made


def main() -> int:
    """Do what the command line asks; gives the exit status."""
    if sys.argv[1:2] and sys.argv[1] in APART:
        return run_apart(sys.argv[1], sys.argv[2:])
    asked = parser().parse_args()
    names = asked.names or [*ALL, "report"]
    unknown = [name for name in names if name not in (*ALL, "install", "report")]
    if unknown:
        parser().error(f"no such measure: {', '.join(unknown)} (there are {', '.join(ALL)}, install and report)")
    if asked.rounds is not None and asked.rounds < 1:
        parser().error("--rounds must be 1 or more")
    peers = chosen_peers(asked.only)
    try:
        return max(do(name, peers, asked.rounds) for name in names)
    except Failed as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def run_apart(name: str, arguments: Sequence[str]) -> int:
    """Run a measure that has a command line of its own."""
    try:
        return int(importlib.import_module(f"bench.{name}.__main__").main(arguments))
    except Failed as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1


def chosen_peers(only: str | None) -> list[Peer]:
    """Those that *only* names, or all."""
    if only is None:
        return list(PEERS)
    wanted = [name.strip() for name in only.split(",")]
    unknown = [name for name in wanted if name not in {peer.name for peer in PEERS}]
    if unknown:
        parser().error(f"no such system: {', '.join(unknown)} (there are {', '.join(peer.name for peer in PEERS)})")
    return [peer for peer in PEERS if peer.name in wanted]


def do(name: str, peers: Sequence[Peer], rounds: int | None) -> int:
    """Install, report, or measure once."""
    if name == "install":
        return install_all()
    if name == "report":
        print(f"written: {write_report(load_results())}")
        return 0
    measure = next(measure for measure in MEASURES if measure.name == name)
    result = measure.run(peers, rounds or measure.rounds)
    keep_result(result)
    print(f"\n## {measure.title}\n\n{result.machine}\n\n{measure.tables(result)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
