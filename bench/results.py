"""What was measured, as it is kept between a run and the report: plain numbers, one object a round, in a JSON file."""

import json
import os
import pathlib
import platform
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from bench.load import CACHE, Failed

FILE = CACHE / "results.json"

Numbers = dict[str, float]
"""One round of one system: what was measured by name, in seconds and bytes."""


@dataclass
class Row:
    """One system's rounds. `error` says why there are none, or no more."""

    version: str = ""
    how: str = ""
    rounds: list[Numbers] = field(default_factory=list)
    error: str | None = None

    @property
    def is_broken(self) -> bool:
        """Whether it was begun and did not come to its end. A system that is not here was not begun."""
        return self.error is not None and bool(self.version or self.rounds)

    def values(self, key: str) -> list[float]:
        """The rounds' values of one figure."""
        return [numbers[key] for numbers in self.rounds if key in numbers]


@dataclass
class Result:
    """One measure of all systems, in one run."""

    measure: str
    when: str
    machine: str
    rows: dict[str, Row]


def new_result(measure: str, rows: dict[str, Row]) -> Result:
    """A result of now and of this machine."""
    return Result(measure, time.strftime("%Y-%m-%d %H:%M"), describe_machine(), rows)


def describe_machine() -> str:
    """Cores, processor, kernel, Python: what absolute figures depend on."""
    models = [line.split(":", 1)[1].strip() for line in read("/proc/cpuinfo").splitlines() if "model name" in line]
    model = models[0] if models else platform.machine()
    return f"{os.cpu_count()} cores ({model}), Linux {platform.release()}, Python {platform.python_version()}"


def kernel_settings() -> dict[str, str]:
    """The kernel's limits that a long fast path meets."""
    names = ("tcp_rmem", "tcp_wmem", "tcp_congestion_control", "tcp_slow_start_after_idle")
    return {f"net.ipv4.{name}": " ".join(read(f"/proc/sys/net/ipv4/{name}").split()) for name in names}


def read(path: str) -> str:
    """A file of the kernel's, or "" where there is none."""
    try:
        return pathlib.Path(path).read_text()
    except OSError:
        return ""


def require_whole(results: Mapping[str, Result], again: str) -> None:
    """Failed unless all that was begun came to its end: half of a comparison is none. *again* measures by name."""
    broken = [
        f"  {measure}: {name}: {row.error}; again: {again} {measure}"
        for measure, result in results.items()
        for name, row in result.rows.items()
        if row.is_broken
    ]
    if broken:
        raise Failed("\n".join(("no report is written, because these did not come to their end:", *broken)))


def load_results(file: pathlib.Path = FILE) -> dict[str, Result]:
    """The last result of each measure."""
    if not file.exists():
        return {}
    kept = json.loads(file.read_text())
    return {
        name: Result(**{**one, "rows": {n: Row(**row) for n, row in one["rows"].items()}}) for name, one in kept.items()
    }


def keep_result(result: Result, file: pathlib.Path = FILE) -> None:
    """Put *result* in place of the last one of its measure."""
    kept = {name: asdict(one) for name, one in load_results(file).items()} | {result.measure: asdict(result)}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(kept, indent=1))
