"""The emulator's process and real sockets: what a dialler and a node see of each kind of line and fault."""

import errno
import hashlib
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

SUCCEEDED = b"\x05\x00\x00\x01" + bytes(6)
REFUSED = b"\x05\x05\x00\x01" + bytes(6)
Start = Callable[..., Any]


def receive(sock: socket.socket, size: int) -> bytes:
    """Exactly *size* bytes, or fewer before FIN."""
    found = b""
    while len(found) < size and (data := sock.recv(size - len(found))):
        found += data
    return found


def connect(emulator: Any, line: str, node: socket.socket) -> tuple[socket.socket, socket.socket]:
    """Both ends of a connection over *line*: the dialler's, the node's."""
    dialler = emulator.dial(line, node.getsockname())
    accepted, _ = node.accept()
    accepted.settimeout(10)
    assert receive(dialler, 10) == SUCCEEDED
    return dialler, accepted


def is_quiet(sock: socket.socket, seconds: float = 0.15) -> bool:
    """Nothing comes, neither bytes nor an end, for *seconds*."""
    sock.settimeout(seconds)
    try:
        sock.recv(1)
    except TimeoutError:
        return True
    finally:
        sock.settimeout(10)
    return False


def test_a_dial_is_answered_one_round_trip_later(start_emulator: Start, node: socket.socket) -> None:
    emulator = start_emulator(a={"round_trip": 0.1})
    began = time.perf_counter()
    dialler, accepted = connect(emulator, "a", node)
    assert 0.1 <= time.perf_counter() - began < 1.0
    dialler.close()
    accepted.close()


def test_bytes_take_half_a_round_trip_each_way(start_emulator: Start, node: socket.socket) -> None:
    emulator = start_emulator(a={"round_trip": 0.04})
    dialler, accepted = connect(emulator, "a", node)
    with dialler, accepted:
        times = []
        for _ in range(10):
            began = time.perf_counter()
            dialler.sendall(b"ping")
            assert receive(accepted, 4) == b"ping"
            middle = time.perf_counter()
            accepted.sendall(b"pong")
            assert receive(dialler, 4) == b"pong"
            times.append((middle - began, time.perf_counter() - middle))
        assert min(min(pair) for pair in times) >= 0.02
        assert min(max(pair) for pair in times) < 0.03


def test_many_bytes_cross_both_ways_unchanged(start_emulator: Start, node: socket.socket) -> None:
    emulator = start_emulator(a={"round_trip": 0.01, "jitter": 0.004, "loss": 0.001})
    dialler, accepted = connect(emulator, "a", node)
    data = os.urandom(3_000_000)

    def send(sock: socket.socket) -> None:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)

    with dialler, accepted:
        threads = [threading.Thread(target=send, args=(sock,)) for sock in (dialler, accepted)]
        for thread in threads:
            thread.start()
        for sock in (accepted, dialler):
            assert hashlib.sha256(receive(sock, len(data) + 1)).digest() == hashlib.sha256(data).digest()
        for thread in threads:
            thread.join()
    assert emulator.status("a")["bytes_towards"] == emulator.status("a")["bytes_back"] == len(data)


def test_half_close_crosses_and_the_other_way_stays_open(start_emulator: Start, node: socket.socket) -> None:
    dialler, accepted = connect(start_emulator(a={"round_trip": 0.01}), "a", node)
    with dialler, accepted:
        dialler.sendall(b"question")
        dialler.shutdown(socket.SHUT_WR)
        assert receive(accepted, 100) == b"question"
        accepted.sendall(b"answer")
        accepted.shutdown(socket.SHUT_WR)
        assert receive(dialler, 100) == b"answer"


@pytest.mark.parametrize("half_closed", [False, True])
def test_a_reset_crosses_as_a_reset(start_emulator: Start, node: socket.socket, half_closed: bool) -> None:
    dialler, accepted = connect(start_emulator(a={"round_trip": 0.01}), "a", node)
    with accepted:
        if half_closed:
            dialler.shutdown(socket.SHUT_WR)
            assert accepted.recv(1) == b""
        dialler.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        dialler.close()
        poll = select.poll()
        poll.register(accepted, 0)  # POLLHUP and POLLERR are told unasked
        assert poll.poll(10_000)
        assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in (errno.ECONNRESET, errno.EPIPE)


