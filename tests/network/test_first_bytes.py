"""Two exits that connect to a site alike, and are answered by edges that are not: real processes."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ingress.choice.choice import Basis
from tests.network.clients import PATIENCE, open_socks5, receive
from tests.network.network import Network, until

pytestmark = pytest.mark.network

LINES = [
    {"name": "one", "start": "shanghai", "end": "us-one", "round_trip": 0.010},
    {"name": "two", "start": "shanghai", "end": "us-two", "round_trip": 0.020},
]
EDGES = {"127.0.1.1": (b"1", 0.15), "127.0.1.2": (b"2", 0.0)}
"""Where each exit finds the site: what is answered there, and how late."""


def edge(listener: socket.socket, answer: bytes, late: float, over: threading.Event) -> None:
    """Answer one byte by another, until it is closed."""
    with contextlib.suppress(OSError):
        while True:
            sock, _ = listener.accept()
            with sock:
                if sock.recv(1):
                    over.wait(late)
                    sock.sendall(answer)


@pytest.fixture
def site() -> Iterator[int]:
    """The port of both edges."""
    over = threading.Event()
    with contextlib.ExitStack() as stack:
        port, threads = 0, []
        for address, (answer, late) in EDGES.items():
            listener = stack.enter_context(socket.create_server((address, port)))
            port = listener.getsockname()[1]
            threads.append(threading.Thread(target=edge, args=(listener, answer, late, over)))
            stack.callback(listener.shutdown, socket.SHUT_RDWR)
        for thread in threads:
            thread.start()
        yield port
        over.set()
    for thread in threads:
        thread.join()


def test_clients_move_to_the_exit_by_which_a_site_answers_sooner(
    start_network: Callable[..., Network], site: int
) -> None:
    network = start_network(LINES, ["us-one", "us-two"])

    def answered(client: str) -> bytes:
        """By which edge one exchange of *client* was answered."""
        with socket.create_connection(network.proxy, PATIENCE, (client, 0)) as sock:
            open_socks5(sock, "target.test", site)
            sock.sendall(b"?")
            return receive(sock, 1)

    def why() -> dict[str, Any]:
        asked = {"ask": "why", "target": f"target.test:{site}", "client": "", "user": "", "listen": ""}
        answer: dict[str, Any] = json.loads(Network.ask(network.admin, json.dumps(asked)))
        return answer

    assert answered("127.0.0.2") == b"1"
    until(lambda: answered("127.0.0.2") and Basis.TRIAL.value in why()["reason"], why)
    assert answered("127.0.0.2") == b"1"  # a client that has an exit keeps it
    until(lambda: answered("127.0.0.3") == answered("127.0.0.2") == b"2", why)  # until it is known to be slow
    (slow,) = [row for row in why()["candidates"] if row["exit"] == "us-one"]
    (term,) = [term for term in slow["terms"] if term["name"] == "first byte"]
    assert term["value"] > 0.1 and "longer than by us-two" in term["note"]
