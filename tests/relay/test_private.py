import os
import stat
from pathlib import Path

import pytest

from relay.errors import OperatorError
from relay.private import read_private, user_name, write_private


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_written_is_private_and_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "secret"
    write_private(path, b"one")
    write_private(path, b"two")
    assert read_private(path) == b"two"
    assert (mode(path), mode(path.parent), mode(path.parent.parent)) == (0o600, 0o700, 0o700)
    assert os.listdir(path.parent) == ["secret"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_g6_a_file_stays_its_owners_whoever_writes_it(tmp_path: Path) -> None:
    path, theirs = tmp_path / "secret", tmp_path / "theirs"
    write_private(path, b"one")
    os.chown(path, 65534, 65533)
    write_private(path, b"two")
    assert (path.stat().st_uid, path.stat().st_gid, mode(path)) == (65534, 65533, 0o600)
    theirs.mkdir()
    os.chown(theirs, 65532, 65531)
    write_private(theirs / "keys" / "us" / "node.key", b"new")
    made = [theirs / "keys", theirs / "keys" / "us", theirs / "keys" / "us" / "node.key"]
    assert {(one.stat().st_uid, one.stat().st_gid) for one in made} == {(65532, 65531)}


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_private(tmp_path / "secret", b"one")
    assert os.listdir(tmp_path) == ["secret"]


@pytest.mark.parametrize("shared", [0o640, 0o604, 0o610, 0o602])
def test_what_others_can_touch_is_refused(tmp_path: Path, shared: int) -> None:
    path = tmp_path / "secret"
    write_private(path, b"one")
    path.chmod(shared)
    with pytest.raises(OperatorError, match=f"chmod 600 {path}"):
        read_private(path)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="absent: cannot be read"):
        read_private(tmp_path / "absent")


def test_a_user_without_a_name_is_his_number() -> None:
    assert user_name(0) == "root"
    assert user_name(3_999_999_999) == "3999999999"
