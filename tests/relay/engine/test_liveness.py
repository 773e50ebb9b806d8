"""Who has gone is told from who does not read, by what the kernel knows of the socket."""

import socket
import struct
from collections.abc import Callable, Iterator

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from relay.engine.liveness import GRACE, LAYOUT, UNANSWERED, is_gone
from tests.world import until

SO_ATTACH_FILTER = 26
SMALL = 0.2
"""Seconds of silence that are enough here."""


def info(probes: int = 0, unacked: int = 0, silent: float = 0.0) -> bytes:
    """A tcp_info of which only this is of interest."""
    return LAYOUT.pack(probes, unacked, int(silent * 1000))


@pytest.mark.parametrize(
    ("told", "gone"),
    [
        (info(unacked=1, silent=60 + GRACE + 1), True),
        (info(unacked=1, silent=60 + GRACE - 1), False),
        (info(probes=UNANSWERED, silent=60 + GRACE + 1), True),
        (info(probes=UNANSWERED - 1, silent=3600.0), False),  # its window is shut, and it answers now and then
        (info(probes=UNANSWERED, silent=5.0), False),  # the first probes follow each other at once
        (info(silent=1e6), False),  # it is owed nothing
        (b"", False),
    ],
)
def test_b3_verdicts(told: bytes, gone: bool) -> None:
    assert is_gone(told, 60.0) is gone


@given(st.binary(max_size=256), st.floats(0, 1e6))
def test_any_bytes_get_a_verdict(told: bytes, keepalive: float) -> None:
    assert is_gone(told, keepalive) in (True, False)


@given(st.integers(0, 255), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.floats(1, 1e5))
def test_nobody_is_gone_who_was_heard_within_the_keepalive(
    probes: int, unacked: int, silent: int, keepalive: float
) -> None:
    if is_gone(LAYOUT.pack(probes, unacked, silent), keepalive):
        assert silent > 1000 * keepalive and (unacked or probes >= UNANSWERED)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected TCP sockets: ours and the peer's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer = socket.socket()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.connect(listener.getsockname())
        ours, _ = listener.accept()
    ours.setblocking(False)
    with ours, peer:
        yield ours, peer


def fill(sock: socket.socket) -> None:
    """Until the kernel takes no more."""
    try:
        while True:
            sock.send(bytes(65536))
    except BlockingIOError:
        pass


def pull_the_cable(peer: socket.socket) -> None:
    """Nothing that comes for *peer* gets further than its socket filter: no answer, no RST."""
    drop = struct.pack("HBBI", 0x06, 0, 0, 0)  # BPF_RET: 0 bytes of the packet are kept
    program = (drop, struct.calcsize("HBBI"))
    import ctypes

    buffer = ctypes.create_string_buffer(program[0], program[1])
    peer.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HxxxxxxP", 1, ctypes.addressof(buffer)))


def told_of(sock: socket.socket) -> Callable[[], bytes]:
    return lambda: sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 64)


async def test_b3_bytes_in_flight_to_nobody(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, peer = pair
    pull_the_cable(peer)
    ours.send(b"is anybody there?")
    ask = told_of(ours)
    assert not is_gone(ask(), 60.0)
    await until(lambda: is_gone(ask(), SMALL - GRACE))


async def test_b3_a_shut_window_of_nobody_and_of_one_who_lives(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, peer = pair
    fill(ours)
    ask = told_of(ours)
    await until(lambda: LAYOUT.unpack_from(ask())[1] == 0)  # what was under way has arrived: its window is shut
    with trio.move_on_after(0.5):
        await until(lambda: is_gone(ask(), SMALL - GRACE))
        raise AssertionError("it lives, and answers every probe")
    pull_the_cable(peer)
    await until(lambda: is_gone(ask(), SMALL - GRACE))
