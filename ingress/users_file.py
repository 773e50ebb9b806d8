"""users.toml: read, listed, and changed by `ingress user`.

What must stay true: only its owner can read the file, and it holds no password except as a hash (users.py).
"""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ingress.users import Hash, Users, hash_password
from relay.config.mistakes import nearest
from relay.config.toml import decode, parse
from relay.errors import OperatorError
from relay.private import read_private, unreadable, write_private

MOST_BYTES: Final = 255
"""Of a name or a password: RFC 1929 section 2 has one byte for the length."""


class UsersError(OperatorError):
    """users.toml, a name or a password cannot be used."""


def load_users(path: Path, maker: str = "ingress user add NAME") -> Users:
    """The users of the file at *path*, which the command *maker* makes. UsersError if it is missing, wrong, or readable
    by others."""
    if not _exists(path):
        raise UsersError(f"{path}: there is no such file; run `{maker}`")
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


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise UsersError(f"{path}: {unreadable(path, error)}") from error


def _read(path: Path) -> dict[str, Hash]:
    if not _exists(path):
        return {}
    content = parse(path, decode(path, read_private(path)))
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
    if found is None or kind != "scrypt" or not found.is_computable:
        raise UsersError(f"{path}: the hash of {name!r} cannot be understood; run `ingress user add {name}`")
    return found


def _write(path: Path, hashes: Mapping[str, Hash]) -> None:
    lines = [f"{json.dumps(name, ensure_ascii=False)} = {json.dumps(str(found))}\n" for name, found in hashes.items()]
    head = "# Written by `ingress user`; the passwords are hashed.\n[users]\n"
    write_private(path, (head + "".join(lines)).encode())
