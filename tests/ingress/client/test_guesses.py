"""Which pair is hashed, and in which order: a script of questions and verdicts, at moments that the test names."""

from collections.abc import Callable

import attrs
from hypothesis import given
from hypothesis import strategies as st

from ingress.client.guesses import MOST_WRONG, Guess, Guesses, GuessesStatistics
from ingress.penalty import BY_ADDRESS, BY_NAME, FIRST
from ingress.users import Hash, Users

HOME, ELSEWHERE = "192.0.2.1", "192.0.2.2"
DIGEST = bytes(32)
PASSWORDS = {b"alice": b"secret", b"bob": b"hidden"}


def users_with(**salts: bytes) -> Users:
    """Whose hashes differ by their salts; nobody computes them here."""
    return Users({name.encode(): Hash(2, 1, 1, salt, DIGEST) for name, salt in salts.items()})


USERS = users_with(alice=b"a", bob=b"b")


@attrs.define
class Script:
    """Guesses, and what was answered later, in order."""

    guesses: Guesses = attrs.Factory(lambda: Guesses(USERS, b"key"))
    now: float = 100.0
    heard: list[tuple[str, bool]] = attrs.Factory(list)
    hashed: list[tuple[str, bytes, bytes]] = attrs.Factory(list)

    def ask(self, source: str = HOME, user: bytes = b"alice", password: bytes = b"secret") -> bool | Guess:
        return self.guesses.ask(source, user, password, self.now, self._hear(source))

    def _hear(self, source: str):
        return lambda verdict: self.heard.append((source, verdict))

    def hash_one(self) -> bool:
        """Whether anything waited."""
        taken = self.guesses.take(self.now)
        if taken is None:
            return False
        guess, verdict = taken
        if verdict is None:
            self.hashed.append((guess.source, guess.user, guess.password))
            verdict = PASSWORDS.get(guess.user) == guess.password
            self.guesses.settle(guess, verdict, self.now)
        for answer in guess.answers:
            answer(verdict)
        return True

    def hash_all(self) -> None:
        while self.hash_one():
            pass

    def login(self, source: str = HOME, user: bytes = b"alice", password: bytes = b"secret") -> bool:
        """Ask, and have it hashed if need be."""
        found = self.ask(source, user, password)
        if isinstance(found, bool):
            return found
        self.hash_all()
        return self.heard[-1][1]

    def guess(self, times: int, source: str = HOME, user: bytes = b"alice") -> None:
        """So many different wrong passwords, each as soon as it may be tried."""
        for number in range(times):
            self.login(source, user, b"guess %d" % number)

    @property
    def counts(self) -> GuessesStatistics:
        return self.guesses.statistics()


def test_a_pair_that_was_right_is_right_at_once() -> None:
    script = Script()
    assert script.login()
    assert script.ask() is True
    assert script.ask(ELSEWHERE) is True
    assert len(script.hashed) == 1


def test_d2_six_wrong_ones_of_a_made_up_name_bother_no_other_name() -> None:
    script = Script()
    assert script.login()
    script.guess(BY_NAME.free + 1, user=b"made up")
    assert script.ask(user=b"made up", password=b"another") is False
    assert script.ask() is True
    assert script.login(user=b"bob", password=b"hidden")


def test_d2_a_pair_that_was_right_passes_before_any_penalty() -> None:
    script = Script()
    assert script.login()
    script.guess(BY_NAME.free + 1)
    assert script.ask(password=b"another") is False
    script.guess(BY_ADDRESS.free, user=b"others")
    assert script.ask() is True


def test_d2_an_old_phone_that_asks_once_a_second_for_hours_counts_once() -> None:
    script = Script()
    for _ in range(6 * 3600):
        assert not script.login(password=b"of last year")
        script.now += 1.0
    assert len(script.hashed) == 1
    assert script.counts == GuessesStatistics(waiting=0, wrong=1, repeated=6 * 3600 - 1, refused=0, abandoned=0)
    assert script.login()
    assert script.login(user=b"bob", password=b"hidden")


