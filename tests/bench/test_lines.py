"""The lines of the measures are as long and as wide as they say, seen by the load generator itself."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import load
from bench.lines import EmulatedLine, running_lines
from bench.topology import HOST, Weather, free_ports

pytestmark = pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler")

MIB = 1 << 20
PORTS = free_ports()


@pytest.fixture(scope="module")
def node() -> Iterator[int]:
    """The port of a target."""
    port = next(PORTS)
    with load.started("target", f"{HOST}:{port}"):
        yield port


def test_a_line_takes_a_round_trip_to_dial_and_one_to_answer(node: int, tmp_path: Path) -> None:
    line = EmulatedLine(next(PORTS), node, Weather(0.040))
    with running_lines(tmp_path, [line]):
        result = load.connections(f"direct:{HOST}:{line.entry}", f"{HOST}:{node}", 3, 1)
    assert result["errors"] == 0
    assert result["least"] >= 0.080


def test_a_line_keeps_the_bytes_and_its_rate(node: int, tmp_path: Path) -> None:
    line = EmulatedLine(next(PORTS), node, Weather(0.002, rate=80))
    with running_lines(tmp_path, [line]):
        result = load.bulk("down", f"direct:{HOST}:{line.entry}", f"{HOST}:{node}", 2 * MIB, 2)
    assert result["seconds"] >= 2 * MIB / 10e6 * 0.9


def test_an_emulator_that_cannot_listen_is_a_failure(node: int, tmp_path: Path) -> None:
    with (
        pytest.raises(load.Failed, match="did not start"),
        running_lines(tmp_path, [EmulatedLine(node, node, Weather(0))]),
    ):
        pass
