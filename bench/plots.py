"""Bar charts as SVG text: one bar a system, the median, with a whisker from the least to the most round."""

import statistics
from collections.abc import Mapping, Sequence
from html import escape

from bench.figures import number
from bench.peers import OURS

WIDTH, LEFT, RIGHT, ROW, TOP = 760, 170, 90, 26, 46
FONT = 'font-family="sans-serif" font-size="13"'
COLOURS = {True: "#0b6e4f", False: "#9aa5b1"}


def bars(title: str, unit: str, values: Mapping[str, Sequence[float]]) -> str:
    """A chart of *values* by system; lower or higher being better stands in the title."""
    shown = {name: list(found) for name, found in values.items() if found}
    longest = max((max(found) for found in shown.values()), default=1.0) or 1.0
    height = TOP + ROW * len(shown) + 12
    rows = [
        bar(index, name, found, (WIDTH - LEFT - RIGHT) / longest) for index, (name, found) in enumerate(shown.items())
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {FONT}>',
            f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
            f'<text x="12" y="24" font-weight="bold" fill="#222">{escape(title)} ({escape(unit)})</text>',
            *rows,
            "</svg>\n",
        ]
    )


def bar(index: int, name: str, values: Sequence[float], scale: float) -> str:
    """One system's bar, whisker and number."""
    middle, least, most = statistics.median(values), min(values), max(values)
    y = TOP + ROW * index
    centre = y + ROW / 2 - 3
    is_ours = name == OURS.name
    weight = ' font-weight="bold"' if is_ours else ""
    return "\n".join(
        [
            f'<text x="{LEFT - 8}" y="{centre + 5:.1f}" text-anchor="end" fill="#222"{weight}>{escape(name)}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{middle * scale:.1f}" height="{ROW - 8}" fill="{COLOURS[is_ours]}"/>',
            f'<path d="M{LEFT + least * scale:.1f} {centre:.1f}H{LEFT + most * scale:.1f}" stroke="#222"/>',
            f'<text x="{LEFT + most * scale + 6:.1f}" y="{centre + 5:.1f}" fill="#222"{weight}>{number(middle)}</text>',
        ]
    )
