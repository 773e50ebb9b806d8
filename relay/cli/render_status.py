"""The answer of a node to `status` as text: how it is, who is connected, what its lines carry, what it refused."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from relay.cli.render_units import DASH, age, milliseconds, share_lost, size

Row = Mapping[str, Any]

TELLING = 10_000
"""Segments of which a share is told."""
ENOUGH = 4 << 20
"""Bytes that should be able to wait to be read at a UDP port: 40 ms at a gigabit."""
COLUMNS = 80
"""Of the terminal that texts are wrapped for."""


def status_text(answer: Row) -> str:
    """Everything but what is zero and says nothing."""
    return "\n".join(
        (
            *_wrapped(*_head(answer), *_vitals(answer["vitals"]), _datagrams(answer["datagrams"])),
            "",
            *_connected(answer["connected"]),
            "",
            *_lines(answer["lines"]),
            "",
            *_wrapped(
                f"refused carriers: {_counts(answer['refusals'])}",
                f"targets not reached: {_counts(answer['failures'])}",
                f"counted: {_counts(answer['counters'])}",
            ),
        )
    )


def _wrapped(*texts: str) -> list[str]:
    """*texts* in rows of a screen."""
    return [row for text in texts for row in textwrap.wrap(text, COLUMNS, subsequent_indent="  ")]


def _head(answer: Row) -> tuple[str, str]:
    kind = "an exit" if answer["exit"] else "a relay"
    drains = ", draining" if answer["draining"] else ""
    since = age(answer["vitals"]["up"])
    return (
        f"{answer['node']}: {kind}{drains}, up for {since}, program {answer['program']}",
        f"file {answer['serial']} ({answer['digest']}), certificate until {answer['certificate_ends'][:10]}",
    )


def _vitals(vitals: Row) -> tuple[str, str]:
    memory, descriptors = vitals["memory"], vitals["descriptors"]
    resident = "not known" if vitals["resident"] is None else size(vitals["resident"])
    return (
        f"memory {resident}, of which streams hold {size(memory['used'])} of {size(memory['limit'])}; "
        f"descriptors {descriptors['used']} of {descriptors['limit']}",
        f"processor {vitals['cpu']:.1f} s used, load {vitals['load']:.2f}; "
        f"late by {milliseconds(vitals['lag'], 1)} ms now, {milliseconds(vitals['worst_lag'], 1)} in the last minutes",
    )


def _datagrams(row: Row) -> str:
    """Where they come and how many; and what makes them dear or lose them."""
    if not row["addresses"]:
        return "datagrams: none, since no UDP port could be had"
    told = f"datagrams at {', '.join(row['addresses'])}: {row['labels']} labels, {row['associations']} associations, "
    told += f"{row['received']} in, {row['sent']} out"
    if not row["segments"]:
        told += "; sent one by one, since a device takes none together"
    if row["buffer"] < ENOUGH:
        told += f"; only {size(row['buffer'])} may wait to be read: let net.core.rmem_max be {ENOUGH} (see deploy/)"
    return told


def _connected(rows: Sequence[Row]) -> list[str]:
    if not rows:
        return ["no ingress is connected"]
    names = ("ingress", "sessions", "carriers", "streams", "passed_on")
    return _table([name.replace("_", " ") for name in names], [[row[name] for name in names] for row in rows])


def _lines(rows: Sequence[Row]) -> list[str]:
    if not rows:
        return ["no line leads here or starts here"]
    return _table(("line", "carriers", "in", "out", "lost", "dial ms", "ago", ""), [_line(row) for row in rows])


def _line(row: Row) -> list[object]:
    when = DASH if row["age"] is None else age(row["age"])
    carried = [row["carriers"], size(row["bytes_in"]), size(row["bytes_out"]), _lost(row["sent"])]
    return [row["line"], *carried, milliseconds(row["dial"], 1), when, row["error"] or ""]


def _lost(sent: Row | None) -> str:
    """What did not arrive of all that this node has sent over a line, once that tells one in a thousand."""
    if sent is None or sent["segments"] < TELLING:
        return DASH
    return share_lost(max(0, sent["retransmitted"] - sent["needless"]) / sent["segments"])


def _counts(counts: Mapping[str, int]) -> str:
    said = [f"{name.replace('_', ' ')} {count}" for name, count in counts.items() if count]
    return ", ".join(said) or "none"


def _table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Columns, of which the first and a nameless last are texts and the others numbers."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    are_texts = [at == 0 or name == "" for at, name in enumerate(header)]
    return [_row(row, widths, are_texts) for row in cells]


def _row(cells: Sequence[str], widths: Sequence[int], are_texts: Sequence[bool]) -> str:
    places = zip(cells, widths, are_texts, strict=True)
    return "  ".join(cell.ljust(width) if is_text else cell.rjust(width) for cell, width, is_text in places).rstrip()
