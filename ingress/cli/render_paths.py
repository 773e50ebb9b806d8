"""Draws the answer to `paths`: what is wrong first, then the table of paths, the lines, the sums.

On a screen of *height* rows the tables are shortened, so that what is wrong and who leads are always seen.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ingress.cli.fitting import Column, Row, columns_that_fit, shared, shortened, wrapped
from ingress.cli.render_quota import quota_note
from ingress.cli.wording import Wording
from ingress.messages.message import Message
from relay.cli.render_units import DASH, STYLES, age, megabits, milliseconds, percent, share_lost, size

TABLES = ("paths", "lines")
WIDE = 140
"""Columns from which the reason stands beside its path; on less it stands below the table."""

LEAST = 9
"""Rows that the two tables have at least on a screen, with their names and the gap between them."""
UNSURE = 0.005
"""Seconds by which a piece may be wrong from which that is said beside it."""


def _piece(row: Row) -> str:
    """A line's round trip, and by how much it may be wrong, if that is worth a word."""
    unsure = row.get("uncertainty") or 0.0
    return milliseconds(row["round_trip"]) + (f"±{milliseconds(unsure)}" if unsure >= UNSURE else "")


def _lost(row: Row) -> str:
    """What TCP loses of what is sent from the line's start, and back to it."""
    known = {one["start"]: one for one in row.get("directions", ())}
    shares = [share_lost(known[end]["loss"]) if end in known else DASH for end in (row["start"], row["end"])]
    return "/".join(shares) if known else DASH


def _carries(row: Row) -> str:
    """What it was seen to deliver from the line's start, and back to it."""
    known = {one["start"]: one["least"] for one in row.get("carries", ())}
    speeds = [megabits(known[end]) if known.get(end) else DASH for end in (row["start"], row["end"])]
    return "/".join(speeds) if any(known.values()) else DASH


def _state(row: Row) -> str:
    return str(row.get("word", row["state"]))


def _streams(row: Row) -> str:
    special = [f"{row[kind]}{kind[0]}" for kind in ("bulk", "redundant") if row[kind]]
    return f"{row['streams']} ({' '.join(special)})" if special else str(row["streams"])


PATH_COLUMNS = (
    Column("#", lambda row: f"{row['rank'] or DASH}{'=' if row['in_band'] else ''}", is_text=True),
    Column("path", lambda row: f"{row['path']} > {row['exit']}", is_text=True),
    Column("state", _state, is_text=True),
    Column("rtt ms", lambda row: milliseconds(row["round_trip"])),
    Column("p95", lambda row: milliseconds(row["p95"]), 3),
    Column("dev", lambda row: milliseconds(row["deviation"], 1), 6),
    Column("late", lambda row: percent(row["late"]), 8),
    Column("dial", lambda row: milliseconds(row["dial_time"]), 1),
    Column("streams", _streams, 7),
    Column("down", lambda row: size(row["bytes_down"]), 5),
    Column("up", lambda row: size(row["bytes_up"]), 4),
    Column("age", lambda row: age(row["age"]), 2),
)
"""`=` behind the rank marks those that are as good as the best."""

LINE_COLUMNS = (
    Column("line", lambda row: str(row["line"]), is_text=True),
    Column("from", lambda row: str(row["start"]), 7, is_text=True),
    Column("to", lambda row: str(row["end"]), 8, is_text=True),
    Column("state", _state, is_text=True),
    Column("rtt ms", _piece),
    Column("dev", lambda row: milliseconds(row.get("deviation"), 1), 5),
    Column("late", lambda row: percent(row.get("late")), 6),
    Column("lost >/<", _lost, 6),
    Column("Mbit/s >/<", _carries, 6),
    Column("dial", lambda row: milliseconds(row["dial_time"]), 2),
    Column("probes/day", lambda row: size(row["probe_bytes_per_day"]), 1),
    Column("streams", lambda row: str(row["streams"]), 3),
    Column("down", lambda row: size(row["bytes_down"]), 4),
    Column("up", lambda row: size(row["bytes_up"]), 3),
)
"""The round trip, its deviation and the late share are those of the line's own piece of the way; lost is what TCP had
to send again of what was sent from its start, and back to it; Mbit/s what it was seen to deliver, both ways."""


