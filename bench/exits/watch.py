"""The load of the bed, and what became of its requests while something happened behind an exit."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs

from bench.exits.bed import HERE, PROXY, ExitBed, until
from bench.load import Failed, pipe

LOOK = 0.05


class Requests:
    """Those of one load, as they end."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.ended: list[dict[str, Any]] = []
        self._process = process
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in pipe(self._process.stdout):
            self.ended.append(json.loads(line))

    def finish(self) -> None:
        """Begin no more, and wait for those that are under way."""
        pipe(self._process.stdin).close()
        self._reader.join()

    def since(self, at: float) -> list[dict[str, Any]]:
        """Those that began at *at* (by the wall clock), or later."""
        return [one for one in self.ended if one["at"] >= at]


@contextmanager
def requests(bed: ExitBed, sites: int) -> Iterator[Requests]:
    """A request every 100 ms, to so many *sites* in turn."""
    words = bed.command("client", sys.executable, HERE / "load.py", str(sites), str(PROXY))
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        found = Requests(process)
        try:
            yield found
        finally:
            if not pipe(process.stdin).closed:
                found.finish()


@attrs.frozen
class Seen:
    """What was seen of one fault. Times in seconds."""

    fault: str
    sites: int
    count: int
    """Requests that were begun from the fault on."""
    longest: float
    """Wait for a first byte, of those that began a second after the fault, or later."""
    longest_at_once: float
    """The same from the fault on."""
    errors: list[str]
    named: float
    """From the fault until `blame` names the exit."""
    sentence: str
    well: float
    """From its end until the exit is called well again; 0 if it was not called sick."""


def named_by(bed: ExitBed, patience: float) -> tuple[float, str]:
    """Seconds until blame names exit one, and how."""
    began = time.monotonic()
    while time.monotonic() - began < patience:
        said = [one for one in bed.blame() if one.startswith("exit one ")]
        if said:
            return time.monotonic() - began, said[0]
        time.sleep(LOOK)
    raise Failed(f"exit one was not named within {patience:g} s; blame: {bed.blame()}")


def well_after(bed: ExitBed, patience: float) -> float:
    """Seconds until nothing is said of exit one any more."""
    began = time.monotonic()
    while time.monotonic() - began < patience:
        if not any(one.startswith("exit one ") for one in bed.blame()):
            return time.monotonic() - began
        time.sleep(LOOK)
    raise Failed(f"exit one was not well within {patience:g} s; blame: {bed.blame()}")


def warm(bed: ExitBed, found: Requests, sites: int) -> None:
    """Wait until every site was asked for three times, and goes by exit one."""
    until(lambda: len(found.ended) > 3 * sites, bed.told)
    hosts = [f"www.site{number}.test:80" for number in range(1, sites + 1)]
    until(lambda: all(goes_by(bed, host) == {"one"} for host in hosts), bed.told)


def goes_by(bed: ExitBed, host: str) -> set[str]:
    """The exits that a new stream to *host* would take, of one who keeps none and of the load."""
    answer = bed.ask(ask="why", target=host)
    return {answer["exit"], *answer["kept"]}


def watch(
    bed: ExitBed, fault: str, sites: int, lasts: float, patience: float = 60.0, at_least: str | None = None
) -> Seen:
    """Have *fault* happen to exit one for *lasts* seconds under load, and until the ingress has logged *at_least*."""
    logged = len(bed.log())
    with requests(bed, sites) as found:
        warm(bed, found, sites)
        at, began = time.time(), time.monotonic()
        bed.strike(fault)
        named, sentence = named_by(bed, patience)
        time.sleep(max(lasts - (time.monotonic() - began), 0))
        if at_least is not None:
            until(lambda: any(one["event"] == at_least for one in bed.log()[logged:]), bed.told)
        bed.heal(fault)
        well = well_after(bed, 4 * patience)
        found.finish()
    all_of_it = found.since(at)
    longest = [max(one["took"] for one in found.since(since)) for since in (at + 1, at)]
    errors = [one["error"] for one in all_of_it if one["error"]]
    return Seen(fault, sites, len(all_of_it), longest[0], longest[1], errors, named, sentence, well)
