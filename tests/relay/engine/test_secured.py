"""TLS in memory over a socket: not a byte beyond a record is taken, and what was encrypted leaves once."""

import ssl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.engine.secured import Secured
from tests.relay.engine.conftest import Sockets


def step(one: Secured) -> None:
    """Shake hands as far as what has come allows."""
    try:
        one.tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    assert one.flush()


def shaken(sockets: Sockets, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> tuple[Secured, Secured]:
    near_sock, far_sock = sockets.pair()
    near, far = Secured(near_sock, contexts[0], False, "node.test"), Secured(far_sock, contexts[1], True, None)
    step(near)
    for other in (far, near, far):
        take(other)
        step(other)
    return near, far


def take(one: Secured) -> int:
    """Fetch until the kernel has nothing; how often there was something."""
    count = 0
    while True:
        try:
            one.fetch()
        except BlockingIOError:
            return count
        count += 1


@given(sizes=st.lists(st.integers(1, 16_384), min_size=1, max_size=4), behind=st.binary(max_size=200))
@settings(max_examples=50, deadline=None)
def test_a_reader_leaves_what_stands_behind_the_record_in_the_kernel(contexts, sizes: list[int], behind: bytes) -> None:
    sockets = Sockets()
    near, far = shaken(sockets, contexts)
    for size in sizes:
        near.tls.write(bytes(size))
    assert near.flush()
    near.sock.send(behind)
    for size in sizes:
        read = 0
        while read < size:
            try:
                read += len(far.tls.read(size - read))
            except ssl.SSLWantReadError:
                far.fetch()
    assert far.sock.recv(1000) == behind if behind else take(far) == 0
    sockets.close()


def test_what_the_kernel_refuses_is_kept_and_sent_in_order(sockets: Sockets, contexts) -> None:
    near, far = shaken(sockets, contexts)
    sent = bytes(range(256)) * 200_000
    near.tls.write(sent)
    assert not near.flush()
    assert 0 < near.unsent < 1.01 * len(sent)
    received = bytearray()
    while len(received) < len(sent):
        near.flush()
        take(far)
        while far.incoming.pending:
            try:
                received += far.tls.read(65_536)
            except ssl.SSLWantReadError:
                break
    assert received == sent
    assert near.unsent == 0
    assert f"fd {near.sock.fileno()}, 0 unsent" in repr(near)


def test_an_end_of_the_stream_is_an_end_of_the_session(sockets: Sockets, contexts) -> None:
    contexts[1].options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    near, far = shaken(sockets, contexts)
    near.close()
    far.fetch()
    assert far.tls.read(1) == b""
    far.fetch()  # once more is no mistake


def test_a_broken_connection_is_told(sockets: Sockets, contexts) -> None:
    near, far = shaken(sockets, contexts)
    far.tls.write(b"unread")
    assert far.flush()
    near.close()
    with pytest.raises(ConnectionResetError):
        while True:
            far.fetch()


def test_what_cannot_leave_any_more_is_dropped_and_what_came_before_can_be_read(
    sockets: Sockets, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    """The peer says why it refuses, and closes over bytes that it has not read: a RST behind its last words."""
    near, far = shaken(sockets, contexts)
    near.sock.send(b"unread")
    far.tls.write(b"refused: no such line")
    assert far.flush()
    far.close()
    near.tls.write(b"a question")
    with pytest.raises(ConnectionError):
        while near.flush():
            near.tls.write(b"a question")
    assert near.unsent == 0
    assert near.flush()
    assert read_one(near) == b"refused: no such line"


def read_one(one: Secured) -> bytes:
    """What the next record holds."""
    while True:
        try:
            return one.tls.read(100)
        except ssl.SSLWantReadError:
            one.fetch()
