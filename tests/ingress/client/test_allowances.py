"""Allowances: what is beyond them is refused or waits, whoever has none pays nothing, and a reload reaches all."""

import ipaddress

import pytest

from ingress.client.allowances import MOST_OWNERS, Allowances
from ingress.client.client_stream import ClientStream
from ingress.client.datagram_pace import MOST_WAITING, PATIENCE, DatagramPace
from ingress.client.opener import NotOpened
from ingress.client.pace import Buckets
from ingress.config.allowance import Allowance, RateBounds
from ingress.doors.door import BEST_PIECE
from relay.engine import Loop
from relay.model.cause import Cause
from tests.ingress.client.client_bed import ONE_PATH, ClientBed, ClientBeds, make_config
from tests.ingress.client.counterparts import Holder, Program

CLIENT = "10.0.0.1"
NET = (ipaddress.ip_network("10.0.0.0/8"),)
LOCAL = (ipaddress.ip_network("127.0.0.0/8"),)
SLOW = 100_000.0
BURST = 5000 + 16_384
"""Of SLOW: the reserve, and what others may have at once."""
SOCKS5 = b"\x05\x01\x00\x05\x01\x00\x01\x01\x02\x03\x04\x01\xbb"
CONNECT = b"CONNECT www.example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n"


def opened(bed: ClientBed, client: str = CLIENT, user: str = "") -> ClientStream | Cause:
    holder = Holder()
    found = bed.opener.open(holder, "www.example.com", 443, client, user)
    if isinstance(found, NotOpened):
        return found.cause
    holder.stream = found
    return found


async def test_streams_beyond_the_allowance_are_refused_and_told_once(make_bed: ClientBeds) -> None:
    bed = await make_bed(allowances=(Allowance(clients=NET, streams=2),))
    first, second = opened(bed), opened(bed)
    assert isinstance(first, ClientStream) and isinstance(second, ClientStream)
    assert [opened(bed), opened(bed)] == [Cause.ALLOWANCE] * 2
    assert isinstance(opened(bed, "10.0.0.2"), ClientStream) and isinstance(opened(bed, "192.0.2.1"), ClientStream)
    (told,) = bed.journal.of("allowance-used-up")
    assert told == {"about": CLIENT, "owner": CLIENT, "by": "an allowance", "what": "streams"}
    first.let_go()
    assert isinstance(opened(bed), ClientStream)
    assert opened(bed) is Cause.ALLOWANCE and len(bed.journal.of("allowance-used-up")) == 2


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (CONNECT, b"HTTP/1.1 429 Too Many Requests\r\n"),
        (b"\x05\x01\x00\x05\x01\x00\x01\x01\x02\x03\x04\x01\xbb", b"\x05\x00\x05\x01"),
    ],
    ids=["HTTP", "SOCKS5"],
)
async def test_doors_say_so_in_their_words(make_bed: ClientBeds, ask: bytes, answer: bytes) -> None:
    bed = await make_bed(allowances=(Allowance(clients=LOCAL, streams=0),))
    program = bed.program()
    program.sends(ask)
    said = await program.rest()
    assert said.startswith(answer)
    assert b"Proxy-Status" in said or ask.startswith(b"\x05")


async def test_each_user_has_one_and_all_together_may_share_one(make_bed: ClientBeds) -> None:
    each, together = Allowance(users=("*",), streams=1), Allowance(clients=NET, together=True, streams=1)
    bed = await make_bed(allowances=(each, together))
    assert isinstance(opened(bed, user="ann"), ClientStream) and isinstance(opened(bed, user="bob"), ClientStream)
    assert opened(bed, "10.9.9.9", user="ann") is Cause.ALLOWANCE
    assert isinstance(opened(bed, "10.0.0.3"), ClientStream)
    assert opened(bed, "10.0.0.4") is Cause.ALLOWANCE
    assert [repr(bed.allowances.find("", "10.0.0.5")), bed.allowances.find("", "192.0.2.1")] == [
        "<Owner an allowance by an allowance, 1 streams>",
        None,
    ]


async def tunnel(bed: ClientBed) -> tuple[ClientStream, Program]:
    program = bed.program()
    program.sends(CONNECT)
    await bed.settle()
    bed.exit().connects()
    await bed.settle()
    await program.available()
    (stream,) = bed.accounts.streams
    return stream, program


async def test_a_download_comes_no_faster_than_allowed_and_whole(make_bed: ClientBeds) -> None:
    bed = await make_bed(allowances=(Allowance(clients=LOCAL, rate=RateBounds(None, SLOW)),))
    _, program = await tunnel(bed)
    sent = bytes(range(256)) * 400
    bed.exit().sends(sent)
    bed.exit().finishes()
    got = await program.available()
    assert len(got) <= BURST
    for _ in range(4):
        await bed.passes(0.1)
        more = await program.available()
        assert len(more) <= 0.1 * SLOW + 1
        got += more
    while len(got) < len(sent):
        await bed.passes(0.1)
        got += await program.available()
    assert got == sent
    program.finishes()
    await bed.passes(1.0)
    assert bed.entrance.clients == 0 and not bed.accounts.streams


