"""Sessions and what begins them, under a clock that is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.web import sessions
from ingress.web.sessions import IDLE_SECONDS, INVITATION_SECONDS, LONGEST, Admitted, PageSessions, digest_of


def test_an_invitation_is_of_use_once() -> None:
    kept = PageSessions()
    token = kept.invite(0.0)
    admitted = kept.redeem(token, INVITATION_SECONDS)
    assert admitted is not None and kept.redeem(token, 1.0) is None
    session = kept.find(admitted.cookie, 1.0)
    assert session is not None and session.user == ""
    assert session.has_key(admitted.key) and not session.has_key(admitted.cookie) and not session.has_key("")


def test_an_invitation_ends() -> None:
    kept = PageSessions()
    assert kept.redeem(kept.invite(0.0), INVITATION_SECONDS + 0.1) is None
    assert kept.redeem("made up", 0.0) is None and len(kept) == 0


def test_the_oldest_invitation_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_INVITATIONS", 2)
    kept = PageSessions()
    first, second, third = (kept.invite(0.0) for _ in range(3))
    assert kept.redeem(first, 0.0) is None
    assert kept.redeem(second, 0.0) is not None and kept.redeem(third, 0.0) is not None


def test_a_session_ends_when_it_is_idle_and_in_any_case() -> None:
    kept = PageSessions()
    admitted = kept.open("ann", 0.0)
    at = 0.0
    while at + IDLE_SECONDS < LONGEST:
        at += IDLE_SECONDS
        assert kept.find(admitted.cookie, at) is not None
    assert kept.find(admitted.cookie, LONGEST + 1) is None
    other = kept.open("ann", 0.0)
    assert kept.find(other.cookie, IDLE_SECONDS + 1) is None and len(kept) == 0


def test_whether_one_goes_on_does_not_use_it() -> None:
    kept = PageSessions()
    session = kept.find(kept.open("ann", 0.0).cookie, 0.0)
    assert session is not None
    number = session.digest.hex()
    assert kept.is_open(number, IDLE_SECONDS) and not kept.is_open(number, IDLE_SECONDS + 1)
    kept.close(number)
    kept.close(number)
    assert not kept.is_open(number, 0.0)


def test_the_session_that_was_idle_for_longest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_SESSIONS", 2)
    kept = PageSessions()
    first, second = kept.open("ann", 0.0), kept.open("ben", 1.0)
    assert kept.find(first.cookie, 2.0) is not None
    kept.open("cat", 3.0)
    assert kept.find(second.cookie, 4.0) is None and kept.find(first.cookie, 4.0) is not None


def test_users_that_are_no_more_are_out_and_others_stay() -> None:
    kept = PageSessions()
    by_address = kept.redeem(kept.invite(0.0), 0.0)
    ann, ben = kept.open("ann", 0.0), kept.open("ben", 0.0)
    kept.close_all_but(lambda user: user == "ben")
    assert by_address is not None
    assert [kept.find(one.cookie, 0.0) is not None for one in (by_address, ann, ben)] == [True, False, True]


@given(st.lists(st.text(max_size=50), max_size=20))
def test_nothing_that_is_made_up_is_let_in(guesses: list[str]) -> None:
    kept = PageSessions()
    kept.invite(0.0)
    kept.open("ann", 0.0)
    for guess in guesses:
        assert kept.redeem(guess, 0.0) is None and kept.find(guess, 0.0) is None


def test_secrets_are_long_and_kept_as_digests_alone() -> None:
    kept = PageSessions()
    admitted, token = kept.open("ann", 0.0), kept.invite(0.0)
    assert all(len(secret) >= 43 for secret in (admitted.cookie, admitted.key, token))
    told = repr(vars(kept))
    assert not any(secret in told for secret in (admitted.cookie, admitted.key, token))
    assert digest_of("\udc80") != digest_of("")
    assert Admitted("a", "b") != Admitted("b", "a")
