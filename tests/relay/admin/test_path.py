import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from relay.admin import path as admin_path
from relay.admin.path import AdminError, find_socket, socket_path


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(admin_path, "SYSTEM_FOLDER", tmp_path / "system")
    (tmp_path / "ingress").mkdir()
    (tmp_path / "system").mkdir()
    return tmp_path


class Running:
    """Sockets that answer, until the test ends."""

    def __init__(self) -> None:
        self.stack = ExitStack()

    def start(self, path: Path) -> Path:
        listener = self.stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(path))
        listener.listen()
        return path


@pytest.fixture
def running() -> Iterator[Running]:
    found = Running()
    with found.stack:
        yield found


def stale(path: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    return path


def test_the_users_own_folder_is_taken_before_the_systems(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert socket_path("shanghai", "ingress") == runtime / "ingress" / "shanghai.sock"
    assert socket_path("jp", "relay") == runtime / "ingress" / "jp.relay.sock"
    assert socket_path("jp", "relay", "/tmp/own") == Path("/tmp/own")
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert socket_path("shanghai", "ingress") == runtime / "system" / "shanghai.sock"


def test_a_path_too_long_for_a_socket_is_refused(runtime: Path) -> None:
    with pytest.raises(AdminError, match="too long for a socket"):
        socket_path("x", "ingress", "/" + "x" * 107)


def test_the_only_one_that_runs_is_found(runtime: Path, running: Running) -> None:
    stale(runtime / "ingress" / "gone.sock")
    running.start(runtime / "ingress" / "jp.relay.sock")
    path = running.start(runtime / "system" / "shanghai.sock")
    assert find_socket(None, "ingress") == path


def test_none_that_runs_is_a_clear_error(runtime: Path) -> None:
    stale(runtime / "ingress" / "gone.sock")
    with pytest.raises(AdminError, match=r"no ingress runs here .* or name its socket with --admin"):
        find_socket(None, "ingress")


def test_of_several_one_has_to_be_named(runtime: Path, running: Running) -> None:
    one, other = (running.start(runtime / "ingress" / f"{name}.relay.sock") for name in ("jp", "us"))
    with pytest.raises(AdminError, match=f"{one}, {other}; name one with --admin"):
        find_socket(None, "relay")
    assert find_socket(str(other), "relay") == other


def test_a_named_one_that_does_not_run_is_a_clear_error(runtime: Path) -> None:
    with pytest.raises(AdminError, match="absent: no relay answers there"):
        find_socket(str(runtime / "absent"), "relay")


def test_folders_that_are_not_there_hold_no_sockets(runtime: Path) -> None:
    for folder in ("ingress", "system"):
        (runtime / folder).rmdir()
    with pytest.raises(AdminError, match=r"no relay runs here \(no socket in .*ingress or .*system\)"):
        find_socket(None, "relay")


def test_one_that_is_too_busy_to_accept_counts_as_running(runtime: Path) -> None:
    path = runtime / "ingress" / "jp.relay.sock"
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(path))
        busy.listen(0)
        waiting.connect(str(path))
        assert find_socket(None, "relay") == path