def test_a_node_that_is_not_there_refuses_the_dial(start_emulator: Start, node: socket.socket) -> None:
    emulator, address = start_emulator(a={"round_trip": 0.02}), node.getsockname()
    node.close()
    with emulator.dial("a", address) as dialler:
        assert receive(dialler, 11) == REFUSED


def test_a_black_hole_closes_nothing_and_everything_goes_on_after(start_emulator: Start, node: socket.socket) -> None:
    emulator = start_emulator(a={"round_trip": 0.02})
    dialler, accepted = connect(emulator, "a", node)
    with dialler, accepted:
        assert emulator.command("blackhole a") == "ok"
        dialler.sendall(b"held back")
        dialler.shutdown(socket.SHUT_WR)
        with emulator.dial("a", node.getsockname()) as other:
            assert is_quiet(accepted) and is_quiet(other)
            assert emulator.command("heal a") == "ok"
            assert receive(accepted, 100) == b"held back"
            assert receive(other, 10) == SUCCEEDED
            node.accept()[0].close()


@pytest.mark.parametrize("way", ["towards", "back"])
def test_a_black_hole_of_one_way_lets_the_other_pass(start_emulator: Start, node: socket.socket, way: str) -> None:
    emulator = start_emulator(a={"round_trip": 0.02})
    dialler, accepted = connect(emulator, "a", node)
    with dialler, accepted:
        assert emulator.command(f"blackhole a {way}") == "ok"
        dialler.sendall(b"towards")
        accepted.sendall(b"back")
        passes, held = (dialler, accepted) if way == "towards" else (accepted, dialler)
        assert receive(passes, 4) in (b"back", b"towa")
        assert is_quiet(held)


def test_a_peer_that_dies_in_a_black_hole_is_noticed_only_after(start_emulator: Start, node: socket.socket) -> None:
    emulator = start_emulator(a={"round_trip": 0.02})
    dialler, accepted = connect(emulator, "a", node)
    with accepted:
        emulator.command("blackhole a")
        dialler.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        dialler.close()
        assert is_quiet(accepted)
        emulator.command("heal a")
        with pytest.raises(ConnectionResetError):
            accepted.recv(1)


def test_a_frozen_line_answers_dials_and_carries_nothing(start_emulator: Start, node: socket.socket) -> None:
    emulator = start_emulator(a={"round_trip": 0.02})
    emulator.command("freeze a")
    dialler, accepted = connect(emulator, "a", node)
    with dialler, accepted:
        dialler.sendall(b"x")
        assert is_quiet(accepted)


def test_reset_and_refuse_are_real_resets_and_refusals(start_emulator: Start, node: socket.socket) -> None:
    emulator = start_emulator(a={"round_trip": 0.02}, b={})
    for command, answer in (("reset a", SUCCEEDED), ("refuse a", REFUSED)):
        pair = connect(emulator, "a", node)
        assert emulator.command(command) == "ok"
        for sock in pair:
            with sock, pytest.raises(ConnectionResetError):
                sock.recv(1)
        with emulator.dial("a", node.getsockname()) as again:
            assert receive(again, 10) == answer
            if answer == SUCCEEDED:
                node.accept()[0].close()


def test_a_rate_holds_and_the_sender_feels_it(start_emulator: Start, node: socket.socket) -> None:
    emulator = start_emulator(a={"round_trip": 0.01, "rate": 1_000_000.0})
    dialler, accepted = connect(emulator, "a", node)
    with dialler, accepted:
        began = time.perf_counter()
        sender = threading.Thread(target=dialler.sendall, args=(bytes(500_000),))
        sender.start()
        assert len(receive(accepted, 500_000)) == 500_000
        sender.join()
        assert 0.45 <= time.perf_counter() - began < 2.0


