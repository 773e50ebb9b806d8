"""Memory is a bound: real resident memory of real processes, with clients that read nothing; and nobody else is hurt.

At a modest scale; `./run bench paused` has the larger one.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.network.clients import PATIENCE, open_socks5, receive
from tests.network.files import with_table
from tests.network.network import INGRESS, Network, until

pytestmark = pytest.mark.network

MIB = 2**20
MEMORY = 8 * MIB
CLIENTS = 150
KERNEL = 4096
"""Bytes that clients have their kernel buffer."""
PIECE = 64 * 1024 * 1024
"""Bytes of an answer: more than anybody takes."""
EACH = 16 * 1024


def resident(pid: int) -> int:
    """Bytes of memory that the kernel has given to a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def small(start_network: Callable[..., Network]) -> Network:
    """A network of its own, whose ingress has little memory."""
    network = start_network()
    network.reload(with_table(network.original, "[limits]", f'memory = "{MEMORY // MIB}MiB"'))
    return network


@pytest.fixture
def silent(small: Network) -> Iterator[Callable[[], socket.socket]]:
    """Opens clients that ask for a long answer and read nothing of it."""
    with ExitStack() as stack:

        def ask() -> socket.socket:
            sock = stack.enter_context(socket.socket())
            sock.settimeout(PATIENCE)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL)
            sock.connect(small.proxy)
            open_socks5(sock, *small.target)
            return sock

        yield ask


def request(sock: socket.socket) -> None:
    """For more than anybody takes."""
    sock.sendall(f"GET /bytes/{PIECE} HTTP/1.1\r\nHost: t\r\n\r\n".encode())


def has_come_to_rest(network: Network) -> Callable[[], bool]:
    """Whether all clients were given something, and nothing was passed on since it was asked last."""
    before = [-1]

    def look() -> bool:
        now = network.paths()["totals"]["bytes_down"]
        same = now > CLIENTS * EACH and now - before[0] < 200_000  # pings go on
        before[0] = now
        return same

    return look


@pytest.mark.parametrize("is_later", [False, True], ids=["at once", "opened first"])
def test_b2_clients_that_read_nothing_cost_what_was_said_and_newcomers_are_served(
    small: Network, silent: Callable[[], socket.socket], is_later: bool
) -> None:
    bystander = small.connect()
    bystander.sendall(b"POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nping\r\n")
    pids = [small.pid(node) for node in (INGRESS, *small.nodes)]
    before = [resident(pid) for pid in pids]
    clients = []
    for _ in range(CLIENTS):
        clients.append(silent())
        if not is_later:
            request(clients[-1])
    for client in clients if is_later else ():
        request(client)
    until(has_come_to_rest(small))
    grown = [resident(pid) - was for pid, was in zip(pids, before, strict=True)]
    assert grown[0] <= MEMORY + EACH * CLIENTS + 16 * MIB, grown
    assert max(grown[1:]) <= MEMORY + EACH * CLIENTS + 16 * MIB, grown
    assert len(small.get("/bytes/300000")) == 300_000
    bystander.sendall(b"4\r\npong\r\n")
    heard = b""
    while b"pong" not in heard:
        heard += receive(bystander, 1)
    bystander.close()
    receive(clients[0], 100_000)  # who reads again is served
    receive(clients[-1], 1_000_000)
