"""A curve of round trips in characters: the median as a line, its spread as a shade, and rows of bars below it.

A point is one column or several. What is here is pure: rows of pieces of text, each with the style it would have where
there are colours.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final

import attrs

Piece = tuple[str, str]
"""Text and its style."""
Drawn = list[Piece]
"""One row."""

ROWS: Final = 9
MARKS: Final = "_─‾"
"""Where in its row a median lies: at the bottom, in the middle, at the top."""
SHADE: Final = "░"
BARS: Final = " ▁▂▃▄▅▆▇█"
GAP: Final = "·"
LEAST_RANGE: Final = 0.002
"""Seconds from the bottom to the top at least: a steady line is not drawn as noise."""
OUTLIERS: Final = 0.02
"""Share of the points whose spread may leave the picture at its top."""


@attrs.frozen
class CurvePoint:
    """One step; None where nothing is known. Times in seconds."""

    middle: float | None
    low: float | None = None
    high: float | None = None


def curve(points: Sequence[CurvePoint], width: int) -> tuple[list[Drawn], float, float]:
    """ROWS rows of *width* columns for each point, the top one first, and the values at the top and at the bottom."""
    bottom, top = _range(points)
    step = (top - bottom) / (ROWS * len(MARKS))
    rows: list[Drawn] = []
    for row in reversed(range(ROWS)):
        rows.append([_cell(point, row, bottom, step, width) for point in points])
    return rows, top, bottom


def _cell(point: CurvePoint, row: int, bottom: float, step: float, width: int) -> Piece:
    if point.middle is None:
        return " " * width, ""
    at = _level(point.middle, bottom, step)
    if at // len(MARKS) == row:
        return MARKS[at % len(MARKS)] * width, "bold"
    low = _level(point.middle if point.low is None else point.low, bottom, step) // len(MARKS)
    high = _level(point.middle if point.high is None else point.high, bottom, step) // len(MARKS)
    return (SHADE * width, "dim") if low <= row <= high else (" " * width, "")


def _level(value: float, bottom: float, step: float) -> int:
    return min(ROWS * len(MARKS) - 1, max(0, int((value - bottom) / step)))


def _range(points: Sequence[CurvePoint]) -> tuple[float, float]:
    known = [point for point in points if point.middle is not None]
    middles = [point.middle for point in known if point.middle is not None]
    if not middles:
        return 0.0, LEAST_RANGE
    lows = [point.middle if point.low is None else point.low for point in known]
    highs = sorted(point.high if point.high is not None else point.middle or 0.0 for point in known)
    bottom = max(0.0, min(low for low in lows if low is not None))
    top = max(*middles, highs[max(0, math.ceil((1 - OUTLIERS) * len(highs)) - 1)])
    return bottom, max(top, bottom + LEAST_RANGE)


def bars(values: Iterable[float | None], most: float, width: int, style: str = "") -> Drawn:
    """One row: how much of *most* each is. What is more than nothing is seen; None is a gap."""
    return [(_bar(value, most) * width, "dim" if value is None else style) for value in values]


def _bar(value: float | None, most: float) -> str:
    if value is None:
        return GAP
    height = math.ceil(value / most * (len(BARS) - 1) - 1e-9) if most > 0 else 0
    return BARS[min(len(BARS) - 1, max(0, height))]


def axis(labels: Sequence[str], width: int) -> str:
    """*labels*, the first at the beginning, the last at the end, the others between; those that do not fit are left
    out."""
    row = [" "] * width
    free = 0
    for number, label in enumerate(labels):
        place = round(number * (width - len(label)) / max(1, len(labels) - 1))
        is_last = number == len(labels) - 1
        if place >= free and (is_last or place + len(label) < width - len(labels[-1])):
            row[place : place + len(label)] = label
            free = place + len(label) + 1
    return "".join(row)[:width]