def test_slow_adds_to_the_round_trip_at_once(start_emulator: Start, node: socket.socket) -> None:
    emulator = start_emulator(a={"round_trip": 0.02})
    assert emulator.command("slow a 80ms") == "ok"
    began = time.perf_counter()
    for sock in connect(emulator, "a", node):
        sock.close()
    assert time.perf_counter() - began >= 0.1


def test_commands_say_what_is_wrong(start_emulator: Start) -> None:
    emulator = start_emulator(a={}, b={})
    assert emulator.command("cut a").startswith("error: cut: not one of")
    assert emulator.command("heal c") == "error: no line c; there are a, b"
    assert emulator.command("slow a") == "error: usage: slow LINE 80ms"
    assert emulator.command("slow a fast").startswith("error: fast")
    assert emulator.command("blackhole *") == "ok"
    assert emulator.status("b")["blocked"] == ["towards", "back"]


def test_a_stranger_is_let_go_and_harms_nobody(start_emulator: Start, node: socket.socket) -> None:
    emulator = start_emulator(a={})
    with socket.create_connection(("127.0.0.1", emulator.ports["a"]), timeout=10) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert stranger.recv(1) == b""
    for sock in connect(emulator, "a", node):
        sock.close()


# ---- ports that lead to one node, without SOCKS5


def lead(start_emulator: Start, node: socket.socket, **conditions: float) -> Any:
    """An emulator whose line `a` leads to *node*."""
    return start_emulator(a={"node": node.getsockname()[1], **conditions})


def enter(emulator: Any) -> socket.socket:
    """A connection to the port of `a`."""
    return socket.create_connection(("127.0.0.1", emulator.ports["a"]), timeout=10)


def test_a_plain_port_takes_a_round_trip_to_dial_and_half_of_one_for_the_bytes(
    start_emulator: Start, node: socket.socket
) -> None:
    emulator = lead(start_emulator, node, round_trip=0.1)
    began = time.perf_counter()
    with enter(emulator) as dialler:
        dialler.sendall(b"question")
        dialler.shutdown(socket.SHUT_WR)
        accepted, _ = node.accept()
        with accepted:
            accepted.settimeout(10)
            assert receive(accepted, 100) == b"question"
            assert 0.15 <= time.perf_counter() - began < 1.0
            accepted.sendall(b"answer")
        assert receive(dialler, 100) == b"answer"


@pytest.mark.parametrize("command", ["refuse a", None])
def test_a_plain_port_refuses_with_a_reset(start_emulator: Start, node: socket.socket, command: str | None) -> None:
    emulator = lead(start_emulator, node)
    if command is None:
        node.close()
    else:
        emulator.command(command)
    with pytest.raises(ConnectionResetError), enter(emulator) as dialler:  # it may be as soon as it is connected
        dialler.recv(1)


def test_a_plain_port_in_a_black_hole_holds_dials_until_it_heals(start_emulator: Start, node: socket.socket) -> None:
    emulator = lead(start_emulator, node)
    emulator.command("blackhole a")
    node.settimeout(0.1)
    with enter(emulator) as dialler:
        dialler.sendall(b"early")
        with pytest.raises(TimeoutError):
            node.accept()
        node.settimeout(10)
        emulator.command("heal a")
        accepted, _ = node.accept()
        with accepted:
            assert receive(accepted, 5) == b"early"


def test_a_reset_meets_what_waits_at_a_plain_port(start_emulator: Start, node: socket.socket) -> None:
    emulator = lead(start_emulator, node)
    emulator.command("blackhole a")
    with enter(emulator) as dialler:
        while not emulator.status("a")["dials"]:
            pass
        emulator.command("reset a")
        with pytest.raises(ConnectionResetError):
            dialler.recv(1)


def test_who_gives_up_at_a_plain_port_is_never_heard_of(start_emulator: Start, node: socket.socket) -> None:
    emulator = lead(start_emulator, node)
    emulator.command("blackhole a")
    dialler = enter(emulator)
    dialler.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    dialler.close()
    while not emulator.status("a")["dials"]:
        pass
    emulator.command("heal a")
    with enter(emulator) as other:
        accepted, _ = node.accept()
        with accepted:
            other.sendall(b"mine")
            assert receive(accepted, 4) == b"mine"
