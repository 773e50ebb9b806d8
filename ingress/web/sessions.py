"""Who has shown that he may look: one-use tokens of `ingress page`, and the sessions that they, or passwords, begin.

Pure: time is told. What must stay true: cookies, keys and tokens are random, 256 bits, and only their digests are kept;
how many there are is bounded; a token is of use once.

A session has two secrets. Browsers send a cookie to every port of a host, so that another user's server on the same
machine may come to see it; the *key* is what the page alone was told, and keeps for its own origin. Both are asked for.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Final

import attrs

INVITATION_SECONDS: Final = 600.0
"""For which an address of `ingress page` is of use."""
MOST_INVITATIONS: Final = 32
IDLE_SECONDS: Final = 12 * 3600.0
"""Without a request, after which a session is over."""
LONGEST: Final = 30 * 86400.0
"""Seconds after which it is over in any case."""
MOST_SESSIONS: Final = 256
"""Whoever has been idle for longest makes room."""
BYTES: Final = 32
"""Of each secret."""


@attrs.frozen
class Admitted:
    """A session that has begun, as its owner is told of it; nobody else ever is."""

    cookie: str
    key: str


@attrs.define
class PageSession:
    """One of them."""

    digest: bytes
    key_digest: bytes
    user: str
    begun: float
    used: float

    def is_over(self, now: float) -> bool:
        """Whether it has been idle for too long, or lasted too long."""
        return now - self.used > IDLE_SECONDS or now - self.begun > LONGEST

    def has_key(self, key: str) -> bool:
        """Whether *key* is its key."""
        return hmac.compare_digest(self.key_digest, digest_of(key))


class PageSessions:
    """All of one ingress. They do not outlive the process."""

    def __init__(self) -> None:
        self._invitations: dict[bytes, float] = {}
        """Until when each is of use; the oldest first."""
        self._sessions: dict[bytes, PageSession] = {}
        """By the digest of the cookie; who was idle for longest first."""

    def __len__(self) -> int:
        return len(self._sessions)

    def invite(self, now: float) -> str:
        """A token that begins one session."""
        if len(self._invitations) >= MOST_INVITATIONS:
            del self._invitations[next(iter(self._invitations))]
        token = secrets.token_urlsafe(BYTES)
        self._invitations[digest_of(token)] = now + INVITATION_SECONDS
        return token

    def redeem(self, token: str, now: float) -> Admitted | None:
        """The session that *token* begins; None if it is of no use (any more)."""
        until = self._invitations.pop(digest_of(token), None)
        return None if until is None or now > until else self.open("", now)

    def open(self, user: str, now: float) -> Admitted:
        """A session of *user*, who has shown his password."""
        cookie, key = secrets.token_urlsafe(BYTES), secrets.token_urlsafe(BYTES)
        if len(self._sessions) >= MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        session = PageSession(digest_of(cookie), digest_of(key), user, now, now)
        self._sessions[session.digest] = session
        return Admitted(cookie, key)

    def find(self, cookie: str, now: float) -> PageSession | None:
        """The session that *cookie* belongs to, which is used by that."""
        session = self._sessions.pop(digest_of(cookie), None)
        if session is None or session.is_over(now):
            return None
        session.used = now
        self._sessions[session.digest] = session
        return session

    def is_open(self, digest: str, now: float) -> bool:
        """Whether the session whose cookie has *digest* (in hex) goes on."""
        session = self._sessions.get(bytes.fromhex(digest))
        return session is not None and not session.is_over(now)

    def close(self, digest: str) -> None:
        """End the session whose cookie has *digest* (in hex); harmless if it is over."""
        self._sessions.pop(bytes.fromhex(digest), None)

    def close_all_but(self, is_kept: Callable[[str], bool]) -> None:
        """End the sessions of users that are not to be kept."""
        for session in [one for one in self._sessions.values() if one.user and not is_kept(one.user)]:
            del self._sessions[session.digest]


def digest_of(secret: str) -> bytes:
    """What is kept of a secret. It has 256 random bits, so that no salt is needed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
