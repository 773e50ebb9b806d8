"""Emulated lines between a system's nodes: the demo's emulator, with plain ports, a process for each system.

It delays and limits TCP connections. At 100 Mbit/s, the most that is measured over lines, it takes 3 % of a core, and
a GiB as fast as it goes costs it a second of CPU, as much as a program in C took: it is nobody's bottleneck. What needs
packets is measured on bench.wan's bed.
"""

import json
import pathlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bench.load import Failed, pipe
from bench.topology import Weather


@dataclass(frozen=True)
class EmulatedLine:
    """What is sent to the port `entry` of this machine comes out at the port `node`."""

    entry: int
    node: int
    weather: Weather


@contextmanager
def running_lines(folder: pathlib.Path, lines: Sequence[EmulatedLine]) -> Iterator[None]:
    """These lines, from when all of them listen. Their configuration is written to *folder*.

    Raises:
        Failed: the emulator did not start.
    """
    config = folder / "lines.json"
    config.write_text(json.dumps({"lines": {str(line.entry): conditions(line) for line in lines}}))
    command = [sys.executable, "-m", "ingress.demo.emulator", str(config)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            if not pipe(process.stdout).readline().startswith("ready"):
                raise Failed("the emulated lines did not start")
            yield
        finally:
            pipe(process.stdin).close()  # which ends it


def conditions(line: EmulatedLine) -> dict[str, float | None]:
    """One line of the emulator's configuration."""
    rate = line.weather.rate
    return {
        "port": line.entry,
        "node": line.node,
        "round_trip": line.weather.round_trip,
        "rate": None if rate is None else rate * 1e6 / 8,
    }
