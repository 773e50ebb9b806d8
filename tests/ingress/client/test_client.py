"""One client's connection, from its first byte: every door over a real socket, an exit that does as it is told."""

import os
from typing import Any

import pytest

from ingress.client.client import Client
from ingress.config import Forward
from ingress.doors.door import BEST_PIECE, KEPT_SOFT
from ingress.doors.events import FinishUpstream, Released, ResetUpstream, Send, Upstream
from relay.model.cause import Cause
from relay.model.limits import Limits
from relay.session.window import INITIAL_WINDOW
from tests.ingress.client.client_bed import ClientBeds
from tests.ingress.client.messages import ANSWERED, ESTABLISHED, HOST, OK, address, connect, get, socks5, socks5_reply

SOCKS4 = b"\x04\x01\x01\xbb\0\0\0\1me\0" + HOST.encode() + b"\0"
SOCKS4_GRANTED = b"\0\x5a\0\0\0\0\0\0"
SOCKS4_REFUSED = b"\0\x5b"
FORWARD = Forward(address("127.0.0.1:1"), address(f"{HOST}:443"))
TRANSPARENT = [
    (socks5(), b"\x05\x00", socks5_reply(0)[2:], b"\x05\x05"),
    (SOCKS4, b"", SOCKS4_GRANTED, SOCKS4_REFUSED),
    (connect(), b"", ESTABLISHED, b"HTTP/1.1 502 "),
]
"""What the client says; what it hears at once, when the exit has connected, and first when the target refuses."""


# ---- doors that become tunnels


@pytest.mark.parametrize("pieces", [1, 3, 1000])
@pytest.mark.parametrize(("words", "first", "granted", "_"), TRANSPARENT)
async def test_success_is_told_when_the_exit_has_connected(
    make_bed: ClientBeds, words: bytes, first: bytes, granted: bytes, _: bytes, pieces: int
) -> None:
    bed = await make_bed()
    client = bed.program()
    size = max(1, len(words) // pieces)
    for start in range(0, len(words), size):
        client.sends(words[start : start + size])
        await bed.settle()
    await client.hears(first)
    await client.hears_nothing()
    assert bed.exit().asked == (HOST, 443)
    bed.exit().connects()
    await client.hears(granted)
    client.sends(b"question")
    await bed.settle()
    assert bed.exit().heard == b"question"


@pytest.mark.parametrize("words", [one[0] for one in TRANSPARENT])
@pytest.mark.parametrize("answer", ["true", "auto"])
async def test_bytes_and_the_end_behind_the_handshake_arrive(make_bed: ClientBeds, words: bytes, answer: str) -> None:
    bed = await make_bed(answer=answer)
    client = bed.program()
    client.sends(words + b"question")
    client.finishes()
    await bed.settle()
    bed.exit().connects()
    bed.exit().sends(b"answer")
    bed.exit().finishes()
    assert (await client.rest()).endswith(b"answer")
    assert (bed.exit().heard, bed.exit().sink.fins) == (b"question", 1)
    await bed.passes(0.25)
    await bed.passes(0.25)
    bed.assert_empty()


@pytest.mark.parametrize(("words", "first", "_", "refused"), TRANSPARENT)
async def test_a_refusal_is_told_and_the_client_closed(
    make_bed: ClientBeds, words: bytes, first: bytes, _: bytes, refused: bytes
) -> None:
    bed = await make_bed()
    client = bed.program()
    client.sends(words)
    await client.hears(first)
    await bed.settle()
    bed.exit().refuses(Cause.REFUSED)
    client.sends(b"talks on")
    assert (await client.rest()).startswith(refused)
    client.leaves()
    await bed.settle()
    await bed.passes(0.25)
    bed.assert_empty()


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (Cause.POLICY, 2),
        (Cause.NO_ROUTE, 3),
        (Cause.HOST_UNREACHABLE, 4),
        (Cause.NAME_NOT_FOUND, 4),
        (Cause.REFUSED, 5),
        (Cause.CONNECT_TIMEOUT, 6),
        (Cause.TARGET_RESET, 5),
        (Cause.INTERNAL, 1),
    ],
)
async def test_what_the_exit_says_is_what_the_client_hears(make_bed: ClientBeds, cause: Cause, code: int) -> None:
    bed = await make_bed()
    client = bed.program()
    client.sends(socks5())
    await bed.settle()
    bed.exit().refuses(cause)
    assert await client.rest() == b"\x05\x00" + bytes([5, code, 0, 1, 0, 0, 0, 0, 0, 0])


