"""Which pair of user and password is hashed next, and which needs no hashing: the rules that docs/threats.md states.

Pure: time is told, and nothing is hashed here. What must stay true: a pair that was right is right at once, whatever
else came from its address, until its user's hash changes; a pair that was wrong is wrong at once, and counts once; what
nobody waits for any more is not hashed; no password is kept except in a guess that waits.

First come those from sources that have failed least, less one for a source that was right before, and more for each of
its own that waits; of equals the latest, because when more come than can be hashed, whoever came early is about to give
up, and none would be answered in time if it went first.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

import attrs

from ingress.lru import Lru
from ingress.penalty import BY_ADDRESS, BY_NAME, PenaltyBox
from ingress.users import Users

MOST_WRONG: Final = 10_000
"""Wrong pairs remembered. One that is sent again and again never is the one that makes room."""
MOST_GOOD: Final = 10_000
"""Sources remembered from which a right password came."""

Answer = Callable[[bool], None]
Pair = tuple[str, bytes]
"""A source, and the fingerprint of user and password."""


@attrs.frozen
class GuessesStatistics:
    """Passwords at one moment, and since the start."""

    waiting: int
    """Pairs that wait to be hashed, or are being hashed."""
    wrong: int
    """That were hashed, and were wrong."""
    repeated: int
    """That were known to be wrong from before."""
    refused: int
    """That were not looked at, because too many wrong ones came before."""
    abandoned: int
    """That were not hashed, because whoever asked had gone."""


@attrs.define(eq=False)
class Guess:
    """A pair from one source, and all who wait to hear whether it is right."""

    pair: Pair
    user: bytes
    password: bytes = attrs.field(repr=False)
    users: Users
    """Those that it is judged by, whatever is reloaded meanwhile."""
    rank: int
    """Lower is hashed earlier."""
    answers: dict[Answer, None] = attrs.Factory(dict)
    """Of those who wait."""

    @property
    def source(self) -> str:
        """Where it came from."""
        return self.pair[0]


class Guesses:
    """All of an ingress's. Fingerprints are made with *key*, which is nobody else's."""

    __slots__ = (
        "_abandoned",
        "_by_address",
        "_by_name",
        "_good",
        "_key",
        "_known",
        "_queued",
        "_ranks",
        "_refused",
        "_repeated",
        "_right",
        "_users",
        "_wrong",
        "_wrong_count",
    )

    def __init__(self, users: Users, key: bytes) -> None:
        self._users = users
        self._key = key
        self._right: dict[bytes, bytes] = {}
        """The fingerprint of each user that was right: at most one for each in the file."""
        self._wrong: Lru[Pair, bool] = Lru(MOST_WRONG)
        self._good: Lru[str, bool] = Lru(MOST_GOOD)
        """Sources of passwords that were right."""
        self._known: dict[Pair, Guess] = {}
        """Those that wait or are being hashed; one for each pair, however many ask."""
        self._ranks: dict[int, dict[Guess, None]] = {}
        """Those that wait, by rank; the latest last."""
        self._queued: Counter[str] = Counter()
        """How many wait of each source."""
        self._by_name: PenaltyBox[tuple[str, bytes]] = PenaltyBox(BY_NAME)
        self._by_address: PenaltyBox[str] = PenaltyBox(BY_ADDRESS)
        self._wrong_count = self._repeated = self._refused = self._abandoned = 0

    def use(self, users: Users) -> None:
        """Go by *users* from the next question on. Fingerprints depend on a user's hash: what was right or wrong of
        those whose hash is another now is not remembered, and nothing is forgotten of the others. Penalties stay."""
        self._users = users
        self._right = {user: found for user, found in self._right.items() if users.knows(user)}

    def statistics(self) -> GuessesStatistics:
        """Counts since the start."""
        return GuessesStatistics(len(self._known), self._wrong_count, self._repeated, self._refused, self._abandoned)

    def ask(self, source: str, user: bytes, password: bytes, now: float, answer: Answer) -> bool | Guess:
        """Whether the pair is right, if that is known or it is not to be looked at; else *answer* will hear it, unless
        `withdraw` is called before."""
        pair = source, self._users.fingerprint(user, password, self._key)
        known = self._judge(pair, user, now)
        if known is not None:
            return known
        guess = self._known.get(pair)
        if guess is None:
            rank = self._by_address.count(source, now) + self._queued[source] - (source in self._good)
            guess = self._known[pair] = Guess(pair, user, password, self._users, rank)
            self._ranks.setdefault(rank, {})[guess] = None
            self._queued[source] += 1
        guess.answers[answer] = None
        return guess

    def withdraw(self, guess: Guess, answer: Answer) -> None:
        """*answer* need not hear any more. A guess that nobody waits for is not hashed, if it was not begun."""
        guess.answers.pop(answer, None)
        if not guess.answers and guess in self._ranks.get(guess.rank, ()):
            self._abandoned += 1
            self._leave_queue(guess)
            del self._known[guess.pair]

    def take(self, now: float) -> tuple[Guess, bool | None] | None:
        """The next guess, and its verdict if there is one by now; None as a verdict: have it hashed, and call `settle`.
        None if nothing waits."""
        if not self._ranks:
            return None
        guess = next(reversed(self._ranks[min(self._ranks)]))
        self._leave_queue(guess)
        verdict = self._judge(guess.pair, guess.user, now)
        if verdict is not None:
            del self._known[guess.pair]
        return guess, verdict

    def settle(self, guess: Guess, is_right: bool, now: float) -> float:
        """It was hashed. Returns for how many seconds its source, or its name there, is refused now."""
        del self._known[guess.pair]
        if is_right:
            self._right[guess.user] = guess.pair[1]
            self._good.put(guess.source, True)
            self._by_address.forgive(guess.source, self._by_name.forgive((guess.source, guess.user)))
            return 0.0
        self._wrong_count += 1
        self._wrong.put(guess.pair, True)
        by_name = self._by_name.failed((guess.source, guess.user), now)
        return max(by_name, self._by_address.failed(guess.source, now))

    def _judge(self, pair: Pair, user: bytes, now: float) -> bool | None:
        """What is known of *pair* without a hash."""
        source, fingerprint = pair
        if self._right.get(user) == fingerprint:
            return True
        if self._wrong.use(pair):
            self._repeated += 1
            return False
        if max(self._by_name.remaining((source, user), now), self._by_address.remaining(source, now)) > 0:
            self._refused += 1
            return False
        return None

    def _leave_queue(self, guess: Guess) -> None:
        waiting = self._ranks[guess.rank]
        del waiting[guess]
        if not waiting:
            del self._ranks[guess.rank]
        self._queued[guess.source] -= 1
        if not self._queued[guess.source]:
            del self._queued[guess.source]
