"""docs/protocol.md and the code give out the same numbers."""

import re
from enum import IntEnum
from pathlib import Path

import pytest

from relay.wire.codes import Feature, Purpose, Reason, Tag
from relay.wire.frames import Kind
from relay.wire.versions import NEWEST

TEXT = (Path(__file__).parents[3] / "docs" / "protocol.md").read_text()


def table(heading: str) -> dict[int, str]:
    """Number and name of every row of the table whose first column is *heading*, as the code writes them; not those
    that are only reserved."""
    (found,) = re.findall(rf"^\| {heading} \|.*\n\| ---.*\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in found.splitlines()]
    return {int(row[0]): row[1].upper().replace(" ", "_") for row in rows if row[-1] != "reserved"}


@pytest.mark.parametrize(("heading", "codes"), [("kind", Kind), ("tag", Tag), ("purpose", Purpose), ("reason", Reason)])
def test_the_register_is_that_of_the_code(heading: str, codes: type[IntEnum]) -> None:
    assert table(heading) == {int(code): code.name for code in codes}


def test_features() -> None:
    assert table("feature bit") == {feature.bit_length() - 1: feature.name for feature in Feature}


def test_the_version() -> None:
    assert f"Version of this text: **{NEWEST}**." in TEXT