async def test_what_is_refused_here_is_told_at_once(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program()
    client.sends(socks5("10.0.0.1"))
    assert (await client.rest())[3] == 2
    assert bed.exit().pair.ingress.streams == {}


async def test_a_large_first_write_passes_whole_although_its_reader_changes_in_the_middle(make_bed: ClientBeds) -> None:
    """One read of the socket brings the handshake and more than a piece behind it."""
    bed = await make_bed(answer="auto")
    client = bed.program()
    body = os.urandom(3 * BEST_PIECE)
    client.sends(socks5() + body)
    await client.hears(socks5_reply(0))
    await bed.settle()
    assert bed.exit().heard == body


async def test_who_runs_ahead_is_read_no_further_until_it_is_answered(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program()
    client.sends(socks5())
    await bed.settle()
    sent = 0
    while taken := client.sends_all_it_can():
        sent += taken
        await bed.settle()
    assert sent > 10 * KEPT_SOFT
    await client.hears(b"\x05\x00")
    bed.exit().connects()
    client.finishes()
    await client.hears(socks5_reply(0)[2:])
    await bed.settle()
    assert len(bed.exit().heard) == sent
    assert bed.exit().sink.fins == 1


async def test_who_ran_ahead_of_a_full_stream_is_read_when_there_is_room(make_bed: ClientBeds) -> None:
    bed = await make_bed(answer="auto")
    bed.paths.hold("a")
    client = bed.program()
    client.sends(socks5() + bytes(INITIAL_WINDOW - len(socks5())))
    await client.hears(socks5_reply(0))
    client.sends(bytes(1000))
    await bed.settle()
    bed.paths.release("a")
    await bed.settle()
    assert len(bed.exit().heard) == INITIAL_WINDOW - len(socks5()) + 1000


@pytest.mark.parametrize("first", [b"\x16\x03\x01\x02\x00\x01\x00", b"\x80\x00\xff", b"\x00"])
async def test_a_stranger_is_closed_without_a_byte(make_bed: ClientBeds, first: bytes) -> None:
    bed = await make_bed()
    client = bed.program()
    client.sends(first)
    assert await client.rest() == b""
    client.leaves()
    await bed.settle()
    bed.assert_empty()


# ---- forwards


async def test_a_forward_goes_to_its_target_at_once(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program(forward=FORWARD)
    await bed.settle()
    assert bed.exit().asked == (HOST, 443)
    client.sends(b"at once")
    client.finishes()
    await bed.settle()
    bed.exit().connects()
    await bed.settle()
    assert (bed.exit().heard, bed.exit().sink.fins) == (b"at once", 1)
    bed.exit().sends(b"answer")
    bed.exit().finishes()
    assert await client.rest() == b"answer"


async def test_a_forward_whose_target_refuses_resets(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program(forward=FORWARD)
    await bed.settle()
    bed.exit().refuses(Cause.REFUSED)
    assert await client.is_reset()
    await bed.passes(0.25)
    bed.assert_empty()


async def test_a_forward_without_a_word_waits_as_long_as_it_likes(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program(forward=FORWARD)
    await bed.settle()
    bed.exit().connects()
    await bed.passes(100.0)
    bed.exit().sends(b"banner")
    await client.hears(b"banner")


# ---- who leaves


@pytest.mark.parametrize("words", [b"", b"\x05", b"\x05\x01\x00", b"GET / HT", SOCKS4[:4]])
@pytest.mark.parametrize("ending", ["finishes", "leaves", "aborts"])
async def test_who_leaves_within_its_handshake_is_forgotten(make_bed: ClientBeds, words: bytes, ending: str) -> None:
    bed = await make_bed()
    client = bed.program()
    if words:
        client.sends(words)
    await bed.settle()
    getattr(client, ending)()
    await bed.settle()
    bed.assert_empty()


@pytest.mark.parametrize("words", [one[0] for one in TRANSPARENT])
async def test_who_leaves_while_the_exit_dials_gives_its_stream_up(make_bed: ClientBeds, words: bytes) -> None:
    bed = await make_bed()
    client = bed.program()
    client.sends(words)
    await bed.settle()
    client.aborts()
    await bed.settle()
    assert bed.exit().sink.cause is Cause.CLIENT_RESET
    await bed.passes(0.25)
    bed.assert_empty()


async def test_who_leaves_while_it_waits_for_a_path_is_forgotten(make_bed: ClientBeds) -> None:
    bed = await make_bed(is_up=False)
    client = bed.program()
    client.sends(socks5())
    await bed.settle()
    assert bed.opener.waiting == 1
    client.aborts()
    await bed.passes(0.25)
    bed.assert_empty()


async def test_who_waits_in_vain_is_told_so(make_bed: ClientBeds) -> None:
    bed = await make_bed(is_up=False)
    clients = [bed.program(), bed.program()]
    clients[0].sends(socks5())
    clients[1].sends(connect())
    await bed.settle()
    await bed.passes(5.0)
    assert (await clients[0].rest())[3] == 3
    answer = await clients[1].rest()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: " in answer


# ---- the deadline

HALF = [
    (b"", b""),
    (b"\x05", b""),
    (b"\x05\x01\x00", b"\x05\x00"),
    (b"\x04\x01", b""),
    (b"GET / HT", b"HTTP/1.1 408 "),
]
"""What clients begin with and never go on with, and how what they hear begins."""


@pytest.mark.parametrize(("words", "answer"), HALF)
async def test_a_handshake_that_does_not_come_ends(make_bed: ClientBeds, words: bytes, answer: bytes) -> None:
    bed = await make_bed(limits=Limits(handshake=10.0))
    client = bed.program()
    if words:
        client.sends(words)
    await bed.settle()
    await bed.passes(9.75)
    assert bed.loop.statistics().endpoints == 1
    await bed.passes(0.25)
    assert (await client.rest()).startswith(answer)
    client.leaves()
    await bed.settle()
    bed.assert_empty()


async def test_it_is_for_all_of_the_handshake_and_not_for_each_byte(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program()
    for piece in (b"\x05", b"\x02", b"\x00", b"\x00"):
        client.sends(piece)
        await bed.settle()
        await bed.passes(2.5)
    assert await client.rest() == b"\x05\x00"


async def test_it_is_over_with_the_request_however_long_the_exit_dials(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program()
    client.sends(socks5())
    await bed.settle()
    assert len(bed.entrance.handshakes) == 0
    await bed.passes(100.0)
    bed.exit().connects()
    await client.hears(socks5_reply(0))


async def test_a_kept_connection_may_rest_and_its_next_request_has_a_deadline_again(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program()
    client.sends(get())
    await bed.settle()
    bed.exit().connects()
    await bed.settle()
    bed.exit().sends(OK)
    assert await client.answer() == ANSWERED
    await bed.passes(100.0)
    client.sends(b"GET http://")
    await bed.settle()
    await bed.passes(9.75)
    await client.hears_nothing()
    await bed.passes(0.25)
    assert (await client.rest()).startswith(b"HTTP/1.1 408 ")


async def test_a_client_that_is_gone_has_no_deadline(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program()
    await bed.settle()
    client.aborts()
    await bed.settle()
    assert len(bed.entrance.handshakes) == 0
    await bed.passes(100.0)
    bed.assert_empty()


async def test_what_is_said_of_a_lane_that_is_over_or_of_a_client_that_has_gone_is_nothing(
    make_bed: ClientBeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = await make_bed()
    made: list[Client] = []

    def make(*arguments: Any, **options: Any) -> Client:
        made.append(Client(*arguments, **options))
        return made[-1]

    monkeypatch.setattr("ingress.client.entrance.Client", make)
    client = bed.program()
    client.sends(b"\x05\x01\x00")
    await client.hears(b"\x05\x00")
    made[0].run([Upstream(b"x", 9), FinishUpstream(9), ResetUpstream(9), Released(9)])
    client.leaves()
    await bed.settle()
    made[0].expired()
    made[0].run([Send(b"too late")])
    bed.assert_empty()
