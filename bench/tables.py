"""Markdown tables of results."""

from collections.abc import Callable, Sequence

from bench.figures import median, number, ratios, spread
from bench.peers import OURS
from bench.results import Result, Row

Column = tuple[str, Callable[[Row], str]]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def compare(result: Result, columns: Sequence[Column], needs: str) -> str:
    """One row for each system: its figures, if it has *needs*, or why it has none; then what did not come to its end,
    which no report is made of."""
    body = []
    for name, row in result.rows.items():
        if row.values(needs):
            body.append([bold(name), *(cell(row) for _, cell in columns)])
        elif row.error:
            body.append([bold(name), *unmeasured(row.error, len(columns))])
    cut = [f"- {name}: {row.error}\n" for name, row in result.rows.items() if row.error and row.values(needs)]
    text = table(["system", *(title for title, _ in columns)], body)
    return text + ("\nNot to the end:\n\n" + "".join(cut) if cut else "")


def unmeasured(why: str, width: int) -> list[str]:
    """So many cells that say, in place of figures, why there are none."""
    return [f"not measured: {' '.join(why.replace('|', '/').split())}", *["–"] * (width - 1)]


def bold(name: str) -> str:
    """Ours stands out."""
    return f"**{name}**" if name == OURS.name else name


def column(title: str, key: str, scale: float = 1.0) -> Column:
    """A figure with its spread."""
    return title, lambda row: spread(row.values(key), scale)


def against(result: Result, title: str, key: str) -> Column:
    """A figure as a multiple of ours in the same round, with its spread."""
    ours = result.rows.get(OURS.name, Row())
    return title, lambda row: spread(ratios(row, ours, key)) if ours.rounds else "–"


def split(title: str, key: str, scale: float = 1.0) -> Column:
    """The medians at ingress, middle nodes together, exit."""

    def cell(row: Row) -> str:
        middles = [median(row.values(f"{key}.{part}")) for part in ("ingress", "middle", "exit")]
        return " / ".join("–" if middle is None else number(middle * scale) for middle in middles)

    return title, cell
