"""Any bytes in any cuts to every door, any end, any exit: nothing raises, and nothing of them is left."""

import itertools
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from ingress.config import Forward
from relay.model.cause import Cause
from tests.ingress.client.client_bed import ClientBed, ClientBeds, open_beds
from tests.ingress.client.counterparts import Program
from tests.ingress.client.messages import HOST, OK, address, connect, get, socks5
from tests.relay.session.pair import EXIT

FORWARD = Forward(address("127.0.0.1:1"), address(f"{HOST}:443"))
SOCKS4 = b"\x04\x01\x01\xbb\0\0\0\1me\0" + HOST.encode() + b"\0"
UPGRADE = get(head="Connection: Upgrade\r\nUpgrade: websocket\r\n")
POST = f"POST http://{HOST}/ HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
FIRST = {"socks5": socks5(), "socks4": SOCKS4, "connect": connect(), "get": get(), "upgrade": UPGRADE, "post": POST}
"""How clients begin that mean it."""
PARTS = (*FIRST.values(), b"\x05\x01\x02", b"5\r\nhello\r\n", b"0\r\n\r\n", b"\r\n", b"GET / HTTP/1.0\r\n\r\n", OK)
WORDS = st.lists(st.one_of(st.sampled_from(PARTS), st.binary(min_size=1, max_size=40)), max_size=5)
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
EXIT_SAYS = st.lists(
    st.one_of(
        st.sampled_from(["connects", "finishes", OK, SWITCHED, b"HTTP/1.1 200 OK\r\n\r\n"]),
        st.sampled_from([Cause.REFUSED, Cause.LIMIT, Cause.TARGET_RESET]),
        st.binary(min_size=1, max_size=20),
    ),
    max_size=5,
)
ENDINGS = st.sampled_from(["finishes", "leaves", "aborts", "waits"])


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    """*data* in pieces that end at *cuts*, as far as there is so much."""
    places = sorted({place % (len(data) + 1) for place in cuts} | {0, len(data)})
    return [data[start:stop] for start, stop in itertools.pairwise(places)]


def is_open(client: Program) -> bool:
    return client.sock.fileno() >= 0


async def send(bed: ClientBed, client: Program, data: bytes) -> None:
    try:
        client.sends(data)
    except OSError:
        client.leaves()  # it was closed before
    await bed.settle()


def says(bed: ClientBed, word: Any) -> None:
    """The exit says *word* of the newest stream, if it can."""
    exit_ = bed.exit()
    if not exit_.opened or exit_.stream.is_over:
        return
    may_send = exit_.stream.is_connected and exit_.stream.state.name in ("OPEN", "HALF_CLOSED_REMOTE")
    if isinstance(word, Cause):
        exit_.refuses(word)
    elif word == "connects":
        exit_.connects()
    elif may_send:
        exit_.finishes() if word == "finishes" else exit_.sends(word)


async def end(bed: ClientBed, client: Program, ending: str) -> None:
    """The client ends as it likes, targets end what they have, and time passes."""
    if ending != "waits" and is_open(client):
        try:
            getattr(client, ending)()
        except OSError:
            client.leaves()
    await bed.passes(12.0)
    if is_open(client):
        client.leaves()
    await bed.settle()
    for sink in bed.exit().pair.sinks[EXIT].values():
        if not sink.stream.is_connected:
            sink.stream.reset(Cause.REFUSED)
        sink.stream.finish()
    for _ in range(4):
        await bed.passes(3.0)


async def play(bed: ClientBed, client: Program, pieces: list[bytes], said: list[Any], ending: str) -> None:
    for piece in pieces:
        if is_open(client):
            await send(bed, client, piece)
    for word in said:
        says(bed, word)
        await bed.settle()
    await end(bed, client, ending)
    bed.assert_empty()


def run(beds: ClientBeds, answer: str, **program: Any) -> Any:
    """Play in a run of its own."""

    def with_(pieces: list[bytes], said: list[Any], ending: str) -> None:
        async def main() -> None:
            bed = await beds(answer=answer)
            await play(bed, bed.program(**program), pieces, said, ending)

        trio.run(main, clock=beds)

    return with_


@pytest.mark.parametrize("first", FIRST)
@settings(deadline=None, max_examples=60)
@given(
    words=WORDS,
    cuts=st.lists(st.integers(0, 500), max_size=4),
    said=EXIT_SAYS,
    ending=ENDINGS,
    answer=st.sampled_from(["true", "auto"]),
)
def test_who_begins_well_may_go_on_as_it_likes(
    first: str, words: list[bytes], cuts: list[int], said: list[Any], ending: str, answer: str
) -> None:
    with open_beds() as beds:
        run(beds, answer)(cut(FIRST[first] + b"".join(words), cuts), said, ending)


@settings(deadline=None, max_examples=150)
@given(words=WORDS, cuts=st.lists(st.integers(0, 500), max_size=4), said=EXIT_SAYS, ending=ENDINGS)
def test_any_bytes(words: list[bytes], cuts: list[int], said: list[Any], ending: str) -> None:
    with open_beds() as beds:
        run(beds, "true")(cut(b"".join(words), cuts), said, ending)


@settings(deadline=None, max_examples=60)
@given(words=WORDS, said=EXIT_SAYS, ending=ENDINGS)
def test_any_bytes_to_a_forward(words: list[bytes], said: list[Any], ending: str) -> None:
    with open_beds() as beds:
        run(beds, "auto", forward=FORWARD)(words, said, ending)
