"""`python -m bench page`: CPU of an ingress of 64 paths and 2,000 streams, with the page shut, with its first view
open, and with its list of streams open."""

import argparse
import http.client
import json
import pathlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median

from bench.contest import Contestant, opened_field
from bench.crowd import PATHS, held_streams, started
from bench.page.paged import TOKEN, Paged
from bench.processes import spent
from bench.results import describe_machine
from bench.topology import HOST, free_ports

STREAMS = 2_000
SETTLE = 20.0
"""Seconds before the first reading: until then what was just opened counts as speaking."""
WINDOW = 10.0
ROUNDS = 5
LOOK = 6.0
"""Seconds between two questions of the page for so many streams: ingress/web/page/streams.js."""


def main(arguments: Sequence[str]) -> int:
    """Measure and print; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench page", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of each of the three (default: {ROUNDS})")
    rounds = parser.parse_args(arguments).rounds
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder, opened_field() as field:
        peer = Paged(pathlib.Path(folder), next(free_ports()))
        contestant = started(field, peer)
        with held_streams(contestant, STREAMS) as (opened, _):
            time.sleep(SETTLE)
            found = _measured(contestant, peer, rounds)
    print(f"{PATHS} paths, {opened:.0f} streams, windows of {WINDOW:g} s in turns, {rounds} rounds; medians:")
    base = median(found["shut"])
    for name, shares in found.items():
        print(f"page {name}: {median(shares):.2%} of a core (beyond shut: {median(shares) - base:.2%})")
    return 0


def _measured(contestant: Contestant, peer: Paged, rounds: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"shut": [], "with the network": [], "with the streams": []}
    for _ in range(rounds):
        found["shut"].append(_share(contestant))
        with _visitor(lambda: _listen(peer)):
            found["with the network"].append(_share(contestant))
            with _visitor(lambda: _look(peer)):
                found["with the streams"].append(_share(contestant))
    return found


def _share(contestant: Contestant) -> float:
    """Of a core, that the ingress takes."""
    before, began = contestant.running.cpu(), time.monotonic()
    time.sleep(WINDOW)
    return spent(contestant.running.cpu(), before)["ingress"] / (time.monotonic() - began)


@contextmanager
def _visitor(steps: Callable[[], Iterator[None]]) -> Iterator[None]:
    """Somebody who goes on with *steps* until the end."""
    ended, doing = threading.Event(), steps()

    def visit() -> None:
        for _ in doing:
            if ended.is_set():
                return

    thread = threading.Thread(target=visit, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _listen(peer: Paged) -> Iterator[None]:
    """Takes what moves, as it comes."""
    connection = _connected(peer)
    connection.request("GET", "/api/v1/live", headers={"Authorization": f"Bearer {TOKEN}"})
    answer = connection.getresponse()
    while answer.readline():
        yield
    connection.close()


def _look(peer: Paged) -> Iterator[None]:
    """Asks for all streams every LOOK seconds."""
    connection = _connected(peer)
    while True:
        connection.request("GET", "/api/v1/streams", headers={"Authorization": f"Bearer {TOKEN}"})
        if not json.loads(connection.getresponse().read())["streams"]:
            raise SystemExit("no streams are told")
        yield
        time.sleep(LOOK)


def _connected(peer: Paged) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(HOST, peer.page, timeout=30)
