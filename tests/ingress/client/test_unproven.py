"""D1, D2: clients that have shown no password yet stay no longer than a handshake, and keep nobody else out."""

import base64
import ipaddress

import pytest
import trio

from ingress.client.closing import LINGER
from ingress.client.passwords import HASHERS
from ingress.users import Users
from relay.model.limits import Limits
from relay.strangers import Strangers
from tests.ingress.client.client_bed import ClientBed, ClientBeds
from tests.ingress.client.counterparts import Program
from tests.ingress.client.messages import HOST, OK, connect, get, socks5
from tests.ingress.client.test_passwords import LOGIN, GatedUsers, cheap_hash, make_users

STRANGER, USER = "203.0.113.9", "198.51.100.1"
HANDSHAKE = Limits().handshake


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that do not exist cost as much as others do here."""
    monkeypatch.setattr("ingress.users.COST", 2)


def basic(user: str = "alice", password: str = "secret", more: str = "") -> str:
    return f"Proxy-Authorization: Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}\r\n{more}"


def post(head: str) -> bytes:
    return f"POST http://{HOST}/ HTTP/1.1\r\nHost: {HOST}\r\n{head}\r\n".encode()


SILENT = {
    "nothing": b"",
    "half a head": get()[:20],
    "without a password": get(),
    "with a wrong one": get(head=basic(password="wrong")),
    "CONNECT without": connect(),
    "CONNECT with a wrong one": connect()[:-2] + basic(password="wrong").encode() + b"\r\n",
    "a body that does not come": post("Content-Length: 10\r\n"),
    "a wrong one and a body that does not come": post(basic(password="wrong", more="Content-Length: 10\r\n")),
    "half a body": post("Content-Length: 10\r\n") + b"12345",
    "SOCKS greeting": LOGIN[:4],
    "SOCKS half a password": LOGIN[:-3],
    "SOCKS password, no request": LOGIN,
    "SOCKS half a request": LOGIN + socks5()[3:-2],
    "SOCKS greeting in two": b"\x05",
    "SOCKS4": b"\x04",
}


@pytest.mark.parametrize("what", SILENT)
async def test_d1_who_falls_silent_before_its_password_was_right_is_gone(make_bed: ClientBeds, what: str) -> None:
    bed = await make_bed(users=make_users())
    client = bed.program(STRANGER)
    if SILENT[what]:
        client.sends(SILENT[what])
    await bed.settle()
    await bed.passes(HANDSHAKE)  # it gets FIN, or a page and FIN
    await bed.passes(LINGER)
    bed.assert_empty()
    assert bed.exit().opened == 0


@pytest.mark.parametrize("head", ["", basic(password="wrong")])
async def test_d1_asking_again_and_again_does_not_prolong_it(make_bed: ClientBeds, head: str) -> None:
    bed = await make_bed(users=make_users())
    client = bed.program(STRANGER)
    for number in range(10):
        client.sends(get(path=f"/{number}", head=head))
        await bed.settle()
        assert (await client.answer())[0].startswith(b"HTTP/1.1 407 ")
        await bed.passes(HANDSHAKE / 10)
    assert await client.rest() == b""
    await bed.passes(LINGER)
    bed.assert_empty()


async def test_d1_whose_password_was_right_may_be_idle(make_bed: ClientBeds) -> None:
    bed = await make_bed(users=make_users())
    client = bed.program(USER)
    client.sends(get(head="Max-Forwards: 0\r\n" + basic()).replace(b"GET", b"TRACE"))
    assert (await client.answer())[0].startswith(b"HTTP/1.1 200 ")
    await bed.passes(2 * HANDSHAKE)
    await client.hears_nothing()
    assert bed.entrance.clients == 1


def make_small(bed: ClientBed, most: int, most_each: int) -> None:
    """As in a process with few descriptors."""
    bed.entrance.strangers = Strangers(most, most_each)
    bed.entrance.newcomers = Strangers(most, most)


async def enters(bed: ClientBed, client: Program) -> bool:
    """Whether a user gets as far as its stream."""
    before = bed.exit().opened
    client.sends(LOGIN + socks5()[3:])
    await bed.settle()
    return bed.exit().opened == before + 1


async def test_d1_silent_strangers_of_one_address_make_room_for_each_other_only(make_bed: ClientBeds) -> None:
    bed = await make_bed(users=make_users())
    make_small(bed, 64, 32)
    others = [bed.program(f"192.0.2.{number}") for number in range(1, 11)]
    crowd = [bed.program(STRANGER) for _ in range(213)]
    user = bed.program(USER)
    await bed.settle()
    assert bed.entrance.clients == 10 + 32 + 1
    assert await crowd[0].is_reset()
    assert await enters(bed, user)
    for one in (*others, crowd[-1]):
        await one.hears_nothing()


async def test_d1_newcomers_from_elsewhere_get_in_though_strangers_hold_all_places(make_bed: ClientBeds) -> None:
    bed = await make_bed(users=make_users())
    make_small(bed, 64, 32)
    for number in range(64):
        bed.program(f"203.0.113.{number % 3}")
    user = bed.program(USER)
    await bed.settle()
    assert bed.entrance.clients == 64
    assert await enters(bed, user)
    assert bed.entrance.strangers.statistics().evicted == 1


async def test_d1_who_was_answered_and_does_not_leave_holds_a_place_until_gone(make_bed: ClientBeds) -> None:
    bed = await make_bed(users=make_users())
    make_small(bed, 4, 2)
    rude = [bed.program(STRANGER) for _ in range(2)]
    for client in rude:
        client.sends(b"\x80")  # closed, and given two seconds to leave
    await bed.settle()
    assert len(bed.entrance.strangers) == 2
    bed.program(STRANGER)
    await bed.settle()
    assert bed.entrance.clients == 2
    await bed.passes(HANDSHAKE)
    await bed.passes(LINGER)
    bed.assert_empty()
    assert len(bed.entrance.strangers) == 0


async def test_d1_whose_password_was_right_takes_no_strangers_place(make_bed: ClientBeds) -> None:
    bed = await make_bed(users=make_users())
    make_small(bed, 1, 1)
    user = bed.program(USER)
    assert await enters(bed, user)
    assert len(bed.entrance.strangers) == 0
    bed.program(STRANGER)
    await bed.settle()
    assert bed.entrance.clients == 2


ASKS = {"SOCKS": b"\x05\x01\x00" + socks5()[3:], "CONNECT": connect(), "GET": get()}


@pytest.mark.parametrize("what", ASKS)
async def test_d1_who_needs_no_password_makes_room_until_it_has_asked_for_something(
    make_bed: ClientBeds, what: str
) -> None:
    bed = await make_bed()
    make_small(bed, 4, 2)
    asked = bed.program(STRANGER)
    asked.sends(ASKS[what])
    await bed.settle()
    assert (bed.exit().opened, len(bed.entrance.newcomers)) == (1, 0)
    crowd = [bed.program(STRANGER) for _ in range(9)]
    other = bed.program(USER)
    crowd[-1].sends(ASKS[what][:2])
    await bed.settle()
    assert await crowd[0].is_reset()
    assert bed.entrance.clients == 1 + 4
    assert bed.entrance.newcomers.statistics().evicted == 6
    crowd[-1].sends(ASKS[what][2:])
    other.sends(ASKS[what])
    await bed.settle()
    assert (bed.exit().opened, bed.entrance.clients) == (3, 1 + 4)
    await bed.passes(HANDSHAKE)
    await bed.passes(LINGER)
    assert (bed.entrance.clients, len(bed.entrance.newcomers)) == (3, 0)


async def test_d1_strangers_push_out_nobody_who_needs_no_password(make_bed: ClientBeds) -> None:
    bed = await make_bed(users=make_users(), clients=(ipaddress.ip_network(USER),))
    make_small(bed, 2, 2)
    ours = bed.program(USER)
    for _ in range(9):
        bed.program(STRANGER)
    await bed.settle()
    assert bed.entrance.clients == 1 + 2
    await ours.hears_nothing()


async def test_d2_a_user_that_was_taken_out_is_let_in_no_more_on_a_connection_it_has(make_bed: ClientBeds) -> None:
    bed = await make_bed(users=make_users())
    client = bed.program(USER)
    for is_user in (True, False):
        client.sends(get(head=basic()))
        await bed.settle()
        if is_user:
            bed.exit().connects()
            await bed.settle()
            bed.exit().sends(OK)
        status = (await client.answer())[0].split()[1]
        assert status == (b"200" if is_user else b"407")
        bed.use(bed.config, Users({b"bob": cheap_hash(b"hidden")}))
    assert bed.exit().opened == 1


async def test_d2_a_guess_whose_client_has_gone_is_not_hashed(make_bed: ClientBeds) -> None:
    users = GatedUsers()
    bed = await make_bed(users=users)
    crowd = [bed.program(f"203.0.113.{number}") for number in range(5)]
    for number, client in enumerate(crowd):
        client.sends(LOGIN[:-6] + b"guess%d" % number)
        await trio.testing.wait_all_tasks_blocked()
    for client in crowd[HASHERS:]:
        client.aborts()
    await trio.testing.wait_all_tasks_blocked()
    users.gate.set()
    await bed.settle()
    assert bed.entrance.passwords.statistics().abandoned == len(crowd) - HASHERS
    assert len(bed.journal.of("password-wrong")) == HASHERS


async def test_d2_the_handshakes_end_takes_the_guess_along(make_bed: ClientBeds) -> None:
    users = GatedUsers()
    bed = await make_bed(users=users)
    for number in range(5):
        bed.program(f"203.0.113.{number}").sends(LOGIN[:-6] + b"guess%d" % number)
    await trio.testing.wait_all_tasks_blocked()
    bed.clock.jump(HANDSHAKE)
    bed.loop.call_soon(lambda: None)
    await trio.testing.wait_all_tasks_blocked()
    assert bed.entrance.passwords.statistics().abandoned == 3
    users.gate.set()
    await bed.settle()
