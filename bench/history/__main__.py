"""`python -m bench history`: bytes of a full file, what questions cost, and the share of a core that history takes."""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import TypeVar

from bench.history.filled import fill
from bench.history.network import BEGIN, Measured
from ingress.history.happened import Happenings
from ingress.history.record import DAY, MINUTE
from ingress.state.file import StateFile
from ingress.state.history import DAYS_KEPT, MINUTES_KEPT, HistoryPart
from ingress.state.history_query import events_between, moments_of, outages_between, step_for, wholes

T = TypeVar("T")
ROUNDS_A_SECOND = 4
HOUR = 3600


def main(arguments: Sequence[str]) -> int:
    """Measure and print; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench history", description=__doc__)
    parser.add_argument("--minutes", type=int, default=60, help="minutes that are watched and written")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        _file_and_questions(Path(folder))
        _watching_and_writing(Path(folder), asked.minutes)
    return 0


def _file_and_questions(folder: Path) -> None:
    now = BEGIN + 12 * HOUR
    file, count = fill(folder / "full.sqlite", now)
    file.read(lambda one: one.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
    size = (folder / "full.sqlite").stat().st_size
    print(f"{count} series, {DAYS_KEPT} days: {size / 1e6:.0f} MB")
    for name, span in (("48 h", 2 * DAY), ("7 days", 7 * DAY), ("90 days", 90 * DAY), ("400 days", 400 * DAY)):
        start = now - span
        step = step_for(start, now, now - MINUTES_KEPT)
        took, found = _timed(lambda start=start, step=step: file.read(lambda one: moments_of(one, 7, start, now, step)))  # type: ignore[misc]
        print(f"one series, {name}: {len(found)} points of {step} s in {took * 1000:.1f} ms")
    for name, span in (("24 h", DAY), ("400 days", 400 * DAY)):
        took, _ = _timed(lambda span=span: file.read(lambda one: wholes(one, now - span, now, now - MINUTES_KEPT)))  # type: ignore[misc]
        print(f"everything, {name}: {took * 1000:.1f} ms")
    took, _ = _timed(lambda: file.read(lambda one: outages_between(one, now - DAY, now, None, 500)))
    print(f"outages of a day: {took * 1000:.1f} ms")
    took, _ = _timed(lambda: file.read(lambda one: events_between(one, 0, now, 2000, {"ix-of-a-seller"})))
    print(f"events about something, of 400 days: {took * 1000:.1f} ms")
    file.close()


def _timed(call: Callable[[], T]) -> tuple[float, T]:
    """Seconds of CPU, the median of seven."""
    spent = []
    for _ in range(7):
        begin = time.process_time()
        found = call()
        spent.append(time.process_time() - begin)
    return median(spent), found


def _watching_and_writing(folder: Path, minutes: int) -> None:
    bed = Measured()
    part = HistoryPart(bed.watch, Happenings(lambda: BEGIN + bed.now), lambda: BEGIN + bed.now)
    file = StateFile(folder / "written.sqlite")
    watching = writing = tending = 0.0
    for second in range(minutes * MINUTE):
        bed.ping()
        begin = time.process_time()
        for _ in range(ROUNDS_A_SECOND):
            bed.now += 1 / ROUNDS_A_SECOND
            bed.watch.each_round(bed.now)
        ended = time.process_time()
        watching += ended - begin
        if second % 5 == 0:
            file.write(part.news())
            part.written()
            writing += time.process_time() - ended
    begin = time.process_time()
    file.change(part.tend)
    tending = time.process_time() - begin
    span = minutes * MINUTE
    names = len(bed.watch.series)
    print(f"watching {names} series: {watching / span:.3%} of a core")
    print(f"writing them: {writing / span:.3%} of a core; once an hour {tending * 1000 * HOUR / span:.0f} ms more")
    file.close()
