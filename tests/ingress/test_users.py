import hashlib
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingress import users
from ingress.users_file import UsersError, add_user, list_users, load_users, refuse_bad_name, remove_user
from relay.errors import OperatorError
from relay.private import write_private


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "COST", 2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "users.toml"


def test_a_user_is_known_by_the_password(path: Path) -> None:
    assert add_user(path, "bob", "geheim ü")
    found = load_users(path)
    assert found.verify(b"bob", "geheim ü".encode())
    assert not found.verify(b"bob", b"geheim")
    assert not found.verify(b"eve", "geheim ü".encode())
    assert not found.verify(b"\xff", b"\xff")


def test_the_file_holds_no_password_and_is_its_owners(path: Path) -> None:
    add_user(path, "bob", "geheim")
    assert b"geheim" not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


KEY, OTHER_KEY = b"k" * 32, b"o" * 32


def test_a_fingerprint_is_of_one_pair_and_tells_nothing_without_the_key(path: Path) -> None:
    add_user(path, "bob", "one")
    found = load_users(path)
    assert found.knows(b"bob") and not found.knows(b"bobo")
    bob = found.fingerprint(b"bob", b"one", KEY)
    assert bob == found.fingerprint(b"bob", b"one", KEY)
    others = [(b"bob", b"two", KEY), (b"bobo", b"ne", KEY), (b"bo", b"bone", KEY), (b"bob", b"one", OTHER_KEY)]
    assert len({bob, *(found.fingerprint(*each) for each in others)}) == len(others) + 1


def test_a_fingerprint_is_another_one_once_the_user_has_another_hash(path: Path) -> None:
    users = []
    for password in ("one", "two", "one"):
        add_user(path, "bob", password)
        users.append(load_users(path))
    assert len({each.fingerprint(b"bob", b"one", KEY) for each in users}) == 3
    add_user(path, "eve", "x")
    again = load_users(path)
    assert again.fingerprint(b"bob", b"one", KEY) == users[-1].fingerprint(b"bob", b"one", KEY)
    remove_user(path, "bob")
    assert load_users(path).fingerprint(b"bob", b"one", KEY) != users[-1].fingerprint(b"bob", b"one", KEY)


def test_an_unknown_name_costs_the_same_hash(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_user(path, "bob", "one")
    found = load_users(path)
    costs = []

    def scrypt(password: bytes, **parameters: object) -> bytes:
        costs.append({name: parameters[name] for name in ("n", "r", "p", "dklen")})
        return bytes(32)

    monkeypatch.setattr(hashlib, "scrypt", scrypt)
    found.verify(b"bob", b"two")
    assert not found.verify(b"eve", b"")
    assert costs[0] == costs[1]


def test_users_are_changed_listed_and_removed(path: Path) -> None:
    assert list_users(path) == []
    assert add_user(path, "bob", "one")
    assert add_user(path, 'q"\\ü', "two")
    assert not add_user(path, "bob", "three")
    assert list_users(path) == ["bob", 'q"\\ü']
    found = load_users(path)
    assert found.verify(b"bob", b"three")
    assert found.verify('q"\\ü'.encode(), b"two")
    remove_user(path, "bob")
    assert list_users(path) == ['q"\\ü']
    with pytest.raises(UsersError, match='no user "bob"'):
        remove_user(path, "bob")


@pytest.mark.parametrize("name", ["", "a:b", "a\nb", "a\x7f", "a\x00", "x" * 256, "\udc80"])
def test_names_that_cannot_be_sent_are_refused(path: Path, name: str) -> None:
    with pytest.raises(UsersError):
        add_user(path, name, "one")
    assert not path.exists()


@pytest.mark.parametrize("password", ["", "a\nb", "x" * 256])
def test_passwords_that_cannot_be_sent_are_refused(path: Path, password: str) -> None:
    with pytest.raises(UsersError, match="the password"):
        add_user(path, "bob", password)


@given(st.text(max_size=20))
@settings(max_examples=50)
def test_any_name_is_kept_as_it_is_or_refused(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    path = tmp_path_factory.mktemp("users") / "users.toml"
    try:
        refuse_bad_name(name)
    except UsersError:
        return
    add_user(path, name, "one")
    assert list_users(path) == [name]


GOOD = "scrypt:2:8:1:c2FsdA==:" + "A" * 43 + "="


BROKEN = [
    *("rubbish", "other = 1", "users = 5", "[users]\nbob = 5", '[users]\nbob = "plain"', "[users]\n\xff = 1"),
    *(
        f'[users]\nbob = "{GOOD.replace(old, new, 1)}"'
        for old, new in (
            *(("scrypt", "md5"), ("AAAA", ""), ("AAAA", "!!!!")),
            *((":2:", ":3:"), (":2:", ":1:"), (":2:", ":1048576:")),
            *((":8:", ":0:"), (":8:", ":9999999:"), (":1:", ":0:"), (":1:", ":99:")),
        )
    ),
]


@pytest.mark.parametrize("text", BROKEN)
def test_a_file_that_cannot_be_used_is_refused(path: Path, text: str) -> None:
    write_private(path, text.encode("latin-1"))
    with pytest.raises(OperatorError, match=str(path)):
        load_users(path)


def test_a_hash_that_can_be_used_is_taken(path: Path) -> None:
    write_private(path, f'[users]\nbob = "{GOOD}"'.encode())
    assert len(load_users(path)) == 1


def test_a_file_that_is_missing_or_open_to_others_is_refused(path: Path) -> None:
    with pytest.raises(UsersError, match="run `ingress user add NAME`"):
        load_users(path)
    write_private(path, b"")
    path.chmod(0o640)
    with pytest.raises(OperatorError, match="chmod 600"):
        load_users(path)
