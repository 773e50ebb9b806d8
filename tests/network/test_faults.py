"""Lines and relays fail under load: no stream notices more than a pause, and new ones go elsewhere.

Verdict by hashes and by what each client saw. Each fault once; how long the pauses are is for bench/.
"""

import hashlib
import json
import random
import threading
from collections.abc import Callable
from typing import Any

import pytest

from ingress.demo.target.content import sha256_of

pytestmark = pytest.mark.network
SIZE = 60_000_000
LINES = [
    {"name": "ix-one", "start": "shanghai", "end": "jp-one", "round_trip": 0.01},
    {"name": "ix-two", "start": "shanghai", "end": "jp-two", "round_trip": 0.02},
    {"name": "one-us", "start": "jp-one", "end": "us-one", "round_trip": 0.02},
    {"name": "two-us", "start": "jp-two", "end": "us-one", "round_trip": 0.03},
]
"""Two disjoint paths to one exit, the first the better; short, so that a test is."""


class Load:
    """A download, an upload and an echo, running while something fails."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self._wrong: list[str] = []
        self._stop = threading.Event()
        self.echoes = 0
        jobs = (self._download, self._upload, self._echo)
        self._threads = [threading.Thread(target=self._run, args=(job,)) for job in jobs]
        for thread in self._threads:
            thread.start()

    def _run(self, job: Callable[[], None]) -> None:
        try:
            job()
        except Exception as error:  # noqa: BLE001 - a thread's verdict is read by the test
            self._wrong.append(f"{job.__name__}: {error!r}")

    def _download(self) -> None:
        found = self._network.get(f"/bytes/{SIZE}")
        assert hashlib.sha256(found).hexdigest() == sha256_of(SIZE)

    def _upload(self) -> None:
        data = random.Random(3).randbytes(SIZE)
        assert json.loads(self._network.get("/hash", body=data))["sha256"] == hashlib.sha256(data).hexdigest()

    def _echo(self) -> None:
        with self._network.connect() as sock:
            sock.sendall(b"POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
            heard = b""
            while not self._stop.is_set():
                word = b"%08d" % self.echoes
                sock.sendall(b"8\r\n%s\r\n" % word)
                while word not in heard:
                    data = sock.recv(4096)
                    assert data, "the echo has ended"
                    heard = heard[-100:] + data
                self.echoes += 1

    def is_running(self) -> bool:
        """Nothing has ended yet, well or badly."""
        return all(thread.is_alive() for thread in self._threads)

    def end(self) -> None:
        """Everything has to come to a good end."""
        self._threads[0].join()
        self._threads[1].join()
        self._stop.set()
        self._threads[2].join()
        assert self._wrong == []

    def until_flowing(self) -> None:
        """Until bytes flow on both."""
        self._network.until(
            lambda answer: min(answer["totals"][way] for way in ("bytes_down", "bytes_up")) > SIZE // 50
        )


@pytest.fixture
def small(start_network: Callable[..., Any]) -> Any:
    network = start_network(LINES, ["us-one"])
    network.until(lambda answer: best(answer).startswith("ix-one"))
    return network


def best(answer: dict[str, Any]) -> str:
    """The path that new streams take."""
    return next((str(path["path"]) for path in answer["paths"] if path["in_band"]), "none")


@pytest.mark.parametrize(
    "fault",
    [
        "cut ix-one",
        "cut ix-one towards",
        "cut ix-one back",
        "cut one-us",
        "reset ix-one",
        "refuse ix-one",
        "freeze ix-one",
        "kill jp-one",
        "freeze jp-one",
        "drain jp-one",
    ],
)
def test_streams_outlive_the_path_they_ride_on(small: Any, fault: str) -> None:
    load = Load(small)
    load.until_flowing()
    assert load.is_running()
    small.order(fault)
    assert small.get("/bytes/1000")  # a new stream, right after
    load.end()
    totals = small.paths()["totals"]
    assert totals["moves"] + totals["resumes"] >= 1
    assert totals["lost"] == {}


def test_streams_wait_while_there_is_no_path_and_go_on_after(small: Any) -> None:
    load = Load(small)
    load.until_flowing()
    small.order("cut *")
    small.until(lambda answer: not any(path["state"] == "up" for path in answer["paths"]))
    small.order("heal *")
    load.end()


def test_streams_outlive_lines_that_come_and_go(small: Any) -> None:
    load = Load(small)
    load.until_flowing()
    for line, other in [("ix-one", "ix-two"), ("ix-two", "ix-one")] * 2:
        small.order(f"cut {line}")
        small.until(lambda answer, line=line: not any(
            path["state"] == "up" for path in answer["paths"] if path["path"].startswith(line)))  # fmt: skip
        small.order(f"heal {line}")
        small.until(lambda answer, other=other: any(
            path["state"] == "up" for path in answer["paths"] if path["path"].startswith(other)))  # fmt: skip
    load.end()


def test_a_killed_relay_comes_back_into_use(small: Any) -> None:
    small.kill("jp-one")
    small.until(lambda answer: best(answer).startswith("ix-two"))
    assert small.get("/bytes/1000")
    small.start("jp-one")
    small.until(lambda answer: all(path["state"] == "up" for path in answer["paths"]))
    assert small.get("/bytes/1000")


def test_a_killed_exit_ends_its_streams_honestly_and_new_ones_go_to_the_other(
    start_network: Callable[..., Any],
) -> None:
    network = start_network()
    lost = next(path["exit"] for path in network.paths()["paths"] if path["in_band"])
    with network.connect() as sock:
        sock.sendall(b"GET /slow/60 HTTP/1.1\r\nHost: t\r\n\r\n")
        assert sock.recv(10)
        network.kill(lost)
        network.until(lambda answer: all(path["state"] != "up" for path in answer["paths"] if path["exit"] == lost))
        assert f"through the exit {lost}" not in network.get("/").decode()
        network.start(lost)  # it knows nothing of the stream, and says so
        with pytest.raises(ConnectionResetError):
            while sock.recv(1000):
                pass
