"""The measure of many streams and paths: its network has as many paths as it says, and its figures add up."""

import pathlib
import random
import subprocess
import tomllib

import pytest

from bench import crowd
from bench.choosing import WEATHERS, crossed_paths, drawn_figures, quantiles, time_choosing
from bench.goals import own_growth
from bench.measures.scale import Scale, memory_each, shortfall
from bench.peers import OURS
from bench.peers.ours import ManyLines, tool
from bench.results import Result, Row
from bench.topology import HOST, Hop, Place, make_certificate
from bench.wire import HEADERS, sum_bytes
from relay.model.walk import MOST_PATHS


def test_the_network_has_all_the_paths_that_are_measured(tmp_path: pathlib.Path) -> None:
    place = Place(tmp_path, make_certificate(tmp_path), 21000, [Hop("hop1", 1, 2), Hop("exit", 3, 4)], f"{HOST}:5")
    assert [command.role for command in ManyLines(crowd.LINES).commands(place)] == ["hop1", "exit", "ingress"]
    file = tmp_path / "paths.toml"
    starts = [line["from"] for line in tomllib.loads(file.read_text())["line"].values()]
    assert starts.count("entry") * starts.count("hop1") == crowd.PATHS == MOST_PATHS
    check = [tool("ingress"), "check", "--config", file, "--keys", tmp_path / "keys"]
    told = subprocess.run(check, check=False, capture_output=True, text=True)
    assert (told.returncode, told.stderr) == (0, "")


@pytest.mark.parametrize(("files", "count"), [(1_000_000, crowd.STREAMS), (5000, 5000 - crowd.SPARE)])
def test_no_more_streams_than_the_machine_allows(files: float, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "limits", lambda: {"files": files, "ports": 28_232.0})
    assert crowd.possible_streams() == count


def test_fewer_streams_than_meant_are_told_with_the_reason() -> None:
    row = Row(rounds=[{"wanted": 4600.0, "limit.files": 5000.0, "limit.ports": 28_232.0}])
    assert shortfall(row).startswith("4 600 streams instead of 20 000: a process here may have 5 000 descriptors")
    row.rounds[0]["wanted"] = float(crowd.STREAMS)
    assert shortfall(row) == "" == shortfall(Row())


def test_memory_is_that_of_all_streams_beyond_that_of_none() -> None:
    parts = ("all", "ingress", "middle", "exit")
    numbers = {f"{load}.memory.{part}": size for load, size in (("none", 100.0), ("full", 300.0)) for part in parts}
    assert memory_each(numbers, 50) == dict.fromkeys(parts, 4.0)


def test_growth_is_taken_round_by_round() -> None:
    rows = {OURS.name: Row(rounds=[{"none.seen": 2.0, "full.seen": 3.0}, {"none.seen": 2.0}, {"full.seen": 3.0}])}
    assert own_growth("full.seen", "none.seen")(Result("scale", "", "", rows)) == ([1.5], "")


def test_payload_and_headers_of_all_connections_are_summed() -> None:
    first = (
        "ESTAB 0 0 127.0.0.1:1 127.0.0.1:2\n\t bbr rto:200 bytes_sent:70 bytes_acked:70 bytes_received:30 segs_out:3"
    )
    second = "\nESTAB 0 0 127.0.0.1:1 127.0.0.1:3\n\t bytes_received:100 segs_out:1 segs_in:3 data_segs_in:1\n"
    assert sum_bytes(first + second) == 200 + 7 * HEADERS
    assert sum_bytes("") == 0


def test_every_path_is_drawn_and_as_equal_as_its_weather() -> None:
    paths = crossed_paths(3)
    assert len({path.name for path in paths}) == 9
    figures = drawn_figures(paths, WEATHERS["rated"], random.Random(1))
    assert [one.path for one in figures] == paths
    assert {one.is_full for one in figures} == {False, True}


def test_equal_paths_are_all_in_the_band_and_unequal_ones_are_not() -> None:
    found = {name: time_choosing(4, weather) for name, weather in WEATHERS.items()}
    assert found["equal"]["band"] == found["rated"]["band"] == 16
    assert found["unequal"]["band"] < 16
    assert all(0 < one["choose.p50"] <= one["choose.p99"] for one in found.values())


def test_quantiles_of_a_hundred_values() -> None:
    assert quantiles("x", [float(value) for value in reversed(range(100))]) == {"x.p50": 50.0, "x.p99": 99.0}


def test_what_was_read_before_a_failure_is_shown_with_the_reason() -> None:
    row = Row(rounds=[{"rated.choose.p50": 9.5e-6, "none.seen": 9e7}], error="the exit ended")
    text = Scale().tables(Result("scale", "", "", {OURS.name: row}))
    assert "| **ingress** | not measured: the exit ended |" in text
    assert "| all equal, of known rates | – | 9.5 |" in text
