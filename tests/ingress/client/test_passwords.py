"""Passwords: hashed in real threads, at a cost that tests can pay; remembered, refused, answered in order."""

import os
import threading

import attrs
import pytest
import trio

from ingress.client.passwords import HASHERS, Passwords, Question
from ingress.penalty import BY_NAME, FIRST
from ingress.users import Hash, Users
from tests.ingress.client.client_bed import ClientBed, ClientBeds
from tests.ingress.client.messages import get, socks5

HOME, ELSEWHERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that do not exist cost as much as others do here."""
    monkeypatch.setattr("ingress.users.COST", 2)


def cheap_hash(password: bytes) -> Hash:
    empty = Hash(2, 1, 1, os.urandom(16), b"")
    return attrs.evolve(empty, digest=empty._computed(password))


def make_users() -> Users:
    return Users({b"alice": cheap_hash(b"secret"), b"bob": cheap_hash(b"hidden")})


class Asked:
    """Passwords with users, and the answers in the order in which they came."""

    def __init__(self, bed: ClientBed, users: Users | None) -> None:
        self.bed = bed
        self.answers: list[tuple[str, bool]] = []
        self.passwords = Passwords(bed.loop, bed.nursery, users)

    def ask(self, name: str, user: bytes = b"alice", password: bytes = b"secret", address: str = HOME) -> None:
        found = self.passwords.judge(address, user, password, lambda accepted: self.answers.append((name, accepted)))
        if isinstance(found, bool):
            self.answers.append((name, found))

    async def said(self) -> list[tuple[str, bool]]:
        """What was answered since it was asked for last."""
        await self.bed.settle()
        answers, self.answers = self.answers, []
        return answers

    @property
    def hashed(self) -> int:
        """Wrong ones that were looked at."""
        return len(self.bed.journal.of("password-wrong"))


class GatedUsers(Users):
    """Whose passwords are judged when a test says so."""

    __slots__ = ("gate",)

    def __init__(self) -> None:
        super().__init__({b"alice": cheap_hash(b"secret")})
        self.gate = threading.Event()

    def verify(self, user: bytes, password: bytes) -> bool:
        assert self.gate.wait(20.0)
        return super().verify(user, password)


async def test_a_pair_is_right_or_wrong(make_bed: ClientBeds) -> None:
    asked = Asked(await make_bed(), make_users())
    for user, password, accepted in (
        (b"alice", b"secret", True),
        (b"alice", b"hidden", False),
        (b"bob", b"hidden", True),
        (b"nobody", b"secret", False),
        (b"", b"", False),
    ):
        asked.ask("x", user, password)
        assert await asked.said() == [("x", accepted)]


async def test_without_users_no_pair_is_right(make_bed: ClientBeds) -> None:
    asked = Asked(await make_bed(), None)
    asked.ask("x")
    assert await asked.said() == [("x", False)]
    assert asked.hashed == 0


async def test_a_pair_that_was_right_is_remembered_and_not_hashed_again(make_bed: ClientBeds) -> None:
    users = GatedUsers()
    asked = Asked(await make_bed(), users)
    users.gate.set()
    asked.ask("first")
    assert await asked.said() == [("first", True)]
    users.gate.clear()
    asked.ask("again")
    assert asked.answers == [("again", True)]


async def test_what_is_remembered_is_answered_before_what_is_hashed(make_bed: ClientBeds) -> None:
    users = GatedUsers()
    asked = Asked(await make_bed(), users)
    users.gate.set()
    asked.ask("x")
    await asked.said()
    users.gate.clear()
    asked.ask("new", password=b"wrong")
    asked.ask("known")
    await trio.testing.wait_all_tasks_blocked()
    assert asked.answers == [("known", True)]
    users.gate.set()
    assert await asked.said() == [("known", True), ("new", False)]


async def test_guessing_is_made_slow_and_the_wait_ends(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    asked = Asked(bed, make_users())
    for number in range(BY_NAME.free + 3):
        asked.ask("x", password=b"guess%d" % number)
        assert await asked.said() == [("x", False)]
    assert asked.hashed == BY_NAME.free + 1
    refused = [fields["refused_for"] for fields in bed.journal.of("password-wrong")]
    assert refused == [0.0] * BY_NAME.free + [FIRST]
    asked.ask("right, and too soon")
    asked.ask("elsewhere", user=b"bob", password=b"hidden", address=ELSEWHERE)
    assert sorted(await asked.said()) == [("elsewhere", True), ("right, and too soon", False)]
    await bed.passes(FIRST)
    asked.ask("later")
    assert await asked.said() == [("later", True)]
    assert "guess" not in str(bed.journal.entries)


async def test_of_guesses_that_came_at_once_those_behind_the_penalty_are_not_looked_at(make_bed: ClientBeds) -> None:
    users = GatedUsers()
    asked = Asked(await make_bed(), users)
    for number in range(50):
        asked.ask("x", password=b"guess%d" % number)
    await trio.testing.wait_all_tasks_blocked()
    assert (asked.answers, trio.to_thread.current_default_thread_limiter().borrowed_tokens) == ([], HASHERS)
    users.gate.set()
    assert await asked.said() == 50 * [("x", False)]
    assert BY_NAME.free < asked.hashed <= BY_NAME.free + HASHERS


async def test_other_users_are_gone_by_from_the_next_question_on_and_penalties_stay(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    asked = Asked(bed, make_users())
    for number in range(BY_NAME.free + 1):
        asked.ask("x", b"carol", b"guess%d" % number, address=ELSEWHERE)
        await asked.said()
    asked.passwords.use(Users({b"carol": cheap_hash(b"new")}))
    asked.ask("alice")
    asked.ask("carol", b"carol", b"new")
    asked.ask("elsewhere", b"carol", b"other", ELSEWHERE)
    assert sorted(await asked.said()) == [("alice", False), ("carol", True), ("elsewhere", False)]
    assert asked.passwords.statistics().refused == 1
    await bed.passes(FIRST)
    asked.ask("elsewhere", b"carol", b"new", ELSEWHERE)
    assert await asked.said() == [("elsewhere", True)]


async def test_an_ipv6_64_is_one_that_guesses(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    asked = Asked(bed, make_users())
    for number in range(BY_NAME.free + 1):
        asked.ask("x", password=b"guess%d" % number, address=f"2001:db8::{number}")
        await asked.said()
    asked.ask("the same 64", address="2001:db8::ffff")
    asked.ask("another", address="2001:db8:0:1::1")
    assert sorted(await asked.said()) == [("another", True), ("the same 64", False)]
    assert {fields["client"] for fields in bed.journal.of("password-wrong")} == {"2001:db8::/64"}


async def test_a_guess_whose_client_has_gone_is_not_hashed(make_bed: ClientBeds) -> None:
    users = GatedUsers()
    asked = Asked(await make_bed(), users)
    for number in range(HASHERS):
        asked.ask("in the threads", password=b"guess%d" % number)
    question = asked.passwords.judge(HOME, b"alice", b"other", lambda _: asked.answers.append(("gone", False)))
    assert isinstance(question, Question)
    question.cancel()
    question.cancel()
    users.gate.set()
    assert [name for name, _ in await asked.said()] == HASHERS * ["in the threads"]
    assert (asked.hashed, asked.passwords.statistics().abandoned) == (HASHERS, 1)


async def test_a_question_is_judged_by_the_users_it_was_asked_of(make_bed: ClientBeds) -> None:
    users = GatedUsers()
    asked = Asked(await make_bed(), users)
    asked.ask("x")
    await trio.testing.wait_all_tasks_blocked()
    asked.passwords.use(None)
    users.gate.set()
    assert await asked.said() == [("x", True)]


# ---- as clients meet them

LOGIN = b"\x05\x01\x02\x01\x05alice\x06secret"


async def test_socks_asks_for_the_password_and_goes_on(make_bed: ClientBeds) -> None:
    bed = await make_bed(users=make_users())
    client = bed.program()
    client.sends(LOGIN + socks5()[3:])
    await client.hears(b"\x05\x02\x01\x00")
    await bed.settle()
    bed.exit().connects()
    assert (await client.take(10))[1] == 0


async def test_socks_refuses_a_wrong_one_and_who_offers_none(make_bed: ClientBeds) -> None:
    bed = await make_bed(users=make_users())
    wrong, without = bed.program(), bed.program()
    wrong.sends(LOGIN[:-1] + b"x")
    without.sends(socks5())
    assert await wrong.rest() == b"\x05\x02\x01\x01"
    assert await without.rest() == b"\x05\xff"
    assert bed.exit().opened == 0


async def test_http_asks_again_on_the_same_connection(make_bed: ClientBeds) -> None:
    bed = await make_bed(users=make_users())
    client = bed.program()
    client.sends(get())
    assert (await client.answer())[0].startswith(b"HTTP/1.1 407 ")
    client.sends(get(head="Proxy-Authorization: Basic YWxpY2U6d3Jvbmc=\r\n"))
    assert (await client.answer())[0].startswith(b"HTTP/1.1 407 ")
    client.sends(get(head="Proxy-Authorization: Basic YWxpY2U6c2VjcmV0\r\n"))
    await bed.settle()
    assert bed.exit().opened == 1


async def test_who_leaves_while_it_is_judged_is_forgotten(make_bed: ClientBeds) -> None:
    users = GatedUsers()
    bed = await make_bed(users=users)
    client = bed.program()
    client.sends(LOGIN + socks5()[3:])
    await trio.testing.wait_all_tasks_blocked()
    client.aborts()
    await trio.testing.wait_all_tasks_blocked()
    assert bed.entrance.clients == 0
    users.gate.set()
    await bed.settle()
    assert bed.exit().opened == 0
    bed.assert_empty()


async def test_the_deadline_runs_on_while_it_is_judged(make_bed: ClientBeds) -> None:
    users = GatedUsers()
    bed = await make_bed(users=users)
    client = bed.program()
    client.sends(LOGIN)
    await trio.testing.wait_all_tasks_blocked()
    bed.clock.jump(10.0)
    bed.loop.call_soon(lambda: None)
    await trio.testing.wait_all_tasks_blocked()
    users.gate.set()
    assert await client.rest() == b"\x05\x02"
