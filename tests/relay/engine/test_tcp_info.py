"""TCP_INFO of any kernel reads as what was sent, or as nothing."""

import socket
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.engine.tcp_info import LAYOUT, UNKNOWN, parse_moved, parse_sent, sent_over, tcp_info
from relay.model.moved import NOTHING_MOVED, Moved
from relay.model.sent import NOTHING_SENT, Sent
from tests.world import until

OFFSETS = {
    "segs_out": 136,
    "segs_in": 140,
    "rtt": 68,
    "total_retrans": 100,
    "min_rtt": 148,
    "data_segs_out": 156,
    "dsack_dups": 216,
}
LONG = {"bytes_acked": 120, "bytes_received": 128, "delivery_rate": 160, "bytes_sent": 200}
"""Of struct tcp_info (linux/tcp.h), in bytes: those of four, and those of eight."""


def info(size: int = 248, **fields: int) -> bytes:
    """A struct tcp_info as the kernel lays it out."""
    found = bytearray(size)
    for name, value in fields.items():
        struct.pack_into("=Q" if name in LONG else "=I", found, {**OFFSETS, **LONG}[name], value)
    return bytes(found)


FULL = info(
    rtt=130_500, total_retrans=30, min_rtt=129_000, data_segs_out=10_000, dsack_dups=4, bytes_acked=2**40,
    delivery_rate=2_500_000,
)  # fmt: skip


def test_each_field_is_where_the_kernel_has_it() -> None:
    assert parse_sent(FULL) == Sent(10_000, 30, 4, 2**40, 2.5e6, 0.1305, 0.129)
    assert parse_sent(FULL + b"fields of later kernels") == parse_sent(FULL)


@pytest.mark.parametrize("size", [0, 104, 160, 192, 216, LAYOUT.size - 1])
def test_older_kernels_say_nothing_rather_than_half_of_it(size: int) -> None:
    assert parse_sent(FULL[:size]) == NOTHING_SENT


def test_what_was_not_measured_yet_is_not_there() -> None:
    fresh = parse_sent(info(min_rtt=UNKNOWN, data_segs_out=1))
    assert (fresh.rate, fresh.round_trip, fresh.least) == (None, None, None)


def test_what_the_network_doubles_excuses_no_loss_of_another_connection() -> None:
    doubled, lossy = (
        parse_sent(info(data_segs_out=100, dsack_dups=50)),
        parse_sent(info(data_segs_out=100, total_retrans=9)),
    )
    assert doubled.plus(lossy).lost == 9


@given(st.binary(max_size=300))
def test_any_bytes_are_within_the_ranges_of_the_wire(told: bytes) -> None:
    found = parse_sent(told)
    assert 0 <= found.lost <= found.retransmitted < 2**32 and 0 <= found.segments < 2**32
    assert all(one is None or 0 <= one <= 4300 for one in (found.round_trip, found.least))


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        peer, _ = listener.accept()
    with ours, peer:
        yield ours, peer


def test_what_went_both_ways_is_where_the_kernel_has_it() -> None:
    told = info(bytes_received=2**41, segs_out=11, segs_in=22, bytes_sent=2**42, bytes_acked=5)
    assert parse_moved(told) == Moved(2**42, 2**41, 11, 22)
    assert parse_moved(told[: LAYOUT.size - 1]) == NOTHING_MOVED == parse_moved(b"")


@given(*[st.builds(Moved, *[st.integers(0, 2**40)] * 4)] * 2)
def test_what_came_since_is_what_was_added(before: Moved, more: Moved) -> None:
    assert before.plus(more).since(before) == more == NOTHING_MOVED.plus(more)


async def test_this_kernel_counts_both_ways(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, peer = pair
    ours.sendall(bytes(20_000))
    await until(lambda: parse_moved(tcp_info(peer)).bytes_in == 20_000)
    found = parse_moved(tcp_info(ours))
    assert found.bytes_out == 20_000 and found.bytes_in == 0 and min(found.segments_out, found.segments_in) > 0


async def test_this_kernel_counts_what_what_is_sent(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, peer = pair
    before = sent_over(ours)
    ours.sendall(bytes(20_000))
    await until(lambda: sent_over(ours).delivered >= 20_000)
    found, other = sent_over(ours), sent_over(peer)
    assert found.segments > before.segments and found.lost == 0
    assert found.least is not None and found.round_trip is not None and 0 < found.least <= 2 * found.round_trip
    assert other.segments == 0  # it has only acknowledged


def test_what_is_closed_or_no_tcp_says_nothing() -> None:
    one, other = socket.socketpair()
    with other:
        assert sent_over(one) == NOTHING_SENT
        one.close()
        assert sent_over(one) == NOTHING_SENT
