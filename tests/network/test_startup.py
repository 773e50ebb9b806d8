"""What keeps the commands from starting is said in one line each, with what to do; never a traceback."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ingress.demo.network import DemoLine, DemoNetwork
from tests.network.clients import PATIENCE

pytestmark = pytest.mark.network
LINES = (DemoLine("ix", "shanghai", "jp", 0.01), DemoLine("pacific", "jp", "us", 0.01))


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A public command, in the folder that holds paths.toml and keys/."""
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE,
        env={**os.environ, "XDG_RUNTIME_DIR": str(folder)},
    )  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with its keys."""
    folder = tmp_path_factory.mktemp("made")
    network = DemoNetwork(folder, LINES, ("us",))
    (folder / "paths.toml").write_text(network.paths_toml().replace('hosts = "', '# "'))
    network.token.write_text("x" * 32)
    network.token.chmod(0o600)
    assert run(folder, "ingress", "keys").returncode == 0
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it, to be spoilt."""
    return shutil.copytree(made, tmp_path / "n")


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "paths.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def take_file_away(folder: Path) -> None:
    (folder / "paths.toml").unlink()


def make_mistakes(folder: Path) -> None:
    edit(folder, 'to = "us"', 'to = "uss"')
    edit(folder, "listen =", "listne =")


def take_keys_away(folder: Path) -> None:
    shutil.rmtree(folder / "keys")


def open_keys(folder: Path) -> None:
    for key in folder.glob("keys/*/node.key"):
        key.chmod(0o644)


def swap_roles(folder: Path) -> None:
    (folder / "keys/shanghai").rename(folder / "keys/other")
    (folder / "keys/jp").rename(folder / "keys/shanghai")
    (folder / "keys/other").rename(folder / "keys/jp")


def want_users(folder: Path) -> None:
    edit(folder, "[ingress.shanghai]\n", '[ingress.shanghai]\nusers = "users.toml"\n')


def break_certificate(folder: Path) -> None:
    for name in ("shanghai", "jp"):
        (folder / f"keys/{name}/node.pem").write_text("rubbish\n")


INGRESS = ("ingress", "serve")
RELAY = ("relay", "serve", "jp")
SPOILT: list[tuple[Callable[[Path], None], tuple[str, ...], list[str]]] = [
    (take_file_away, INGRESS, ["paths.toml"]),
    (take_file_away, RELAY, ["paths.toml"]),
    (make_mistakes, INGRESS, ['"us"', "did you mean", "is missing"]),
    (make_mistakes, RELAY, ['"us"']),
    (take_keys_away, INGRESS, ["ingress keys"]),
    (open_keys, RELAY, ["chmod 600"]),
    (swap_roles, INGRESS, ["shanghai"]),
    (swap_roles, RELAY, ["jp"]),
    (break_certificate, INGRESS, ["shanghai/node.pem"]),
    (want_users, INGRESS, ["ingress user add"]),
    (lambda _: None, ("relay", "serve", "jpp"), ['"jp"']),
    (lambda _: None, ("ingress", "serve", "beijing"), ["shanghai"]),
    (lambda _: None, ("relay", "serve", "us", "--admin", "paths.toml"), ["--admin"]),
]


@pytest.mark.parametrize(("spoil", "command", "told"), SPOILT)
def test_what_is_wrong_is_said_in_a_line(
    folder: Path, spoil: Callable[[Path], None], command: tuple[str, ...], told: list[str]
) -> None:
    spoil(folder)
    done = run(folder, *command)
    lines = done.stderr.splitlines()
    assert done.returncode == 1, lines
    assert all(line.startswith(f"{command[0]}: ") for line in lines), lines
    assert len(lines) == len(told)
    assert all(word in done.stderr for word in told), lines


@pytest.mark.parametrize("command", [INGRESS, RELAY])
def test_a_port_in_use_is_said_in_a_line(folder: Path, command: tuple[str, ...]) -> None:
    text = (folder / "paths.toml").read_text()
    table = "[ingress.shanghai]" if command is INGRESS else "[node.jp]"
    port = int(text.partition(table)[2].partition('listen = "127.0.0.1:')[2].partition('"')[0])
    with socket.create_server(("127.0.0.1", port)):
        done = run(folder, *command)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"127.0.0.1:{port}" in line and "Address already in use" in line


def test_a_second_one_at_the_same_admin_socket_is_refused(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "a.sock"))
        listener.listen()
        done = run(folder, *RELAY, "--admin", "a.sock")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "another process answers" in line


def test_wrong_usage_is_another_exit_code(folder: Path) -> None:
    assert run(folder, "ingress", "sevre").returncode == 2


def test_who_asks_an_ingress_that_does_not_run_is_told_so(folder: Path) -> None:
    for command in (("ingress", "paths"), ("ingress", "reload"), ("relay", "status"), ("relay", "reload")):
        done = run(folder, *command, "--admin", str(folder / "nobody.sock"))
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1 and str(folder) in done.stderr
