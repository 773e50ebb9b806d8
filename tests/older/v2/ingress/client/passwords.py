"""Answers whether a user and a password belong together. Hashing goes to a thread, and comes back as a call."""

from collections.abc import Callable

import trio

from ingress.penalty import PenaltyBox
from ingress.users import Users
from relay import log
from relay.engine import Loop

HASHERS = 2
"""Threads that hash passwords at once: each costs a core for some 50 ms."""

Answer = Callable[[bool], None]


class Passwords:
    """Judges passwords of *users*, None if there are none; guessing is made slow by address."""

    def __init__(self, loop: Loop, nursery: trio.Nursery, users: Users | None) -> None:
        self._loop = loop
        self._nursery = nursery
        self._users = users
        self._turns = trio.CapacityLimiter(HASHERS)
        self._penalties = PenaltyBox()

    def use(self, users: Users | None) -> None:
        """Go by *users* from the next question on; penalties stay."""
        self._users = users

    def judge(self, address: str, user: bytes, password: bytes, answer: Answer) -> None:
        """Call *answer* soon, from the loop; without hashing for a pair that was right before."""
        users = self._users
        if users is None or self._penalties.is_refused(address, self._loop.now):
            self._tell(answer, False)
        elif users.remembered(user, password):
            self._tell(answer, True)
        else:
            self._nursery.start_soon(self._verify, users, address, user, password, answer)

    async def _verify(self, users: Users, address: str, user: bytes, password: bytes, answer: Answer) -> None:
        async with self._turns:
            # Guesses that came at once stand in line here, and those behind a wrong one are not looked at.
            if self._penalties.is_refused(address, self._loop.now):
                self._tell(answer, False)
                return
            accepted = await trio.to_thread.run_sync(users.verify, user, password)
        if accepted:
            self._penalties.succeeded(address)
        else:
            seconds = self._penalties.failed(address, self._loop.now)
            log.event("password-wrong", level="warning", client=address, refused_for=round(seconds, 1))
        self._tell(answer, bool(accepted))

    def _tell(self, answer: Answer, accepted: bool) -> None:
        self._loop.call_soon(lambda: answer(accepted))
