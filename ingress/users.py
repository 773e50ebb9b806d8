"""Who may use the proxy: names and hashed passwords in users.toml, and what is remembered of the passwords seen.

What must stay true: no password is kept, in the file or in memory, except as a hash; a name that does not exist costs
a client the same time as a wrong password; what is compared is compared in constant time.
"""

import base64
import hashlib
import hmac
import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs

from relay.config.mistakes import nearest
from relay.errors import OperatorError
from relay.private import read_private, write_private

COST: Final = 2**14
BLOCK: Final = 8
LANES: Final = 1
"""scrypt's n, r, p as RFC 7914 section 2 calls them: 16 MiB and about 50 ms for a guess."""
MOST_MEMORY: Final = 2**26
"""Bytes one hash may take; a file that asks for more is refused, not obeyed."""
MOST_BYTES: Final = 255
"""Of a name or a password: RFC 1929 section 2 has one byte for the length."""


class UsersError(OperatorError):
    """users.toml, a name or a password cannot be used."""


@attrs.frozen
class Hash:
    """A password as it is kept."""

    cost: int
    block: int
    lanes: int
    salt: bytes
    digest: bytes

    def __str__(self) -> str:
        salt, digest = (base64.b64encode(each).decode() for each in (self.salt, self.digest))
        return f"scrypt:{self.cost}:{self.block}:{self.lanes}:{salt}:{digest}"

    def matches(self, password: bytes) -> bool:
        """Whether it was made of *password*; takes some 50 ms."""
        return hmac.compare_digest(self.digest, self._of(password))

    def _of(self, password: bytes) -> bytes:
        return hashlib.scrypt(
            password, salt=self.salt, n=self.cost, r=self.block, p=self.lanes, maxmem=MOST_MEMORY, dklen=32
        )


def hash_password(password: bytes) -> Hash:
    """A new hash, with a new salt; takes some 50 ms."""
    empty = Hash(COST, BLOCK, LANES, os.urandom(16), b"")
    return attrs.evolve(empty, digest=empty._of(password))


class Users:
    """The users of one file. `verify` may run in any thread."""

    __slots__ = ("_hashes", "_key", "_nobody", "_seen")

    def __init__(self, hashes: Mapping[bytes, Hash]) -> None:
        self._hashes = dict(hashes)
        self._key = os.urandom(32)
        self._seen: dict[bytes, bytes] = {}
        """At most one entry for each user that exists: bounded by the file."""
        self._nobody = Hash(COST, BLOCK, LANES, os.urandom(16), bytes(32))

    def remembered(self, user: bytes, password: bytes) -> bool:
        """Whether `verify` has said yes to this pair before; takes microseconds."""
        seen = self._seen.get(user)
        return seen is not None and hmac.compare_digest(seen, self._keyed(user, password))

    def verify(self, user: bytes, password: bytes) -> bool:
        """Whether *password* is that of *user*; takes some 50 ms of a core, whoever it is: call it in a thread."""
        found = self._hashes.get(user)
        is_match = (found or self._nobody).matches(password)
        if found is None or not is_match:
            return False
        self._seen[user] = self._keyed(user, password)
        return True

    def __len__(self) -> int:
        return len(self._hashes)

    def _keyed(self, user: bytes, password: bytes) -> bytes:
        return hashlib.blake2b(len(user).to_bytes(4, "big") + user + password, key=self._key, digest_size=32).digest()


def load_users(path: Path) -> Users:
    """The users of the file at *path*. UsersError if it is missing, wrong, or readable by others."""
    if not path.exists():
        raise UsersError(f"{path}: there is no such file; run `ingress user add NAME`")
    return Users({name.encode(): found for name, found in _read(path).items()})


def list_users(path: Path) -> list[str]:
    """The names in the file, in its order; none if there is no file."""
    return list(_read(path))


def add_user(path: Path, name: str, password: str) -> bool:
    """Put *name* into the file, or give it a new password. Returns whether it is new."""
    refuse_bad_name(name)
    refuse_bad_password(password)
    hashes = _read(path)
    is_new = name not in hashes
    _write(path, {**hashes, name: hash_password(password.encode())})
    return is_new


def remove_user(path: Path, name: str) -> None:
    """Take *name* out of the file."""
    hashes = _read(path)
    if name not in hashes:
        raise UsersError(f'{path}: there is no user "{name}"; {nearest(name, hashes)}')
    _write(path, {other: found for other, found in hashes.items() if other != name})


def refuse_bad_name(name: str) -> None:
    """UsersError unless *name* can be sent by every client."""
    if ":" in name:  # RFC 7617 section 2: "a user-id containing a colon character is invalid"
        raise UsersError(f"{name!r} has a colon, which HTTP cannot send in a name; leave it out")
    _refuse_unsendable("the name", name)


def refuse_bad_password(password: str) -> None:
    """UsersError unless *password* can be sent by every client."""
    _refuse_unsendable("the password", password)


def _refuse_unsendable(what: str, value: str) -> None:
    if not value or any(ord(each) < 32 or ord(each) == 127 or 0xD800 <= ord(each) < 0xE000 for each in value):
        raise UsersError(f"{what} is empty or has control characters; choose another")
    if len(value.encode()) > MOST_BYTES:
        raise UsersError(
            f"{what} is longer than {MOST_BYTES} bytes, the most that SOCKS can send; choose a shorter one"
        )


def _read(path: Path) -> dict[str, Hash]:
    if not path.exists():
        return {}
    try:
        content = tomllib.loads(read_private(path).decode())
    except ValueError as error:  # not UTF-8, or not TOML
        raise UsersError(f"{path}: cannot be understood ({error}); mend that line") from error
    users = content.get("users", {})
    if content.keys() - {"users"} or not isinstance(users, dict):
        raise UsersError(f"{path}: holds something besides [users]; take it out")
    return {name: _parse_hash(path, name, value) for name, value in users.items()}


def _parse_hash(path: Path, name: str, value: object) -> Hash:
    try:
        kind, cost, block, lanes, salt, digest = str(value).split(":")
        decoded = (base64.b64decode(each, validate=True) for each in (salt, digest))
        found = Hash(int(cost), int(block), int(lanes), *decoded)
    except ValueError:
        found, kind = None, ""
    if found is None or kind != "scrypt" or not _can_be_computed(found):
        raise UsersError(f"{path}: the hash of {name!r} cannot be understood; run `ingress user add {name}`")
    return found


def _can_be_computed(found: Hash) -> bool:
    """Whether scrypt takes its parameters (RFC 7914 section 2) and stays within MOST_MEMORY."""
    is_power_of_two = found.cost > 1 and found.cost & (found.cost - 1) == 0
    is_small = 128 * found.block * (found.cost + found.lanes + 2) <= MOST_MEMORY and 1 <= found.lanes <= 16
    return is_power_of_two and is_small and found.block >= 1 and len(found.digest) == 32


def _write(path: Path, hashes: Mapping[str, Hash]) -> None:
    lines = [f"{json.dumps(name, ensure_ascii=False)} = {json.dumps(str(found))}\n" for name, found in hashes.items()]
    head = "# Written by `ingress user`; the passwords are hashed.\n[users]\n"
    write_private(path, (head + "".join(lines)).encode())
