"""Answers whether a user and a password belong together. Hashing goes to threads, and comes back as a call."""

import os
from functools import partial

import trio

from ingress.client.guesses import Answer, Guess, Guesses, GuessesStatistics
from ingress.users import Users
from relay import log
from relay.engine import Loop
from relay.model.addresses import group_of

HASHERS = 2
"""Threads that hash passwords at once: each costs a core for some 50 ms."""


class Question:
    """One that was not answered at once."""

    __slots__ = ("_answer", "_guess", "_guesses")

    def __init__(self, guesses: Guesses, guess: Guess, answer: Answer) -> None:
        self._guesses = guesses
        self._guess = guess
        self._answer = answer

    def cancel(self) -> None:
        """Nobody wants to know any more; harmless when it was answered."""
        self._guesses.withdraw(self._guess, self._answer)


class Passwords:
    """Judges passwords of *users*, None if there are none."""

    def __init__(self, loop: Loop, nursery: trio.Nursery, users: Users | None) -> None:
        self._loop = loop
        self._nursery = nursery
        self._has_users = users is not None
        self._guesses = Guesses(users or Users({}), os.urandom(32))
        self._hashers = 0

    def use(self, users: Users | None) -> None:
        """Go by *users* from the next question on."""
        self._has_users = users is not None
        self._guesses.use(users or Users({}))

    def statistics(self) -> GuessesStatistics:
        """Counts since the start."""
        return self._guesses.statistics()

    def judge(self, address: str, user: bytes, password: bytes, answer: Answer) -> bool | Question:
        """Whether the pair is right, if that needs no hashing; else *answer* is called later, from the loop."""
        if not self._has_users:
            return False
        found = self._guesses.ask(group_of(address), user, password, self._loop.now, answer)
        if isinstance(found, bool):
            return found
        if self._hashers < HASHERS:
            self._hashers += 1
            self._nursery.start_soon(self._hash)
        return Question(self._guesses, found, answer)

    async def _hash(self) -> None:
        """A task: hash until nothing waits."""
        try:
            while (taken := self._guesses.take(self._loop.now)) is not None:
                guess, verdict = taken
                if verdict is None:
                    verdict = await trio.to_thread.run_sync(guess.users.verify, guess.user, guess.password)
                    self._settle(guess, verdict)
                for answer in guess.answers:
                    self._loop.call_soon(partial(answer, verdict))
        finally:
            self._hashers -= 1

    def _settle(self, guess: Guess, is_right: bool) -> None:
        seconds = self._guesses.settle(guess, is_right, self._loop.now)
        if not is_right:
            log.event("password-wrong", level="warning", client=guess.source, refused_for=round(seconds, 1))
