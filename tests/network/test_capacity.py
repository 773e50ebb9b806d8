"""Downloads over a thin line and a thick one, of which nobody has told what they carry."""

from collections.abc import Callable
from typing import Any

from tests.network.network import INGRESS, Network, has_one_best

LINES: list[dict[str, object]] = [
    {"name": "thin", "start": INGRESS, "end": "us", "round_trip": 0.10},
    {"name": "thick", "start": INGRESS, "end": "us", "round_trip": 0.12},
]
RATES = {"thin": 1e6, "thick": 8e6}
SIZE = 8_000_000


def came(network: Network) -> dict[str, int]:
    """Bytes that have come over each path."""
    return {str(path["path"]): int(path["bytes_down"]) for path in network.paths()["paths"]}


def download(network: Network) -> str:
    """The path that brought most of one."""
    before = came(network)
    assert len(network.get(f"/bytes/{SIZE}")) == SIZE
    after = came(network)
    return max(after, key=lambda path: after[path] - before[path])


def carried(answer: dict[str, Any], line: str) -> float:
    """Bytes per second that *line* was seen to bring."""
    (row,) = (row for row in answer["lines"] if row["line"] == line)
    return max((float(one["least"]) for one in row["carries"] if one["start"] == "us"), default=0.0)


def test_the_thick_line_takes_downloads_from_the_second_on_and_after_a_restart_as_well(
    start_network: Callable[..., Network],
) -> None:
    network = start_network(LINES, ["us"])
    network.until(has_one_best)
    for line, rate in RATES.items():
        network.order(f"rate {line} {rate / 1e3:.0f}KB/s")
    assert [download(network) for _ in range(3)] == ["thin", "thick", "thick"]
    answer = network.until(lambda answer: carried(answer, "thick") > 1.5 * RATES["thin"])
    assert 0.3 * RATES["thin"] < carried(answer, "thin") < 1.3 * RATES["thin"]
    network.order(f"drain {INGRESS}")
    network.wait(INGRESS)
    network.start(INGRESS)
    again = network.until(lambda answer: has_one_best(answer) and carried(answer, "thick"))
    assert 0.9 < carried(again, "thick") / carried(answer, "thick") < 1.1
    assert download(network) == "thick"
