"""`python -m bench.stages ingress|relay ARGUMENTS...`: that command, with a clock around the functions of each stage.

Writes its readings to the file that BENCH_STAGES_FILE names whenever it gets SIGUSR1. The functions are wrapped in
their classes before anything is made of them, so that bound methods kept in tables are wrapped ones too.
"""

import importlib
import os
import pathlib
import signal
import sys
from collections.abc import Mapping

from bench.stages.clock import Clock, Cost, Function, calibrate, timed_by_owner
from bench.stages.snapshot import FILE, SIGNAL, take, write
from bench.stages.table import SERVICE, STAGES, Stage, resolve, service_of


def main() -> int:
    """Wrap, then run the command; gives its exit status."""
    program, *arguments = sys.argv[1:]
    clock, cost = Clock(), calibrate()
    wrap(clock, STAGES[program])
    answer_signal(clock, cost, pathlib.Path(os.environ[FILE]))
    sys.argv = [program, *arguments]
    return int(importlib.import_module(f"{program}.cli").main(arguments))


def wrap(clock: Clock, stages: Mapping[str, Stage]) -> None:
    """Put *clock* around all functions of *stages*."""
    by_owner: dict[type, Function] = {}
    service = resolve(SERVICE)
    for name, stage in stages.items():
        for text in stage.functions:
            found = resolve(text)
            setattr(found.holder, found.name, clock.timed(name, text, found.value))
        for text in stage.owners:
            by_owner[resolve(text).value] = clock.timed(name, service_of(text), service.value)
    setattr(service.holder, service.name, timed_by_owner(service.value, by_owner))


def answer_signal(clock: Clock, cost: Cost, file: pathlib.Path) -> None:
    """Write to *file* from now on whenever somebody asks."""
    signal.signal(SIGNAL, lambda *_: write(take(clock, cost), file))


if __name__ == "__main__":
    sys.exit(main())