def render(
    answer: Mapping[str, Any], width: int, height: int | None = None, say: Wording | None = None
) -> RenderableType:
    """*answer* as docs/paths-json.md describes it, in the language of *say*, for *width* columns and, on a screen, at
    most *height* rows."""
    say = Wording() if say is None else say
    paths, lines = ([{**row, "word": say.word("state", row["state"])} for row in answer[what]] for what in TABLES)
    head = [Text(f"{answer['ingress']}  {answer['time']}", style="bold", no_wrap=True)]
    by_hand = [say("cli.use", wish=said) for said in answer.get("wishes", ())]
    by_hand += [say("cli.hold", text=one["said"]) for one in answer.get("holds", ())]
    head += [Text(row) for row in wrapped(by_hand, width)]
    head += [Text(row, style=style) for said, style in _wrong(answer, say) for row in wrapped([said], width)]
    tail = [Text(row) for row in wrapped([total_line(answer["totals"], say)], width)]
    if height is None:
        said = [Text(row) for row in wrapped(datagram_notes(paths, say), width)]
        said = [*_reasons(paths, width), *said]
        return Group(*head, path_table(paths, width, say), *said, Text(), line_table(lines, width, say), *tail)
    head = _cut(head, height - len(tail) - LEAST, say)
    room = max(LEAST - 3, height - len(head) - len(tail) - 3)  # two rows of names, and one between the tables
    for_paths, for_lines = shared(room, len(paths), len(lines))
    return Group(
        *head,
        *_shortened(path_table, paths, for_paths, width, say),
        Text(),
        *_shortened(line_table, lines, for_lines, width, say),
        *tail,
    )


def _reasons(paths: Sequence[Row], width: int) -> list[Text]:
    """Why each path stands where it stands, where there is no room beside it."""
    return (
        [] if width >= WIDE else [Text(f"  {row['rank'] or DASH}  {row['reason']}") for row in paths if row["reason"]]
    )


def datagram_notes(paths: Sequence[Row], say: Wording) -> list[str]:
    """By which paths datagrams go to each exit that any have gone to, and which paths carry none, and why."""
    told = [(row, row["datagrams"]) for row in paths if row.get("datagrams") is not None]
    said = [_way(row, one, say) for row, one in told if one["role"] == "primary" and one["sent"]]
    why: dict[str, list[str]] = {}
    for row, one in told:
        if one["in_tcp"]:
            why.setdefault(say("cli.in-tcp", lines="/".join(one["in_tcp"])), []).append(row["path"])
        elif one.get("policed") is not None:
            why.setdefault(_policed(one, say), []).append(row["path"])
        elif one["why"] and row["state"] != "down":
            why.setdefault(one["why"], []).append(row["path"])
    return said + [say("cli.datagrams-on", paths=tuple(names), reason=reason) for reason, names in why.items()]


def _policed(one: Row, say: Wording) -> str:
    count = one["detoured"]
    going = Message("cli.detoured", count=count) if count else ""
    return say("cli.policed", rate=one["policed"], going=going)


def _way(row: Row, one: Row, say: Wording) -> str:
    loss = max(one["loss_up"] or 0.0, one["loss_down"] or 0.0)
    trip, jitter = milliseconds(one["round_trip"]), milliseconds(one["jitter"], 1)
    return say("cli.datagrams-to", exit=row["exit"], path=row["path"], round_trip=trip, jitter=jitter, share=loss)


def _cut(head: list[Text], room: int, say: Wording) -> list[Text]:
    """What is wrong must not push the paths off the screen: as much of it as fits in *room*, which is 2 at least."""
    room = max(2, room)
    if len(head) <= room:
        return head
    return [*head[: room - 1], Text(say("cli.more-rows", count=len(head) - room + 1))]


