"""One ingress with as many paths as it measures and very many idle streams: what both cost, and what a choice takes."""

from collections.abc import Sequence

from bench.choosing import WEATHERS, time_choosing
from bench.contest import Contestant, be_fair, opened_field
from bench.crowd import (
    LINES,
    PATHS,
    STREAMS,
    WINDOW,
    few_streams,
    held_streams,
    limits,
    new_connections,
    possible_streams,
    started,
    watched,
)
from bench.figures import median, number, spread
from bench.load import Failed
from bench.measures.measure import Measure, named
from bench.peers import OURS, Peer
from bench.peers.ours import BESIDE
from bench.plots import bars
from bench.progress import Progress, shown_progress
from bench.results import Numbers, Result, Row, new_result
from bench.tables import column, compare, split, table

LOADS = ("none", "few", "full")
"""No stream, as few as put some on every path, all."""
ANSWERS = "an echo on every stream"
STEPS = ("choices", "start", *LOADS, ANSWERS)


class Scale(Measure):
    """Only ours: the peers choose nothing and measure nothing."""

    name = "scale"
    title = "Many streams, many paths"
    explains = (
        f"One ingress, {LINES} lines to a relay and {LINES} from there to an exit: {PATHS} paths, all "
        "measured and all equally good, so that each is given streams. The streams are idle: none, as few as put some "
        f"on every path, {STREAMS}; each read over {WINDOW:.0f} s. Bytes per line and day are those of measuring: as "
        "`ingress paths --json` tells them, and as the kernel counted those of the carriers, with headers. At the end "
        "every stream echoes one more byte. Choices and rankings are timed in one process, by the wall clock: of paths "
        "that differ, and of paths that are all equal."
    )

    def run(self, peers: Sequence[Peer], rounds: int) -> Result:
        rows = {OURS.name: Row(how=OURS.how, error=OURS.missing())}
        be_fair()
        with shown_progress(self.name, rounds * len(STEPS)) as progress:
            for _ in range(rounds):
                if rows[OURS.name].error is None:
                    one_round(rows[OURS.name], progress)
        return new_result(self.name, rows)

    def tables(self, result: Result) -> str:
        row = result.rows[OURS.name]
        parts = [streams_table(result), shortfall(row), loads_table(row), choices_table(row)]
        return "\n".join(part for part in parts if part)

    def charts(self, result: Result) -> dict[str, str]:
        row = result.rows[OURS.name]
        names = {"none": "no stream", "few": "few streams", "full": "all streams"}
        seen = {names[key]: [value / 1e6 for value in row.values(f"{key}.seen")] for key in LOADS}
        return {"measuring": bars("Measuring, by streams; less is better", "MB per line and day", seen)}


def one_round(row: Row, progress: Progress) -> None:
    """All of it once; a failure stays in the row."""
    numbers: Numbers = {}
    row.rounds.append(numbers)
    try:
        row.version = OURS.version()
        progress.step("choices")
        for name, weather in WEATHERS.items():
            numbers |= named(name, time_choosing(LINES, weather))
        with opened_field() as field:
            progress.step("start")
            go_through_loads(started(field), field.add_target(BESIDE), numbers, progress)
    except (Failed, OSError) as error:
        row.error = str(error)


def go_through_loads(contestant: Contestant, beside: str, numbers: Numbers, progress: Progress) -> None:
    """No stream, few, all; *beside* is a target for new connections beside them."""
    progress.step("no stream")
    numbers |= named("none", watched(contestant) | named("new", new_connections(contestant, beside)))
    progress.step("streams on every path")
    with few_streams(contestant):
        numbers |= named("few", watched(contestant) | named("new", new_connections(contestant, beside)))
    wanted = possible_streams()
    progress.step(f"{wanted} streams")
    with held_streams(contestant, wanted) as (opened, echo_all):
        numbers |= {"wanted": wanted, "opened": opened, "failed": wanted - opened} | named("limit", limits())
        numbers |= named("full", watched(contestant) | named("new", new_connections(contestant, beside)))
        numbers |= named("stream", memory_each(numbers, opened))
        progress.step(ANSWERS)
        numbers["answered"] = echo_all()


def memory_each(numbers: Numbers, opened: float) -> Numbers:
    """Bytes by stream and role."""
    parts = ("all", "ingress", "middle", "exit")
    return {part: (numbers[f"full.memory.{part}"] - numbers[f"none.memory.{part}"]) / opened for part in parts}


def streams_table(result: Result) -> str:
    """What each stream holds, and that all still work."""
    columns = [
        column("idle streams", "opened"),
        column("failed", "failed"),
        column("KB per stream: ingress", "stream.ingress", 1 / 1024),
        column("middle", "stream.middle", 1 / 1024),
        column("exit", "stream.exit", 1 / 1024),
        column("echoed at the end", "answered"),
    ]
    return compare(result, columns, "opened")


def loads_table(row: Row) -> str:
    """What the paths cost, by streams."""
    mega, parts = 1 / 1048576, "ingress / middle / exit"
    head = ["idle streams", "paths with streams", f"CPU %: {parts}", f"MiB: {parts}"]
    head += ["MB per line and day, told", "counted", "new connection, p50 ms", "p99 ms"]
    body = [
        [
            spread(row.values(f"{key}.streams")),
            spread(row.values(f"{key}.riding")),
            split("", f"{key}.cpu", 100)[1](row),
            split("", f"{key}.memory", mega)[1](row),
            spread(row.values(f"{key}.told"), 1e-6),
            spread(row.values(f"{key}.seen"), 1e-6),
            spread(row.values(f"{key}.new.p50"), 1e3),
            spread(row.values(f"{key}.new.p99"), 1e3),
        ]
        for key in LOADS
    ]
    return table(head, body)


def choices_table(row: Row) -> str:
    """What decisions take."""
    head = [f"{PATHS} paths", "as good as the best", "choice, µs: p50", "p99", "ranking, ms: p50", "p99"]
    scales = {"band": 1.0, "choose.p50": 1e6, "choose.p99": 1e6, "rank.p50": 1e3, "rank.p99": 1e3}
    kinds = {"unequal": "that differ", "equal": "all equal", "rated": "all equal, of known rates"}
    body = [
        [kind, *(spread(row.values(f"{key}.{figure}"), scale) for figure, scale in scales.items())]
        for key, kind in kinds.items()
    ]
    return table(head, body)


def shortfall(row: Row) -> str:
    """Why there were fewer streams than were meant, or nothing."""
    most, files, ports = (median(row.values(key)) for key in ("wanted", "limit.files", "limit.ports"))
    if most is None or files is None or ports is None or most >= STREAMS:
        return ""
    return (
        f"{number(most)} streams instead of {number(STREAMS)}: a process here may have {number(files)} descriptors "
        f"(some are kept free), and one address {number(ports)} connections to another.\n"
    )
