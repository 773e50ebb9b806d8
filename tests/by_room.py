"""`python -m tests.by_room`: how much of each room the tests went through, and how many lines of tests there are.

Reads what slipcover left, and fails below the floors in pyproject.toml.
"""

import json
import sys
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

ROOT = Path(__file__).parents[1]
PACKAGES = ("ingress", "relay")
UNCOUNTED = "demo"
"""The room whose lines are not counted, nor those of its tests."""


@attrs.frozen
class Share:
    """Of so many lines and branches, those that were gone through."""

    reached: int = 0
    there: int = 0

    def __add__(self, other: "Share") -> "Share":
        return Share(self.reached + other.reached, self.there + other.there)

    @property
    def percent(self) -> float:
        """100 where there is nothing."""
        return 100 * self.reached / self.there if self.there else 100.0


@attrs.frozen
class Floors:
    """The least per cent: of the whole, of every room, and of rooms and files by name."""

    whole: float
    every_room: float
    of: Mapping[str, float]

    def below(self, name: str) -> float:
        """The floor of a room or file."""
        return self.of.get(name, self.every_room)


def main() -> int:
    """Print the table; 1 if something is below its floor."""
    files = read_coverage()
    floors = read_floors()
    rooms = by_room(files)
    shown = {**rooms, **{name: files[name] for name in floors.of if name in files}}
    for name, share in sorted(shown.items()):
        print(f"{name:28} {share.percent:5.1f} %   floor {floors.below(name):g}")
    whole = sum(files.values(), Share())
    print(f"{'whole':28} {whole.percent:5.1f} %   floor {floors.whole:g}")
    for package in PACKAGES:
        tests, code = count_lines(ROOT / "tests" / package), count_lines(ROOT / package)
        print(f"lines of tests for a line of {package:8} {tests / code:.2f} ({tests} for {code})")
    for mistake in (mistakes := too_low(shown, whole, floors)):
        print(mistake)
    return bool(mistakes)


def read_coverage(file: Path = ROOT / ".coverage.json") -> dict[str, Share]:
    """The share of every file by its path."""
    return {name: share_of(of["summary"]) for name, of in json.loads(file.read_text())["files"].items()}


def share_of(summary: Mapping[str, int]) -> Share:
    """A line and a branch weigh the same."""
    reached = summary["covered_lines"] + summary["covered_branches"]
    return Share(reached, reached + summary["missing_lines"] + summary["missing_branches"])


def read_floors(file: Path = ROOT / "pyproject.toml") -> Floors:
    """What pyproject.toml asks for."""
    found: dict[str, Any] = tomllib.loads(file.read_text())["tool"]["floors"]
    return Floors(found["whole"], found["every-room"], found["of"])


def by_room(files: Mapping[str, Share]) -> dict[str, Share]:
    """The shares of rooms; files right below a package are its own room together."""
    rooms: defaultdict[str, Share] = defaultdict(Share)
    for name, share in files.items():
        package, *inside = Path(name).parts
        rooms[f"{package}/{inside[0]}" if len(inside) > 1 else package] += share
    return dict(rooms)


def too_low(shares: Mapping[str, Share], whole: Share, floors: Floors) -> list[str]:
    """What is below its floor, and floors that nothing stands on."""
    low = [
        f"{name}: {share.percent:.1f} % is below its floor, {floors.below(name):g}"
        for name, share in sorted(shares.items())
        if share.percent < floors.below(name)
    ]
    if whole.percent < floors.whole:
        low.append(f"the whole: {whole.percent:.1f} % is below its floor, {floors.whole:g}")
    return low + [f"{name}: has a floor in pyproject.toml and is not there" for name in floors.of if name not in shares]


def count_lines(folder: Path) -> int:
    """The lines of all files below."""
    files = [file for file in folder.rglob("*.py") if UNCOUNTED not in file.relative_to(folder).parts]
    return sum(len(file.read_text().splitlines()) for file in files)


if __name__ == "__main__":
    sys.exit(main())
