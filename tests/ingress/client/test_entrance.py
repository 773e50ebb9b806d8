"""Who is let in, what all clients share, and what a reload exchanges for the next of them."""

import io
import json

import attrs
import pytest

from ingress.config import Forward, Rule
from ingress.users import Users
from relay.log import LINES_AT_ONCE, MINUTE, Log
from relay.model.limits import Limits
from tests.ingress.client.client_bed import TWO_PATHS, ClientBeds, make_config
from tests.ingress.client.messages import HOST, address, connect, socks5, socks5_reply
from tests.ingress.client.test_admission import LAN
from tests.ingress.client.test_passwords import cheap_hash

STRANGER = "203.0.113.9"
FORWARD = Forward(address("127.0.0.1:1"), address(f"{HOST}:22"), LAN)


async def test_who_may_not_enter_is_closed_without_a_byte_and_told_of_in_the_log(make_bed: ClientBeds) -> None:
    bed = await make_bed(clients=LAN)
    client = bed.program(STRANGER)
    assert await client.is_reset()
    assert bed.entrance.clients == 0
    assert bed.journal.of("client-refused") == [
        {"level": "warning", "client": STRANGER, "why": "address not in clients"}
    ]
    bed.assert_empty()


async def test_d3_five_thousand_who_may_not_enter_are_some_lines_and_a_count(make_bed: ClientBeds) -> None:
    bed = await make_bed(clients=LAN)
    told = io.StringIO()
    log = Log(lambda: bed.clock.now)
    log.configure("json", "info", told)
    with pytest.MonkeyPatch.context() as patch:  # the bed has one of its own, and takes it back
        patch.setattr("relay.log.event", log.event)
        for _ in range(5_000):
            bed.program(STRANGER).leaves()
        bed.clock.jump(MINUTE)
        bed.program(STRANGER)
    lines = [json.loads(line) for line in told.getvalue().splitlines()]
    counts = [line["count"] for line in lines if line["event"] == "lines-left-out"]
    assert counts == [5_000 - LINES_AT_ONCE]
    assert len(lines) == LINES_AT_ONCE + 1 + 1
    assert len(told.getvalue()) < 10_000


async def test_clients_are_counted_until_they_are_gone(make_bed: ClientBeds) -> None:
    bed = await make_bed(clients=LAN)
    clients = [bed.program("192.168.1.9") for _ in range(3)]
    assert bed.entrance.clients == 3
    clients[0].aborts()
    clients[1].sends(b"\x80")
    await bed.settle()
    assert bed.entrance.clients == 2  # one was given its last bytes, and may still read them
    clients[1].leaves()
    await bed.settle()
    assert bed.entrance.clients == 1
    clients[2].sends(socks5())
    await bed.settle()
    bed.exit().connects()
    await clients[2].hears(socks5_reply(0))
    assert bed.entrance.clients == 1
    clients[2].aborts()
    await bed.settle()
    assert bed.entrance.clients == 0


async def test_a_listed_client_needs_no_password_and_others_do(make_bed: ClientBeds) -> None:
    bed = await make_bed(clients=LAN, users=Users({}))
    listed, other = bed.program("192.168.1.9"), bed.program(STRANGER)
    for client in (listed, other):
        client.sends(b"\x05\x01\x00")
    await listed.hears(b"\x05\x00")
    assert await other.rest() == b"\x05\xff"


async def test_a_forward_lets_in_whom_it_lists(make_bed: ClientBeds) -> None:
    bed = await make_bed(clients=LAN, users=Users({}))
    stranger = bed.program(STRANGER, forward=FORWARD)
    assert await stranger.is_reset()
    assert [fields["why"] for fields in bed.journal.of("client-refused")] == ["address not in clients of the forward"]
    bed.program("192.168.1.9", forward=FORWARD)  # and needs no password
    await bed.settle()
    assert bed.exit().asked == (HOST, 22)
    assert bed.entrance.clients == 1


# ---- reload


async def test_the_next_client_has_the_new_deadline_and_the_one_before_its_own(make_bed: ClientBeds) -> None:
    bed = await make_bed(limits=Limits(handshake=10.0))
    before = bed.program()
    bed.use(attrs.evolve(bed.config, limits=Limits(handshake=1.0)))
    after = bed.program()
    await bed.settle()
    await bed.passes(1.0)
    assert await after.rest() == b""
    await before.hears_nothing()
    await bed.passes(9.0)
    assert await before.rest() == b""


async def test_the_next_client_needs_a_password_if_there_are_users_now(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    before = bed.program()
    bed.use(bed.config, Users({}))
    after = bed.program()
    for client in (before, after):
        client.sends(b"\x05\x01\x00")
    await before.hears(b"\x05\x00")
    assert await after.rest() == b"\x05\xff"


async def test_the_next_password_is_judged_by_the_users_there_are_now(
    make_bed: ClientBeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingress.users.COST", 2)  # of a name that does not exist
    bed = await make_bed(users=Users({}))
    for answer in (b"\x01\x01", b"\x01\x00"):
        client = bed.program()
        client.sends(b"\x05\x01\x02\x01\x05alice\x06secret")
        await client.hears(b"\x05\x02" + answer)
        bed.use(bed.config, Users({b"alice": cheap_hash(b"secret")}))


async def test_who_may_enter_changes(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    bed.program(STRANGER)
    bed.use(attrs.evolve(bed.config, clients=LAN))
    bed.program(STRANGER)
    assert (bed.entrance.clients, len(bed.journal.of("client-refused"))) == (1, 1)


async def test_the_next_stream_goes_by_the_new_rules_and_limits(make_bed: ClientBeds) -> None:
    bed = await make_bed(*TWO_PATHS)
    first, second, third = (bed.program() for _ in range(3))
    first.sends(socks5())
    await bed.settle()
    bed.use(make_config(TWO_PATHS, rules=(Rule(redundant=True),), limits=Limits(streams=2), answer="auto"))
    second.sends(socks5())
    await second.hears(socks5_reply(0))  # told at once now
    assert [len(stream.legs) for stream in bed.exit().pair.ingress.streams.values()] == [1, 2]
    third.sends(socks5())
    assert (await third.rest())[3] == 1


async def test_the_hint_on_pages_names_the_first_address(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = bed.program()
    client.sends(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:1080\r\n\r\n")
    assert b"socks5h://127.0.0.1:1080" in await client.available()
    bed.use(attrs.evolve(bed.config, listen=(address("127.0.0.1:2080"),)))
    client = bed.program()
    client.sends(connect("10.0.0.1"))
    assert (await client.available()).startswith(b"HTTP/1.1 403 ")
