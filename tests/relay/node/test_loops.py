"""A carrier that comes back is known by its first bytes, however they are cut and whatever stands between."""

import contextlib
import ssl
from collections.abc import Callable

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from relay.carrier.setup import read_message, send_message
from relay.engine.secured import OPENING, Secured
from relay.engine.tls_setup import close, handshake, unwrap
from relay.identity import load_identity
from relay.model.walk import hops_from
from relay.node.loops import MOST_HELLOS, WATCHED, Onlooker, Passed
from relay.wire.codes import Reason
from relay.wire.setup import Parsed, Proceed, Refused, Transit
from tests.relay.node.caller import asked, dial, hello, network
from tests.world import INGRESS, PATIENCE, TWO_PATHS, Journal, World, until

BOTH = "both = true"
"""Behind the last line of TWO_PATHS, which is "pacific"."""


def record(kind: int, payload: bytes) -> bytes:
    return bytes([kind, 3, 3]) + len(payload).to_bytes(2, "big") + payload


def looked_on(passed: Passed, data: bytes, cuts: list[int]) -> Onlooker:
    """A watch that has seen *data*, cut at *cuts*."""
    watch, start = Onlooker(passed), 0
    for cut in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        if cut > start:
            watch(memoryview(data)[start:cut])
            start = cut
    return watch


HELLOS = st.binary(min_size=OPENING, max_size=300).map(lambda payload: record(22, payload))
OTHERS = st.lists(
    st.tuples(st.sampled_from([20, 21, 23]), st.binary(max_size=200)).map(lambda one: record(*one)), min_size=1
).map(b"".join)


