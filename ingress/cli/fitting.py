"""What of a table fits on a screen: the columns that matter most, and the rows that tell something.

Nothing that decides is lost where there is little room: what is wrong comes first, what is well is counted.
"""

import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

Row = Mapping[str, Any]
T = TypeVar("T")
_PIECES: Final = re.compile(r"\s*(?:[!-\u10ff]+|\S)[\uff0c\u3002\uff1b\uff1a\u3001\uff09\uff1f]*|\s+$")
"""A word of narrow characters, or one wide character, with the blanks before it."""


class Column(NamedTuple):
    """One column of a table."""

    name: str
    cell: Callable[[Row], str]
    weight: int = 9
    """9: always there; where columns have to go, those of the least weight go first."""
    is_text: bool = False
    """Set to the left; numbers stand on the right."""


def columns_that_fit(
    columns: Sequence[Column],
    rows: Sequence[Row],
    width: int,
    gap: int = 1,
    heading: Callable[[str], str] = str,
) -> list[Column]:
    """Of *columns*, in their order, as many as *rows* and what each *heading* says leave room for in *width* cells of
    the terminal, of which a Chinese character takes two."""
    from rich.cells import cell_len

    wide = {
        column.name: max(cell_len(text) for text in (heading(column.name), *map(column.cell, rows)))
        for column in columns
    }
    kept = list(columns)
    while sum(wide[column.name] + gap for column in kept) - gap > width:
        least = min(kept, key=lambda column: column.weight)
        if least.weight >= 9:
            break
        kept.remove(least)
    return kept


def shortened(rows: Sequence[T], room: int, is_well: Callable[[T], bool]) -> tuple[list[T], int]:
    """As many of *rows* as fit in *room*, in their order, and how many are left out (which takes a row of its own).

    The first one stays, then what is not well, then the others as they come. At least one row stays.
    """
    if len(rows) <= room:
        return list(rows), 0
    order = sorted(range(len(rows)), key=lambda at: (at > 0, is_well(rows[at]), at))
    kept = sorted(order[: max(1, room - 1)])
    return [rows[at] for at in kept], len(rows) - len(kept)


def wrapped(lines: Iterable[str], width: int) -> list[str]:
    """*lines* in rows of the screen, so that they can be counted; *width* in cells."""
    return [row for line in lines for row in _wrap(line, width) or [""]]


def _wrap(line: str, width: int) -> list[str]:
    """Between words, and between any two wide characters; what closes a clause stays behind what it closes."""
    from rich.cells import cell_len, chop_cells

    if cell_len(line) == len(line):
        return textwrap.wrap(line, width)
    rows = [""]
    for piece in _PIECES.findall(line):
        if cell_len(rows[-1] + piece) > width:
            rows += chop_cells(piece.lstrip(), width)
        else:
            rows[-1] += piece
    return [row.strip() for row in rows if row.strip()]


def shared(room: int, first: int, second: int) -> tuple[int, int]:
    """*room* rows for two tables that want *first* and *second*: what one does not need, the other gets."""
    if first + second <= room:
        return first, second
    half = room // 2
    if second <= half:
        return room - second, second
    if first <= room - half:
        return first, room - first
    return room - half, half
