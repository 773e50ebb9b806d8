"""What an ingress costs that nobody uses: this checkout and an earlier one, each with 16 paths, at the same time."""

import time
from collections.abc import Sequence

from bench.before.checkout import Earlier
from bench.before.ratios import interval
from bench.contest import Contestant, opened_field, start_all
from bench.load import Failed
from bench.peers.ours import Ours, line_text
from bench.progress import shown_progress
from bench.results import Row
from bench.topology import Hop

LINES = 4
"""From the ingress to its relay, and from there to the exit: 16 paths."""
SETTLES, WINDOW = 30.0, 20.0
"""Seconds until all paths are up and asked seldom; and of each round, all systems at once."""


class _Many(Ours):
    def _lines(self, before: str, hop: Hop) -> str:
        return "".join(line_text(f"{before}-{hop.role}-{number}", before, hop) for number in range(LINES))


class Today(_Many):
    """This checkout, with datagrams on."""

    name = "today"


class TodayWithout(_Many):
    """This checkout, with datagrams off."""

    name, extra = "today, udp = false", "udp = false\n"


class Before(_Many, Earlier):
    """The earlier one."""


def shares(contestants: Sequence[Contestant], rounds: int) -> dict[str, list[float]]:
    """Per cent of a core that each one's ingress took, round by round."""
    found: dict[str, list[float]] = {one.peer.name: [] for one in contestants}
    time.sleep(SETTLES)
    with shown_progress("idle", rounds) as progress:
        for number in range(1, rounds + 1):
            progress.step(f"round {number}")
            before, began = [one.running.cpu()["ingress"] for one in contestants], time.monotonic()
            time.sleep(WINDOW)
            for one, cpu in zip(contestants, before, strict=True):
                used = one.running.cpu()["ingress"] - cpu
                found[one.peer.name].append(100 * used / (time.monotonic() - began))
    return found


def compare_idle(commit: str, rounds: int) -> str:
    """Markdown: per cent of a core, and how much more than *commit* took in the same rounds.

    Raises:
        Failed: one does not run.
    """
    rows: dict[str, Row] = {}
    before = Before(commit)
    with opened_field() as field:
        found = shares(start_all(field, [Today(), TodayWithout(), before], rows, nodes=2), rounds)
    errors = [f"{name}: {row.error}" for name, row in rows.items() if row.error]
    if errors:
        raise Failed("; ".join(errors))
    lines = [
        "| 16 paths, nobody | % of a core | more than before | interval | rounds |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, values in found.items():
        more = [value - old for value, old in zip(values, found[before.name], strict=True)]
        low, high = interval(more)
        middle = sorted(values)[len(values) // 2]
        more_middle = sorted(more)[len(more) // 2]
        lines.append(f"| {name} | {middle:.2f} | {more_middle:+.2f} | {low:+.2f} to {high:+.2f} | {len(values)} |")
    return "\n".join(lines)
