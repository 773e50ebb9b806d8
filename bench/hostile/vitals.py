"""What the processes hold, as the kernel tells it, and what they wrote into their logs."""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

from relay.log import ALL_AT_ONCE, ALL_BACK, FLOODED_LINES, LINES_AT_ONCE, LINES_BACK, MINUTE

BROKEN = ("handler-failed", "Traceback (most recent call last)")
"""What stands in a log where code of ours raised; no attack may make it."""
ABOUT = ("path", "node", "ingress", "exit", "of")
"""Fields that name what a line is about."""
FORGET_PEAK = "5"
"""To clear_refs: the peak begins anew (proc(5))."""


@attrs.frozen
class Vitals:
    """Of one process at one moment."""

    resident: int
    peak: int
    """The most resident since `forget_peak`."""
    descriptors: int


def vitals_of(pid: int) -> Vitals:
    """Bytes and counts."""
    found = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(("VmRSS:", "VmHWM:")):
            found[line[:5]] = int(line.split()[1]) * 1024
    return Vitals(found["VmRSS"], found["VmHWM"], len(os.listdir(f"/proc/{pid}/fd")))


def forget_peak(pid: int) -> None:
    """What was before is no peak of what comes."""
    Path(f"/proc/{pid}/clear_refs").write_text(FORGET_PEAK)


class LogWatch:
    """The growth of some logs from now on."""

    def __init__(self, logs: Iterable[Path]) -> None:
        self._began = {log: log.stat().st_size for log in logs}

    def an_hour(self, seconds: float) -> float:
        """Bytes that the log which grows most would grow by in an hour of what lasted *seconds*."""
        return max(hour_of(self._lines(log), seconds) for log in self._began)

    def broken(self, secret: str) -> list[str]:
        """Lines that no log may have: our own failures, and a password."""
        found = [(log.stem, line) for log in self._began for line in self._lines(log)]
        return [f"{who}: {line}" for who, line in found if secret in line or any(one in line for one in BROKEN)]

    def _lines(self, log: Path) -> list[str]:
        with log.open("rb") as file:
            file.seek(self._began[log])
            return file.read().decode(errors="replace").splitlines()


def hour_of(lines: Sequence[str], seconds: float) -> float:
    """Bytes of an hour in which each event, of each thing that it is about, goes on as in these *seconds*, within what
    relay.log lets through: of a flood, what there was, then an example and a count each minute."""
    sizes: dict[tuple[str, ...], list[int]] = {}
    for line in lines:
        sizes.setdefault(key_of(line), []).append(len(line) + 1)
    counts = {key: lines_of_an_hour(len(one), seconds) for key, one in sizes.items()}
    let_through = min(1.0, (ALL_AT_ONCE + ALL_BACK * 3600 / MINUTE) / max(sum(counts.values()), 1.0))
    return let_through * sum(counts[key] * sum(one) / len(one) for key, one in sizes.items())


def lines_of_an_hour(count: int, seconds: float) -> float:
    """Of one event about one thing, of which *count* lines were written."""
    if count >= LINES_AT_ONCE:
        return count + 2 * FLOODED_LINES * 3600 / MINUTE
    return min(count * 3600 / seconds, LINES_AT_ONCE + LINES_BACK * 3600 / MINUTE)


def key_of(line: str) -> tuple[str, ...]:
    """The event and what it is about, as far as a line tells."""
    try:
        fields = json.loads(line)
        return (fields["event"], *(str(fields.get(name, "")) for name in ABOUT))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ("no event",)
