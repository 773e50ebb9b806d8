"""Datagrams over an emulated line: delay, loss and faults, which no wait mends; connections beside them go on."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.ingress.demo.emulator.test_sockets import connect, is_quiet, receive

Start = Callable[..., Any]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def datagram_socket(stack: ExitStack) -> socket.socket:
    sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(10)
    return sock


def line_to(start_emulator: Start, far: socket.socket, **conditions: object) -> Any:
    return start_emulator(a={"datagrams": far.getsockname()[1], **conditions})


def test_both_ways_to_whoever_sent(start_emulator: Start, stack: ExitStack) -> None:
    far, one, other = (datagram_socket(stack) for _ in range(3))
    emulator = line_to(start_emulator, far, round_trip=0.1)
    port = ("127.0.0.1", emulator.ports["a"])
    for sock, word in ((one, b"one"), (other, b"")):
        sock.sendto(word, port)
        data, source = far.recvfrom(100)
        assert data == word
        far.sendto(data + b"!", source)
        assert sock.recv(100) == word + b"!"


def test_what_is_lost_is_lost(start_emulator: Start, stack: ExitStack) -> None:
    far, near = datagram_socket(stack), datagram_socket(stack)
    emulator = line_to(start_emulator, far)
    assert emulator.command("lose a 100%") == "ok"
    near.sendto(b"gone", ("127.0.0.1", emulator.ports["a"]))
    assert is_quiet(far)
    assert emulator.command("heal a") == "ok"
    near.sendto(b"here", ("127.0.0.1", emulator.ports["a"]))
    assert far.recv(100) == b"here"
    assert emulator.status("a")["datagrams_lost"] == 1


@pytest.mark.parametrize("fault", ["blackhole a towards", "freeze a", "refuse a", "deaf a"])
def test_a_fault_swallows_and_nothing_comes_later(start_emulator: Start, stack: ExitStack, fault: str) -> None:
    far, near = datagram_socket(stack), datagram_socket(stack)
    emulator = line_to(start_emulator, far)
    assert emulator.command(fault) == "ok"
    near.sendto(b"gone", ("127.0.0.1", emulator.ports["a"]))
    assert is_quiet(far)
    assert emulator.command("heal a") == "ok"
    assert is_quiet(far)
    near.sendto(b"here", ("127.0.0.1", emulator.ports["a"]))
    assert far.recv(100) == b"here"


def test_one_way_may_be_cut(start_emulator: Start, stack: ExitStack) -> None:
    far, near = datagram_socket(stack), datagram_socket(stack)
    emulator = line_to(start_emulator, far)
    assert emulator.command("blackhole a back") == "ok"
    near.sendto(b"there", ("127.0.0.1", emulator.ports["a"]))
    data, source = far.recvfrom(100)
    assert data == b"there"
    far.sendto(b"back", source)
    assert is_quiet(near)


def test_a_deaf_line_carries_connections(start_emulator: Start, stack: ExitStack, node: socket.socket) -> None:
    far = datagram_socket(stack)
    emulator = line_to(start_emulator, far)
    assert emulator.command("deaf a") == "ok"
    dialler, accepted = connect(emulator, "a", node)
    with dialler, accepted:
        dialler.sendall(b"by TCP")
        assert receive(accepted, 6) == b"by TCP"


def test_a_policed_line_lets_a_burst_pass(start_emulator: Start, stack: ExitStack) -> None:
    far, near = datagram_socket(stack), datagram_socket(stack)
    emulator = line_to(start_emulator, far)
    assert emulator.command("police a 1KB/s") == "ok"
    for _ in range(8):
        near.sendto(bytes(1000), ("127.0.0.1", emulator.ports["a"]))
    for _ in range(5):
        assert len(far.recv(2000)) == 1000
    assert is_quiet(far)
    assert emulator.command("heal a") == "ok"
    near.sendto(bytes(1000), ("127.0.0.1", emulator.ports["a"]))
    assert len(far.recv(2000)) == 1000


def test_a_full_queue_drops(start_emulator: Start, stack: ExitStack) -> None:
    far, near = datagram_socket(stack), datagram_socket(stack)
    emulator = line_to(start_emulator, far, rate=100_000.0)
    for _ in range(100):
        near.sendto(bytes(1000), ("127.0.0.1", emulator.ports["a"]))
    received = 0
    far.settimeout(1)
    try:
        while far.recv(2000):
            received += 1
    except TimeoutError:
        pass
    assert 5 <= received < 60
    assert emulator.status("a")["datagrams_lost"] == 100 - received


def test_nobody_at_the_node_breaks_nothing(start_emulator: Start, stack: ExitStack) -> None:
    far, near = datagram_socket(stack), datagram_socket(stack)
    place = far.getsockname()
    emulator = line_to(start_emulator, far)
    far.close()
    for _ in range(3):
        near.sendto(b"nobody", ("127.0.0.1", emulator.ports["a"]))
        assert is_quiet(near, 0.05)
    again = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    again.bind(place)
    again.settimeout(10)
    near.sendto(b"somebody", ("127.0.0.1", emulator.ports["a"]))
    near.sendto(b"somebody", ("127.0.0.1", emulator.ports["a"]))
    assert again.recv(100) == b"somebody"
