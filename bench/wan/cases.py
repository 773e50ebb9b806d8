"""Which systems are measured how, beside each other: each of them once in every round, so all meet the same hour."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import attrs
import trio

from bench.load import Failed
from bench.results import Numbers, Row
from bench.survive.pieces import WrongBytes
from bench.survive.rounds import first_words
from bench.survive.route import Refused
from bench.wan.bed import Bed
from bench.wan.network import OursOnTheBed
from bench.wan.peers import PEERS, DirectOnTheBed, PeerOnTheBed
from bench.wan.speed import first_bytes, speeds, warm_first_bytes
from relay.errors import OperatorError

RATES = (100.0, 200.0)
LIMIT = 240.0
"""Seconds that one round of one system may take: twice what it needs when its requests are cut short, both times."""
AT = ": "
"""Between the rate and the system in the name of a row."""
ANSWERS = {"answered at once": "auto", "waiting for the exit": "true"}
"""Ours in two rows, by what `answer` is set to."""
OURS, DIRECT = OursOnTheBed.name, DirectOnTheBed.name
SYSTEMS = (OURS, *(peer.name for peer in PEERS), DIRECT)


class Known(Protocol):
    """What a row says of a system."""

    how: str

    def missing(self) -> str | None:
        """Why it cannot be measured here, or None."""

    def version(self) -> str:
        """As the program says it."""


@attrs.frozen
class Case:
    """A row, and what fills in one round of it."""

    name: str
    system: Known
    run: Callable[[], Numbers]

    def row(self) -> Row:
        """Nothing measured yet; the reason, if nothing can be."""
        reason = self.system.missing()
        return Row("" if reason else self.system.version(), self.system.how, error=reason)


def limited(measure: Callable[..., Any], *arguments: object) -> Callable[[], Numbers]:
    """A run of its own for each round, given up when it takes too long."""

    async def run() -> Numbers:
        with trio.move_on_after(LIMIT):
            found: Numbers = await measure(*arguments)
            return found
        raise Failed(f"not done after {LIMIT:.0f} s")

    return partial(trio.run, run)


def first_byte_cases(bed: Bed, only: Sequence[str] = SYSTEMS) -> list[Case]:
    """Both ways in which ours answers, then the others."""
    ours = {name: OursOnTheBed(bed, answer) for name, answer in ANSWERS.items() if OURS in only}
    made = [Case(name, system, limited(first_bytes, system, bed)) for name, system in ours.items()]
    return made + [Case(one.name, one, limited(warm_first_bytes, one)) for one in beside(bed) if one.name in only]


def speed_cases(bed: Bed, only: Sequence[str] = SYSTEMS) -> list[Case]:
    """Every system at two rates of the private lines."""
    systems = [one for one in (OursOnTheBed(bed), *beside(bed)) if one.name in only]
    return [
        Case(f"{rate:.0f} Mbit/s{AT}{one.name}", one, limited(speeds, one, bed, rate))
        for rate in RATES
        for one in systems
    ]


def beside(bed: Bed) -> list[PeerOnTheBed | DirectOnTheBed]:
    """All but ours."""
    return [*(PeerOnTheBed(bed, peer) for peer in PEERS), DirectOnTheBed(bed)]


def take_turns(cases: Sequence[Case], rounds: int, step: Callable[[str], None]) -> dict[str, Row]:
    """So many rounds of every case that is there; what went wrong in one stays in its row."""
    rows = {case.name: case.row() for case in cases}
    able = [case for case in cases if rows[case.name].error is None]
    for number in range(1, rounds + 1):
        for case in able:
            step(f"{case.name}, round {number}")
            measure_once(case, rows[case.name])
    return rows


def measure_once(case: Case, row: Row) -> None:
    """One round more in *row*, or why there is none."""
    try:
        row.rounds.append(case.run())
    except* (Failed, OSError, OperatorError, Refused, WrongBytes, trio.BrokenResourceError, trio.TooSlowError) as group:
        row.error = first_words(group)
