"""Lines and relays fail under load: no stream notices more than a pause, and new ones go elsewhere.

Verdict by comparing every byte, and by what each client saw. Each fault once, one after another on one network; the
same in every combination is test_matrix.py. How long the pauses are is for bench/.
"""

import signal
import socket
from collections.abc import Iterator

import pytest

from tests.network.clients import read_all, receive
from tests.network.faults import FAULTS, strike
from tests.network.load import Load
from tests.network.network import DOWN, Network, best

pytestmark = pytest.mark.network


@pytest.mark.parametrize("fault", FAULTS)
def test_streams_outlive_the_path_they_ride_on(breakable: Network, fault: str) -> None:
    before = breakable.paths()["totals"]
    load = Load(breakable)
    load.until_flowing()
    strike(breakable, fault)
    breakable.until(lambda answer: left(answer["totals"]) > left(before))
    load.until_past()
    load.end()
    assert breakable.paths()["totals"]["lost"] == before["lost"]


def left(totals: dict[str, int]) -> int:
    """How many streams have gone on elsewhere."""
    return totals["moves"] + totals["resumes"]


def test_streams_wait_while_there_is_no_path_and_go_on_after(breakable: Network) -> None:
    load = Load(breakable, ("download", "upload", "echo"))
    load.until_flowing()
    breakable.order("cut *")
    breakable.until(lambda answer: all(path["state"] in DOWN for path in answer["paths"]))
    breakable.order("heal *")
    load.until_past()
    load.end()


def test_streams_outlive_lines_that_come_and_go(breakable: Network) -> None:
    load = Load(breakable)
    load.until_flowing()
    for line in ("ix-one", "ix-two", "ix-one"):
        breakable.order(f"cut {line}")
        breakable.until(lambda answer, line=line: not ups(answer, line))  # type: ignore[misc]
        breakable.order(f"heal {line}")
        breakable.until(lambda answer, line=line: len(ups(answer, line)) == 2)  # type: ignore[misc]
    load.until_past()
    load.end()


def ups(answer: dict[str, list[dict[str, str]]], line: str) -> list[str]:
    """The paths over *line* that may be used."""
    return [path["path"] for path in answer["paths"] if line in path["path"] and path["state"] in ("up", "held")]


def test_a_killed_relay_comes_back_into_use(breakable: Network) -> None:
    breakable.kill("jp-two")
    breakable.until(lambda answer: not ups(answer, "ix-two"))
    breakable.start("jp-two")
    breakable.until(lambda answer: len(ups(answer, "ix-two")) == 2)
    breakable.order("cut ix-one")
    breakable.until(lambda answer: "ix-two" in best(answer))
    assert breakable.get("/bytes/1000")


@pytest.fixture
def dripping(breakable: Network) -> Iterator[tuple[socket.socket, str]]:
    """A stream whose target speaks ten times a second, and its exit."""
    exit_name = breakable.get("/").decode().partition("through the exit ")[2].partition(".")[0]
    with breakable.connect() as sock:
        sock.sendall(b"GET /slow/60 HTTP/1.1\r\nHost: t\r\n\r\n")
        receive(sock, 10)
        yield sock, exit_name


def test_a_killed_exit_ends_its_streams_at_once_and_new_ones_go_to_the_other(
    breakable: Network, dripping: tuple[socket.socket, str]
) -> None:
    stream, lost = dripping
    breakable.kill(lost)
    stream.settimeout(10)
    with pytest.raises(ConnectionResetError):
        read_all(stream)
    assert b"through the exit us-" in breakable.get("/")
    assert breakable.paths()["totals"]["lost"]


def test_a_drained_exit_lets_its_streams_end_and_takes_no_new_ones(
    breakable: Network, dripping: tuple[socket.socket, str]
) -> None:
    stream, leaving = dripping
    breakable.signal(leaving, signal.SIGTERM)
    breakable.until(lambda answer: any(node["draining"] for node in answer["nodes"] if node["node"] == leaving))
    assert f"through the exit {leaving}".encode() not in breakable.get("/")
    receive(stream, 10)
    breakable.signal(leaving, signal.SIGTERM)  # it has said it once; now it means it
    stream.settimeout(10)
    with pytest.raises(ConnectionResetError):
        read_all(stream)
    assert breakable.wait(leaving) == 0