def test_the_phone_is_remembered_however_many_others_guess() -> None:
    script = Script()
    script.login(password=b"of last year")
    for number in range(2 * MOST_WRONG):
        script.login(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", password=b"guess")
        if number % (MOST_WRONG // 2) == 0:
            assert script.ask(password=b"of last year") is False
    before = len(script.hashed)
    assert not script.login(password=b"of last year")
    assert len(script.hashed) == before


def test_the_same_pair_at_once_is_hashed_once_and_all_hear_it() -> None:
    script = Script()
    for _ in range(7):
        assert isinstance(script.ask(password=b"of last year"), Guess)
    script.hash_all()
    assert script.heard == 7 * [(HOME, False)]
    assert (len(script.hashed), script.counts.wrong) == (1, 1)


def test_guessing_one_name_is_made_slow_and_the_wait_ends() -> None:
    script = Script()
    script.guess(BY_NAME.free + 3)
    assert len(script.hashed) == BY_NAME.free + 1
    assert script.ask() is False  # right, and too soon
    assert script.login(ELSEWHERE)
    script.now += FIRST
    script.guesses.use(users_with(alice=b"new", bob=b"b"))  # or it would be remembered
    assert script.login()


def test_guessing_many_names_from_one_address_is_made_slow() -> None:
    script = Script()
    for number in range(100):
        script.guess(1, user=b"name %d" % number)
    assert len(script.hashed) == BY_ADDRESS.free + 1
    assert script.ask(user=b"bob", password=b"hidden") is False
    assert isinstance(script.ask(ELSEWHERE, b"bob", b"hidden"), Guess)


def test_a_right_one_that_was_hashed_forgives_its_names_wrong_ones() -> None:
    script = Script()
    script.guess(3, user=b"bob")
    for number in range(BY_ADDRESS.free - 3):
        script.guess(1, user=b"name %d" % number)
    assert script.login(user=b"bob", password=b"hidden")
    script.guess(3)
    assert script.login()


def test_a_guess_whose_client_has_gone_is_not_hashed() -> None:
    script = Script()
    answers = [script._hear(HOME) for _ in range(2)]
    guess, again = [script.guesses.ask(HOME, b"alice", b"x", script.now, answer) for answer in answers]
    assert isinstance(guess, Guess) and again is guess
    script.guesses.withdraw(guess, answers[0])
    assert script.counts.waiting == 1
    script.guesses.withdraw(guess, answers[1])
    script.guesses.withdraw(guess, answers[1])
    script.hash_all()
    assert (script.hashed, script.heard) == ([], [])
    assert script.counts == GuessesStatistics(waiting=0, wrong=0, repeated=0, refused=0, abandoned=1)


def test_who_leaves_while_it_is_hashed_hears_nothing_and_it_counts() -> None:
    script = Script()
    answer = script._hear(HOME)
    guess = script.guesses.ask(HOME, b"alice", b"x", script.now, answer)
    assert isinstance(guess, Guess)
    taken = script.guesses.take(script.now)
    assert taken == (guess, None)
    script.guesses.withdraw(guess, answer)
    script.guesses.settle(guess, False, script.now)
    assert (script.counts.wrong, script.counts.abandoned, script.counts.waiting) == (1, 0, 0)
    assert script.ask(password=b"x") is False


def test_of_guesses_that_came_at_once_those_behind_the_penalty_are_not_looked_at() -> None:
    script = Script()
    for number in range(50):
        script.ask(password=b"guess %d" % number)
    script.hash_all()
    assert script.heard == 50 * [(HOME, False)]
    assert len(script.hashed) == BY_NAME.free + 1
    assert script.counts.refused == 50 - len(script.hashed)


def test_d2_two_hundred_that_have_failed_once_stand_behind_one_that_has_not() -> None:
    script = Script()
    crowd = [f"203.0.113.{number}" for number in range(200)]
    for source in crowd:
        script.login(source, password=b"first")
    for source in crowd:
        script.ask(source, password=b"second")
    script.hashed.clear()
    script.ask()
    script.hash_one()
    assert script.hashed == [(HOME, b"alice", b"secret")]
    assert script.heard[-1] == (HOME, True)


def test_d2_a_crowd_that_has_not_failed_yet_stands_behind_who_comes_after_it() -> None:
    script = Script()
    for number in range(200):
        script.ask(f"203.0.113.{number}", password=b"first")
    script.ask()
    script.hash_one()
    assert script.heard == [(HOME, True)]


def test_a_source_that_was_right_before_goes_first_though_it_has_failed_since() -> None:
    script = Script()
    assert script.login()
    script.guess(1, user=b"bob")
    script.ask(user=b"bob", password=b"hidden")
    script.ask(ELSEWHERE, b"bob", b"x")
    script.ask("192.0.2.3", b"bob", b"x")
    script.hash_all()
    assert [source for source, *_ in script.hashed[2:]] == ["192.0.2.3", ELSEWHERE, HOME]
    script.login(ELSEWHERE, b"bob", b"y")
    script.hashed.clear()
    script.guesses.use(users_with(alice=b"new", bob=b"new"))
    script.ask(user=b"bob", password=b"z")
    script.ask(ELSEWHERE, b"bob", b"z")
    script.hash_all()
    assert [source for source, *_ in script.hashed] == [HOME, ELSEWHERE]


def test_one_source_that_asks_much_stands_in_its_own_way_only() -> None:
    script = Script()
    for number in range(100):
        script.ask(ELSEWHERE, b"name %d" % number, b"x")
    script.ask()
    for _ in range(2):
        script.hash_one()
    assert (HOME, True) in script.heard


def test_what_was_right_is_not_right_any_more_once_the_hash_is_another() -> None:
    script = Script()
    assert script.login()
    script.guesses.use(users_with(alice=b"changed", bob=b"b"))
    assert isinstance(script.ask(), Guess)


def test_what_was_right_stays_right_when_only_others_change() -> None:
    script = Script()
    assert script.login()
    script.guess(BY_NAME.free + 1)
    script.guesses.use(users_with(alice=b"a", carol=b"c"))
    assert script.ask() is True  # although alice may not be guessed at for a while


def test_who_was_taken_out_is_not_let_in_and_not_kept() -> None:
    script = Script()
    assert script.login()
    script.guesses.use(users_with(bob=b"b"))
    assert isinstance(script.ask(), Guess)
    script.guesses.use(USERS)
    assert isinstance(script.ask(), Guess)


def test_what_was_wrong_is_asked_again_once_the_hash_is_another() -> None:
    script = Script()
    assert not script.login(user=b"carol", password=b"new")
    script.guesses.use(users_with(carol=b"c"))
    assert isinstance(script.ask(user=b"carol", password=b"new"), Guess)


def test_a_password_is_never_shown() -> None:
    script = Script()
    assert "secret" not in repr(script.ask())
    script.hash_all()
    assert "secret" not in repr(script.guesses)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "leave", "hash", "reload", "wait"]),
        st.sampled_from([HOME, ELSEWHERE]),
        st.sampled_from([b"alice", b"bob", b"eve"]),
        st.sampled_from([b"secret", b"hidden", b"x", b"y"]),
    ),
    max_size=60,
)


@given(STEPS)
def test_nobody_gets_in_by_a_wrong_pair_and_who_waits_hears_once(steps: list[tuple[str, str, bytes, bytes]]) -> None:
    script = Script()
    waiting: dict[int, tuple[Guess, Callable[[bool], None]]] = {}
    for number, (what, source, user, password) in enumerate(steps):
        is_right = PASSWORDS.get(user) == password

        def answer(verdict: bool, number: int = number, is_right: bool = is_right) -> None:
            del waiting[number]
            assert is_right or not verdict

        if what == "ask":
            found = script.guesses.ask(source, user, password, script.now, answer)
            if isinstance(found, Guess):
                waiting[number] = found, answer
            else:
                assert is_right or not found
        elif what == "leave" and waiting:
            script.guesses.withdraw(*waiting.pop(next(iter(waiting))))
        elif what == "hash":
            script.hash_one()
        elif what == "reload":
            script.guesses.use(USERS)
        elif what == "wait":
            script.now += 10.0
    script.hash_all()
    assert waiting == {}
    assert script.counts.waiting == 0
