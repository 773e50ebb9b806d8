"""How often each path and prefix is asked, and what that costs on metered lines."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from relay.model.walk import Path

RIDING = 0.25
"""Seconds between pings where streams ride and speak: half of what their rescue waits for."""
QUIET = 10.0
"""Seconds after the last word of a path's streams in which it still counts as ridden on. Idle streams are many and for
hours; who speaks after a silence is heard in the next round, and the path is asked at once."""
NEAR = 0.5
"""Seconds for the best paths, the backups and the prefixes: what a rescue chooses from, and its evidence."""
FAR = 5.0
"""Seconds for all other paths; between two pings their cost is composed of their pieces."""
IDLE = 60.0
"""Seconds without a word of any stream after which nobody needs a rescue: then only the best path to each exit, which
the next stream takes, and what is on trial is asked often. Whoever speaks again wakes all of them in the next round."""
BEST = 4
"""Paths at the head of the ranking that are asked often."""
JITTER = 0.1
"""Share of an interval by which chance shortens it, so that pings of many paths do not march in step. It never
lengthens: deadlines count on the interval."""
PROBE_BYTES = 300
"""Bytes that a PING, its answer, and TCP's acknowledgements put on a line, both ways, with all headers."""
DAY = 86_400.0


def shortened(interval: float, random: float) -> float:
    """The wait for the next ping; *random* is from 0 to 1."""
    return interval * (1 - JITTER * random)


def intervals(
    order: Sequence[Path],
    prefixes: Iterable[Path],
    riding: Collection[str],
    on_trial: Collection[str],
    *,
    is_idle: bool = False,
) -> dict[str, float]:
    """Seconds between pings by name of path or prefix.

    *order* holds all paths, best first; *riding* names those whose streams speak; *on_trial* those that still
    have to prove themselves, which would take half a minute at the slow pace; *is_idle* that nobody spoke for IDLE.
    Over a line that is to be probed leanly nothing is asked often but what is ridden on.
    """
    often = list(firsts(order)) if is_idle else [*order[:BEST], *backups(order)]
    near = {path.name for path in often} | set(on_trial)
    every = {path.name: NEAR if path.name in near and not path.is_lean else FAR for path in order}
    every |= {prefix.name: FAR if is_idle or prefix.is_lean else NEAR for prefix in prefixes}
    return every | {name: RIDING for name in riding if name in every}


def firsts(order: Sequence[Path]) -> Iterable[Path]:
    """The best path to each exit."""
    return {path.end: path for path in reversed(order)}.values()


def backups(order: Sequence[Path]) -> list[Path]:
    """For every exit the best path that shares no line with the exit's best one."""
    best: dict[str, Path] = {}
    found: dict[str, Path] = {}
    for path in order:
        first = best.setdefault(path.end, path)
        if path.end not in found and not first.lines & path.lines:
            found[path.end] = path
    return list(found.values())


def probe_bytes_per_day(walks: Iterable[Path], every: Mapping[str, float]) -> dict[str, int]:
    """Bytes a day that pings put on each line, by its name; *walks* are all paths and prefixes that are asked."""
    totals: dict[str, float] = {}
    for walk in walks:
        if walk.name not in every:
            continue
        daily = DAY / shortened(every[walk.name], 0.5) * PROBE_BYTES
        for line in walk.lines:
            totals[line] = totals.get(line, 0.0) + daily
    return {line: round(total) for line, total in totals.items()}