@given(st.lists(st.tuples(HELLOS, OTHERS), max_size=5), st.lists(st.integers(0, 5000), max_size=20))
def test_c6_each_clienthello_is_remembered_however_it_is_cut(parts: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    passed = Passed()
    watch = looked_on(passed, b"".join(one + other for one, other in parts), cuts)
    assert all(one[:OPENING] in passed for one, _ in parts)
    assert len(passed) == len({one[:OPENING] for one, _ in parts})
    watch.forget()
    watch.forget()
    assert len(passed) == 0


@given(st.binary(min_size=OPENING, max_size=300), st.lists(st.integers(1, 20), min_size=1), OTHERS)
def test_c6_a_clienthello_in_the_smallest_records_is_known_by_the_same_bytes(
    payload: bytes, sizes: list[int], before: bytes
) -> None:
    """As whoever means harm may send it: to the node it goes to, its connection begins with the first of them."""
    records, at = b"", 0
    while at < len(payload):
        size = sizes[at % len(sizes)]
        records += record(22, payload[at : at + size])
        at += size
    passed = Passed()
    looked_on(passed, before + records, [])
    assert records[:OPENING] in passed and len(passed) == 1


@given(st.binary(max_size=2000), st.lists(st.integers(0, 2000), max_size=10))
def test_any_bytes_are_taken_and_what_is_remembered_is_bounded(data: bytes, cuts: list[int]) -> None:
    passed = Passed()
    try:
        watch = looked_on(passed, data, cuts)
    except OSError:
        assert len(passed) <= MOST_HELLOS
    else:
        watch.forget()
        assert len(passed) == 0


def test_two_carriers_may_pass_the_same_bytes_and_each_forgets_its_own() -> None:
    passed, whole = Passed(), record(22, bytes(100))
    first, second = looked_on(passed, whole, []), looked_on(passed, whole, [])
    first.forget()
    assert whole[:OPENING] in passed
    second.forget()
    assert whole[:OPENING] not in passed


def test_a_carrier_with_too_many_beginnings_is_not_followed() -> None:
    one = record(22, bytes(OPENING)) + record(23, b"x")
    looked_on(Passed(), one * MOST_HELLOS, [])
    with pytest.raises(OSError, match="more than 64 set-ups"):
        looked_on(Passed(), one * (MOST_HELLOS + 1), [])


def test_after_so_many_bytes_nothing_is_looked_at() -> None:
    watch, piece = Onlooker(Passed()), record(23, bytes(2**14))
    seen = 0
    while watch(memoryview(piece)):
        seen += len(piece)
    assert WATCHED - len(piece) <= seen < WATCHED


@given(HELLOS, st.sampled_from([20, 21, 23]), st.binary(max_size=20))
def test_c6_what_stands_between_pieces_of_a_clienthello_hides_nothing(whole: bytes, kind: int, other: bytes) -> None:
    pieces = record(22, whole[:3]) + record(kind, other) + record(22, whole[3:])
    passed = Passed()
    looked_on(passed, record(23, b"before") + pieces, [])
    assert pieces[:OPENING] in passed


def test_c6_a_connection_that_begins_with_anything_else_counts_as_passed() -> None:
    assert record(21, b"\1\x64") + record(22, bytes(100)) in Passed()
    assert record(22, bytes(100))[:OPENING] not in Passed()


class Walker:
    """Whoever has the ingress's key, and lies to each node about how many lines are left."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.context: ssl.SSLContext = load_identity(world.keys, INGRESS).client_context()
        self.passed = 0
        self.before = b""
        """Said before each ClientHello."""

    def asking(self, start: str) -> Transit:
        hop = next(hop for hop in hops_from(network(self.world), start) if hop.line.name == "pacific")
        return Transit("pacific", hop.digest, via="", left=1)

    async def walk(self, start: str, most: int = 150) -> tuple[Parsed, Secured]:
        """To and fro over the line until somebody refuses; what was answered last, and by whom."""
        sock, at = await dial(self.world, start), start
        while True:
            sock.send(self.before)
            tls = await handshake(sock, self.context, server_side=False)
            answer = await asked(tls, self.asking(at))
            if not isinstance(answer, Proceed) or self.passed == most:
                return answer, tls
            self.passed += 1
            sock, at = await unwrap(tls), "us" if at == "jp" else "jp"


@pytest.fixture
async def world(make_world: Callable[..., World]) -> World:
    return await make_world(TWO_PATHS, extra=BOTH).start("jp", "us")


async def test_c6_to_and_fro_over_one_line_ends_where_it_began(world: World, journal: Journal) -> None:
    walker = Walker(world)
    with trio.fail_after(PATIENCE):
        answer, tls = await walker.walk("jp")
    assert answer == Refused(Reason.LIMIT, "jp has passed this carrier on before: no path comes back")
    assert walker.passed == 2  # with the line to jp, three lines
    close(tls.sock)
    await until(lambda: not world.nodes["jp"].transits and not world.nodes["us"].transits)
    assert len(world.nodes["jp"].passed) == len(world.nodes["us"].passed) == 0
    assert (await journal.until("carrier-refused", "jp", level="warning"))["name"] == INGRESS


async def test_c6_nor_is_a_warning_said_first_any_help(world: World) -> None:
    walker = Walker(world)
    walker.before = record(21, b"\1\x64")  # "no renegotiation", which OpenSSL takes at any time
    with trio.fail_after(PATIENCE), contextlib.suppress(OSError):
        answer, tls = await walker.walk("jp")
        close(tls.sock)
        assert isinstance(answer, Refused)
    assert walker.passed == 0


async def test_c6_nor_does_it_end_there_in_a_session(world: World) -> None:
    walker = Walker(world)
    with trio.fail_after(PATIENCE):
        sock = await dial(world, "jp")
        for at in ("jp", "us"):
            tls = await handshake(sock, walker.context, server_side=False)
            assert isinstance(await asked(tls, walker.asking(at)), Proceed)
            sock = await unwrap(tls)
        tls = await handshake(sock, walker.context, server_side=False)
        await send_message(tls, hello(world, node="jp"))
        answer = await read_message(tls)
    assert isinstance(answer, Refused) and answer.reason is Reason.LIMIT
    close(tls.sock)


async def test_c6_both_ways_over_the_line_at_once_are_no_loop(world: World) -> None:
    with trio.fail_after(PATIENCE):
        for start, end in (("jp", "us"), ("us", "jp")):
            walker = Walker(world)
            answer = await walker.walk(start, most=1)
            close(answer[1].sock)
            assert walker.passed == 1 and isinstance(answer[0], Proceed | Refused), end