async def test_an_upload_goes_no_faster_than_allowed(make_bed: ClientBeds) -> None:
    bed = await make_bed(allowances=(Allowance(clients=LOCAL, rate=RateBounds(SLOW, None)),))
    _, program = await tunnel(bed)
    program.sends(bytes(100_000))
    await bed.settle()
    seen = [len(bed.exit().heard)]
    assert seen[0] <= BURST + 4096
    while len(bed.exit().heard) < 100_000:
        await bed.passes(0.1)
        seen.append(len(bed.exit().heard))
        assert seen[-1] - seen[-2] <= 0.1 * SLOW + 2 * 4096
    bed.exit().sends(b"not held")
    assert await program.available() == b"not held"


async def test_a_keystroke_comes_while_a_download_waits(make_bed: ClientBeds) -> None:
    bed = await make_bed(allowances=(Allowance(clients=LOCAL, rate=RateBounds(SLOW, SLOW)),))
    _, _ = await tunnel(bed)
    bed.exit().sends(bytes(200_000))
    await bed.settle()
    program = bed.program()
    program.sends(CONNECT)
    await bed.settle()
    bed.exit().connects()
    await program.available()
    for number in range(20):
        await bed.passes(0.05)
        bed.exit().sends(b"%02d" % number)
        assert await program.available() == b"%02d" % number


async def test_a_plain_request_waits_as_well(make_bed: ClientBeds) -> None:
    bed = await make_bed(allowances=(Allowance(clients=LOCAL, rate=RateBounds(SLOW, SLOW)),))
    program, body = bed.program(), bytes(150_000)
    program.sends(b"POST http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\nContent-Length: 150000\r\n\r\n")
    await bed.settle()
    bed.exit().connects()
    await bed.settle()
    program.sends(body)
    await bed.settle()
    assert len(bed.exit().heard) <= BURST + 2 * BEST_PIECE
    for _ in range(30):
        await bed.passes(0.1)
    assert bed.exit().heard.endswith(body)
    bed.exit().sends(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\nConnection: close\r\n\r\n" + body[:60_000])
    bed.exit().finishes()
    got = await program.available()
    assert len(got) <= BURST + 1000
    for _ in range(10):
        await bed.passes(0.1)
        got += await program.available()
    assert got.endswith(body[:60_000])


async def test_a_reload_reaches_what_runs(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    stream, program = await tunnel(bed)
    assert stream.pace is None and stream.owner is None and not len(bed.allowances)
    slow = make_config(ONE_PATH, allowances=(Allowance(clients=LOCAL, rate=RateBounds(SLOW, SLOW)),))
    bed.use(slow)
    bed.exit().sends(bytes(100_000))
    assert len(await program.available()) <= BURST and stream.owner is not None
    bed.use(make_config(ONE_PATH, allowances=(Allowance(clients=LOCAL, rate=RateBounds(SLOW, 2 * SLOW)),)))
    await bed.settle()
    await program.available()
    await bed.passes(0.1)
    assert SLOW * 0.1 < len(await program.available()) <= 2 * SLOW * 0.1 + 1
    bed.use(make_config(ONE_PATH))
    await bed.settle()
    await program.available()
    assert stream.owner is None and stream.pace is not None and not stream.pace.held
    program.sends(bytes(50_000))
    await bed.settle()
    assert len(bed.exit().heard) == 50_000


def test_of_too_many_owners_the_idle_are_forgotten() -> None:
    loop = Loop()
    allowances = Allowances(loop)
    allowances.use((Allowance(users=("*",), streams=1),))
    busy = allowances.find("busy", "")
    assert busy is not None
    busy.streams = 1
    for number in range(2 * MOST_OWNERS):
        allowances.find(f"u{number}", "")
    assert allowances.find("busy", "") is busy and len(allowances) <= MOST_OWNERS
    loop.close()


async def test_datagrams_wait_for_a_moment_and_then_the_oldest_go(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    buckets = Buckets(bed.loop, RateBounds(SLOW, None))
    sent: list[bytes] = []
    late: list[None] = []
    pace = DatagramPace(bed.loop, buckets, buckets.up, sent.append, lambda: late.append(None))
    pace.put([bytes([number]) * 1000 for number in range(100)])
    first = len(sent)
    assert first * 1000 <= BURST and sent == [bytes([number]) * 1000 for number in range(first)]
    await bed.passes(0.05)
    assert 3 <= len(sent) - first <= 6
    await bed.passes(2 * PATIENCE)
    pace.put([b"new" * 100])
    await bed.settle()
    assert sent[-1] == b"new" * 100 and len(late) > 60
    before = len(late)
    pace.put([bytes(MOST_WAITING), bytes(1000)])
    assert len(late) == before + 1
    pace.stop()
    free = DatagramPace(bed.loop, buckets, buckets.down, sent.append, lambda: late.append(None))
    free.put([b"at once"])
    assert sent[-1] == b"at once"
