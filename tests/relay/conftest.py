"""What several tests of the shells need: addresses that answer, refuse or swallow, and a count of descriptors."""

import ctypes
import gc
import os
import socket
import struct
from collections.abc import Iterator

import pytest

from relay.model.network import Address
from tests.world import journal, make_world

__all__ = ["journal", "make_world"]

SO_ATTACH_FILTER = 26


def _listen(host: str = "127.0.0.1") -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.bind((host, 0))
    sock.setblocking(False)
    return sock


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Accepts on loopback; the kernel does, nobody has to."""
    with _listen() as sock:
        sock.listen()
        yield sock


@pytest.fixture
def nobody() -> Iterator[Address]:
    """A loopback address that refuses: taken, so that nobody else gets it, and without a listener."""
    with _listen() as sock:
        yield Address("127.0.0.1", sock.getsockname()[1])


def swallow(sock: socket.socket) -> None:
    """Whatever is sent to *sock* is dropped unseen, unanswered."""
    program = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))


@pytest.fixture
def black_hole() -> Iterator[Address]:
    """A loopback address that never answers: a socket filter (one instruction: accept 0 bytes) drops every SYN."""
    with _listen() as sock:
        swallow(sock)
        sock.listen()
        yield Address("127.0.0.1", sock.getsockname()[1])


@pytest.fixture
def no_leak() -> Iterator[None]:
    """Fails the test that leaves a descriptor open. Name it first, so that it looks last."""
    before = _descriptors()
    yield
    if not _descriptors() <= before:
        gc.collect()
        assert _descriptors() <= before


def _descriptors() -> set[str]:
    names = os.listdir("/proc/self/fd")  # the last of them listed the others, and is closed
    return {f"{name}: {os.readlink(path)}" for name in names if os.path.lexists(path := f"/proc/self/fd/{name}")}
