"""`python -m bench walks`: trace the walks in this tree, or in others, and show them beside what they were."""

import argparse
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence

from bench.load import Failed
from bench.tables import table

HERE = pathlib.Path(__file__).resolve().parent
TRACED = HERE / "traced.py"
BEFORE = HERE / "before.json"
"""The figures of 4caa78b, before its rooms were put in order: what later ones are held against."""
LIMIT = 120.0
"""Seconds for one tree; it takes twenty."""

Figures = Mapping[str, Mapping[str, int]]
"""For each walk its figures by name."""
Calls = Mapping[str, Sequence[str]]
"""For each walk its calls, each with its file, but not those that turn the loop."""

WALKS = {
    "connect": "CONNECT, answered when true, until its first byte is at the target",
    "connect-early": "the same, answered early",
    "pong": "pong, until nothing more comes of it",
    "pong-and-round": "pong and round, until the figures hold it",
    "rescue-decided": "black hole: the round that takes the stream off its path",
    "rescue": "black hole: from that round until the target hears the stream",
}
COLUMNS = {
    "files": "files",
    "calls": "calls",
    "changes": "changes of file",
    "straight": "without the loop's turns",
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m bench walks",
        description="Trace three walks through the code over a network in one process, and count the files they touch, "
        "their calls, and how often a call is in another file than the one before. Needs pytest: `./run bench walks` "
        "sets it up.",
        epilog="\n".join(f"  {name:15} {title}" for name, title in WALKS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--tree", metavar="DIR", action="append", type=pathlib.Path, help="a checkout (default: this)")
    made.add_argument("--json", action="store_true", help="print the figures of the last tree, as before.json has them")
    made.add_argument("--calls", metavar="WALK", choices=WALKS, help="print the calls of one walk in the last tree")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line asks; gives the exit status."""
    asked = parser().parse_args(argv)
    trees = asked.tree or [HERE.parents[1]]
    if strange := [str(tree) for tree in trees if not (tree / "tests" / "world.py").is_file()]:
        parser().error(f"no checkout of this project: {', '.join(strange)}")
    try:
        traced = {str(tree): trace(tree) for tree in trees}
    except Failed as reason:
        print(f"bench: {reason}", file=sys.stderr)
        return 1
    measured = {tree: figures for tree, (figures, _) in traced.items()}
    last = str(trees[-1])
    if asked.calls:
        print("\n".join(traced[last][1][asked.calls]))
    elif asked.json:
        print(json.dumps(measured[last], indent=2))
    else:
        print(shown(measured if len(measured) > 1 else {"before": json.loads(BEFORE.read_text()), **measured}))
    return 0


def trace(tree: pathlib.Path) -> tuple[Figures, Calls]:
    """Run the walks in *tree*, with its code and its tests.world.

    Raises:
        Failed: one of them did not come to its end there, or pytest is not here.
    """
    if importlib.util.find_spec("pytest") is None:
        raise Failed("walks needs pytest: ./run bench walks sets it up")
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "figures.json")
        command = [sys.executable, "-m", "pytest", "-q", "--rootdir", ".", "-c", "pyproject.toml", "-p", "tests.world"]
        environment = {**os.environ, "PYTHONPATH": str(tree.resolve()), "BENCH_WALKS_FILE": str(file)}
        done = subprocess.run(
            [*command, str(TRACED)],
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        if done.returncode:
            raise Failed(f"{tree}: the walks failed:\n{done.stdout}{done.stderr}")
        return read(file)


def read(file: pathlib.Path) -> tuple[Figures, Calls]:
    """What the traced walks wrote."""
    found = json.loads(file.read_text())
    figures = {name: {key: walk[key] for key in COLUMNS} for name, walk in found.items()}
    return figures, {name: walk["walk"] for name, walk in found.items()}


def shown(trees: Mapping[str, Figures]) -> str:
    """A table for each walk: a row for each tree, with its share of the first one's figures."""
    first = next(iter(trees.values()))
    return "\n".join(
        f"{title}\n\n"
        + table(["tree", *COLUMNS.values()], [row(tree, figures[name], first[name]) for tree, figures in trees.items()])
        for name, title in WALKS.items()
    )


def row(tree: str, figures: Mapping[str, int], first: Mapping[str, int]) -> list[str]:
    """One tree's figures; beside those of another than the first its share."""
    if figures is first:
        return [tree, *(str(figures[key]) for key in COLUMNS)]
    return [tree, *(f"{figures[key]} ({figures[key] / first[key]:.2f})" for key in COLUMNS)]


if __name__ == "__main__":
    sys.exit(main())