def _wrong(answer: Mapping[str, Any], say: Wording) -> list[tuple[str, str]]:
    """Sentences and their colours: what is broken, what nodes say, what will be wrong."""
    said = [(say("cli.blame", text=blame), "red") for blame in answer["blame"]]
    said += [(note, "") for note in node_notes(answer["nodes"], say)]
    quotas = [(row["line"], row["quota"]) for row in answer["lines"] if row.get("quota") is not None]
    said += [(quota_note(line, quota, say), "") for line, quota in quotas]
    return said + [(say("cli.warning", text=warning), "yellow") for warning in answer["warnings"]]


def _shortened(
    draw: Callable[[Sequence[Row], int, Wording], Table], rows: Sequence[Row], room: int, width: int, say: Wording
) -> list[RenderableType]:
    """A table of at most *room* rows, and how many it leaves out."""
    kept, more = shortened(rows, room, lambda row: row["state"] == "up")
    left_out = [row for row in rows if row not in kept]
    well = sum(row["state"] == "up" for row in left_out)
    return [draw(kept, width, say), *([Text(say("cli.more", count=more, well=well))] if more else [])]


def path_table(rows: Sequence[Row], width: int, say: Wording) -> Table:
    """One row a path; with the reason beside it where there is room."""
    columns = _that_fit(PATH_COLUMNS, rows, width, say)
    table = _table(columns, say)
    if width >= WIDE:
        table.add_column(say.word("column", "reason"))
    for row in rows:
        table.add_row(*_cells(columns, row), *([row["reason"]] if width >= WIDE else []))
    return table


def line_table(rows: Sequence[Row], width: int, say: Wording) -> Table:
    """One row a line."""
    columns = _that_fit(LINE_COLUMNS, rows, width, say)
    table = _table(columns, say)
    for row in rows:
        table.add_row(*_cells(columns, row))
    return table


def _cells(columns: Sequence[Column], row: Row) -> list[Text]:
    return [
        Text(column.cell(row), style=STYLES.get(row["state"], "") if column.name == "state" else "")
        for column in columns
    ]


def _that_fit(columns: Sequence[Column], rows: Sequence[Row], width: int, say: Wording) -> list[Column]:
    return columns_that_fit(columns, rows, width, heading=lambda name: say.word("column", name))


def _table(columns: Sequence[Column], say: Wording) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", show_edge=False)
    for column in columns:
        justify: Literal["left", "right"] = "left" if column.is_text else "right"
        heading = say.word("column", column.name)
        table.add_column(heading, justify=justify, no_wrap=column.name != "path", overflow="fold")
    return table


def node_notes(rows: Sequence[Row], say: Wording) -> list[str]:
    """What is worth saying of nodes; nothing of those that are well."""
    said = []
    for row in rows:
        notes = [] if row["state"] in ("up", "unused") else [say.word("state", row["state"])]
        notes += [say("cli.stale", how=row["config"])] if row["stale_config"] else []
        notes += [say("cli.draining")] if row["draining"] else []
        if notes:
            said.append(say("cli.node", node=row["node"], notes=tuple(notes)))
    return said


def total_line(totals: Row, say: Wording) -> str:
    """The sums, and what happened to streams."""
    lost = [Message("cli.lost", count=n, cause=say.word("cause", cause)) for cause, n in totals["lost"].items()]
    pause = totals["longest_pause"]
    return say(
        "cli.totals",
        streams=totals["streams"],
        down=size(totals["bytes_down"]),
        up=size(totals["bytes_up"]),
        moves=totals["moves"],
        resumes=totals["resumes"],
        pause=Message("cli.pause", length=pause) if pause else "",
        lost=tuple(lost) or (Message("cli.none"),),
        probes=size(totals["probe_bytes_per_day"]),
    )
