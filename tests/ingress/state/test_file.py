"""The state file: whole batches or nothing, one writer, damaged ones set aside, newer ones left alone."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingress.state.file import Batch, Damaged, StateFile, Unusable
from ingress.state.schema import VERSION

SPEEDS = "INSERT OR REPLACE INTO held (path, direction, speed, at) VALUES (?, ?, ?, ?)"


def rows(file: StateFile) -> list[tuple[object, ...]]:
    found = file.read(lambda connection: connection.execute("SELECT * FROM held ORDER BY path").fetchall())
    assert isinstance(found, list)
    return found


def batch(*names: str, speed: float = 5e6) -> Batch:
    return [(SPEEDS, [(name, "down", speed, 1.0) for name in names])]


def test_what_was_written_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "sh.sqlite"
    file = StateFile(path)
    file.write(batch("a", "b"))
    file.write(batch("a", speed=6e6))
    file.close()
    file.close()
    again = StateFile(path)
    assert rows(again) == [("a", "down", 6e6, 1.0), ("b", "down", 5e6, 1.0)]
    assert again.read(lambda connection: connection.execute("PRAGMA user_version").fetchone()) == (VERSION,)
    again.close()


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state" / "sh.sqlite")
    file.write(batch("a"))
    for each in (tmp_path / "state").iterdir():
        assert stat.S_IMODE(each.stat().st_mode) == 0o600, each
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    file.close()


def test_a_batch_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "sh.sqlite")
    file.write(batch("a"))
    with pytest.raises(Unusable, match="CHECK"):
        file.write([*batch("b", "c"), (SPEEDS, [("d", "sideways", 1.0, 1.0)])])
    assert [row[0] for row in rows(file)] == ["a"]
    file.write(batch("e"))
    assert [row[0] for row in rows(file)] == ["a", "e"]
    file.close()


def test_a_second_process_is_refused_in_words_and_the_first_may_go_on(tmp_path: Path) -> None:
    path = tmp_path / "sh.sqlite"
    file = StateFile(path)
    with pytest.raises(Unusable, match=rf"sh.sqlite is another running ingress's \(process {os.getpid()}\); stop it"):
        StateFile(path)
    file.write(batch("a"))
    file.close()
    StateFile(path).close()


def test_what_was_written_survives_a_kill_at_any_moment(tmp_path: Path) -> None:
    """The process dies with its file open, and another process takes it over at once."""
    script = """
        import os, signal, sys
        from pathlib import Path
        from ingress.state.file import StateFile
        from tests.ingress.state.test_file import batch
        file = StateFile(Path(sys.argv[1]))
        for number in range(50):
            file.write(batch(f"{number:02}", "last", speed=float(number)))
        file._connection.execute("BEGIN IMMEDIATE")
        file._connection.executemany(*batch("half")[0])
        os.kill(os.getpid(), signal.SIGKILL)
    """
    path = tmp_path / "sh.sqlite"
    subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(path)], check=False, timeout=60)
    file = StateFile(path)
    assert file.was_damaged is None
    assert len(rows(file)) == 51
    assert rows(file)[-1] == ("last", "down", 49.0, 1.0)
    file.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.one_of(st.binary(max_size=200), st.integers(0, 8191)))
def test_a_damaged_file_is_set_aside_and_another_begun(tmp_path: Path, damage: bytes | int) -> None:
    """It holds anything, or what it held with 64 bytes of it overwritten."""
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    path = tmp_path / "sh.sqlite"
    if isinstance(damage, int):
        file = StateFile(path)
        file.write(batch(*map(str, range(100))))
        file.close()
        content = bytearray(path.read_bytes())
        content[damage : damage + 64] = b"\xa5" * 64
        path.write_bytes(content)
    else:
        path.write_bytes(damage)
    before = path.read_bytes()
    try:
        file = StateFile(path)
        rows(file)
    except Unusable as error:
        assert "newer version" in str(error)  # these bytes say so
        return
    except Damaged:
        file.begin_anew()
    if file.was_damaged is not None:
        assert file.was_damaged == tmp_path / "sh.sqlite.damaged"
        assert file.was_damaged.read_bytes() == before
        assert rows(file) == []
    file.write(batch("a"))
    assert ("a", "down", 5e6, 1.0) in rows(file)
    file.close()


def test_damage_that_shows_later_is_told_and_mended(tmp_path: Path) -> None:
    path = tmp_path / "sh.sqlite"
    file = StateFile(path)
    file.write(batch(*map(str, range(500))))
    file._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path.write_bytes(b"x" * path.stat().st_size)
    file._connection.execute("PRAGMA shrink_memory")
    with pytest.raises(Damaged):
        file.read(lambda connection: connection.execute("SELECT sum(speed) FROM held").fetchall())
        file.write(batch("a"))
    file.begin_anew()
    assert file.was_damaged == tmp_path / "sh.sqlite.damaged"
    file.write(batch("a"))
    assert [row[0] for row in rows(file)] == ["a"]
    file.close()


def test_a_file_of_a_newer_program_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "sh.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    with pytest.raises(Unusable, match="is of a newer version of this program, and is left as it is; upgrade"):
        StateFile(path)
    assert path.exists() and not path.with_name("sh.sqlite.damaged").exists()
    path.unlink()
    StateFile(path).close()  # the lock was let go of


def test_a_full_disk_is_told_and_takes_what_comes_later(tmp_path: Path) -> None:
    """SQLite is told that no page more may be had, and answers as with a full disk."""
    file = StateFile(tmp_path / "sh.sqlite")
    (pages,) = file._connection.execute("PRAGMA page_count").fetchone()
    file._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Unusable, match=r"full; make room, or name another folder: state = …"):
        file.write(batch(*map(str, range(1000))))
    file._connection.execute("PRAGMA max_page_count = 100000")
    file.write(batch("a"))
    assert [row[0] for row in rows(file)] == ["a"]
    file.close()


def test_a_disk_without_room_for_the_lock_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "sh.lock").symlink_to("/dev/full")
    with pytest.raises(Unusable, match=r"sh\.lock: .+; make room, or name another folder: state = …"):
        StateFile(tmp_path / "sh.sqlite")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unusable, match="File exists; name another folder: state = …"):
        StateFile(tmp_path / "file" / "sh.sqlite")
    (tmp_path / "sh.sqlite").mkdir()
    with pytest.raises(Unusable, match=r"sh\.sqlite: Is a directory; move it away"):
        StateFile(tmp_path / "sh.sqlite")
