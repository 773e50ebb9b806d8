"""Who may use the proxy: names and hashed passwords.

What must stay true: no password is kept except as a hash; a name that does not exist costs a client the same time as
a wrong password; what is compared is compared in constant time. users_file.py has what is on the disk.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping
from typing import Final

import attrs

COST: Final = 2**14
BLOCK: Final = 8
LANES: Final = 1
"""scrypt's n, r, p as RFC 7914 section 2 calls them: 16 MiB and about 50 ms for a guess."""
MOST_MEMORY: Final = 2**26
"""Bytes one hash may take; a file that asks for more is refused, not obeyed."""
MOST_LANES: Final = 16
"""Lanes are computed one after another: each costs the time of a hash."""
DIGEST_SIZE: Final = 32


@attrs.frozen
class Hash:
    """A password as it is kept: scrypt's parameters, the salt, and what comes out (RFC 7914)."""

    cost: int
    block: int
    lanes: int
    salt: bytes
    digest: bytes

    def __str__(self) -> str:
        salt, digest = (base64.b64encode(each).decode() for each in (self.salt, self.digest))
        return f"scrypt:{self.cost}:{self.block}:{self.lanes}:{salt}:{digest}"

    @property
    def is_computable(self) -> bool:
        """Whether scrypt takes the parameters (RFC 7914 section 2) and stays within MOST_MEMORY and MOST_LANES."""
        is_power_of_two = self.cost > 1 and self.cost & (self.cost - 1) == 0
        is_small = 128 * self.block * (self.cost + self.lanes + 2) <= MOST_MEMORY and 1 <= self.lanes <= MOST_LANES
        return is_power_of_two and is_small and self.block >= 1 and len(self.digest) == DIGEST_SIZE

    def matches(self, password: bytes) -> bool:
        """Whether it was made of *password*; takes some 50 ms."""
        return hmac.compare_digest(self.digest, self._computed(password))

    def _computed(self, password: bytes) -> bytes:
        return hashlib.scrypt(
            password, salt=self.salt, n=self.cost, r=self.block, p=self.lanes, maxmem=MOST_MEMORY, dklen=DIGEST_SIZE
        )


def hash_password(password: bytes) -> Hash:
    """A new hash, with a new salt; takes some 50 ms."""
    empty = Hash(COST, BLOCK, LANES, os.urandom(16), b"")
    return attrs.evolve(empty, digest=empty._computed(password))


class Users:
    """The users of one file. `verify` may run in any thread."""

    __slots__ = ("_decoy", "_hashes")

    def __init__(self, hashes: Mapping[bytes, Hash]) -> None:
        self._hashes = dict(hashes)
        self._decoy = Hash(COST, BLOCK, LANES, os.urandom(16), bytes(DIGEST_SIZE))
        """What a password is compared with when there is no such user, so that this takes as long."""

    def knows(self, user: bytes) -> bool:
        """Whether there is such a user."""
        return user in self._hashes

    def verify(self, user: bytes, password: bytes) -> bool:
        """Whether *password* is that of *user*; takes some 50 ms of a core, whoever it is: call it in a thread."""
        found = self._hashes.get(user)
        is_match = (found or self._decoy).matches(password)
        return found is not None and is_match

    def fingerprint(self, user: bytes, password: bytes, key: bytes) -> bytes:
        """What a pair is remembered by; takes microseconds. It is another one once the user has another hash, and tells
        nothing to whoever lacks the *key* (at most 64 bytes)."""
        found = self._hashes.get(user)
        known = b"" if found is None else found.salt + found.digest
        told = b"".join(len(each).to_bytes(4, "big") + each for each in (known, user, password))
        return hashlib.blake2b(told, key=key, digest_size=DIGEST_SIZE).digest()

    def is_unchanged(self, user: bytes, other: "Users") -> bool:
        """Whether *user* is one of these and of *other*, with the same hash."""
        return user in self._hashes and self._hashes[user] == other._hashes.get(user)

    def __len__(self) -> int:
        return len(self._hashes)
