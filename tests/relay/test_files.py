"""What stands in the place of a file is refused in a sentence, at once: none of these has an end that a reader sees."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingress.config import read_file as read_network_file
from ingress.users_file import load_users
from relay import files
from relay.cli.check import _wrong_files
from relay.config import load_network, read_secret
from relay.errors import OperatorError
from relay.files import LARGEST, Unfit, read_file
from relay.identity import load_identity
from relay.model.network import Address, Node, Secret
from relay.private import read_private

READERS: dict[str, Callable[[Path], object]] = {
    "paths.toml, an ingress": read_network_file,
    "paths.toml, a node": load_network,
    "users.toml": load_users,
    "a password": lambda path: read_secret(Secret(file=str(path))),
    "a key": read_private,
}


def pipe(path: Path) -> None:
    os.mkfifo(path, 0o600)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def folder(path: Path) -> None:
    path.mkdir()


def listener(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))


def huge(path: Path) -> None:
    path.touch(mode=0o600)
    os.truncate(path, LARGEST + 1)


PLACES = {
    pipe: "is a named pipe and no file; put a file in its place",
    device: "is a device and no file; put a file in its place",
    folder: "is a folder and no file; put a file in its place",
    listener: "is a socket and no file; put a file in its place",
    huge: "is larger than 16 MiB, the most that is read; make it shorter",
}


@contextmanager
def no_descriptor_stays() -> Iterator[None]:
    before = os.listdir("/proc/self/fd")
    yield
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_file_is_named(tmp_path: Path, place: Callable[[Path], None]) -> None:
    path = tmp_path / "it"
    place(path)
    with no_descriptor_stays(), pytest.raises(Unfit) as caught:
        read_file(path)
    assert (caught.value.strerror, caught.value.filename) == (PLACES[place], path)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("reader", READERS)
def test_every_reader_says_so_in_one_line(tmp_path: Path, place: Callable[[Path], None], reader: str) -> None:
    path = tmp_path / "it"
    place(path)
    with no_descriptor_stays(), pytest.raises(OperatorError) as caught:
        READERS[reader](path)
    assert str(caught.value) == f"{path}: {PLACES[place]}"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("file", ["ca.pem", "node.pem", "node.key"])
def test_key_folders_too(tmp_path: Path, place: Callable[[Path], None], file: str) -> None:
    (tmp_path / "us").mkdir()
    for name in {"ca.pem", "node.pem", "node.key"} - {file}:
        (tmp_path / "us" / name).touch(mode=0o600)
    place(tmp_path / "us" / file)
    with pytest.raises(OperatorError, match=PLACES[place]) as caught:
        load_identity(tmp_path, "us")
    assert str(caught.value).startswith(f"{tmp_path}/us/{file}: ")


@pytest.mark.parametrize("place", PLACES)
def test_a_node_is_checked_for_its_names(tmp_path: Path, place: Callable[[Path], None]) -> None:
    place(tmp_path / "hosts")
    node = Node("us", Address("203.0.113.1", 48350), (), exit=True, hosts=str(tmp_path / "hosts"))
    assert list(_wrong_files(node, [])) == [f"{tmp_path}/hosts: {PLACES[place]}"]


def test_another_that_takes_the_place_between_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "it"
    path.write_text("a file")
    look = os.stat

    def swap(place: Path) -> os.stat_result:
        found = look(place)
        path.unlink()
        pipe(path)
        return found

    monkeypatch.setattr(files.os, "stat", swap)
    with no_descriptor_stays(), pytest.raises(Unfit, match="is a named pipe"):
        read_file(path)


def test_the_largest_is_read_and_a_file_without_a_size_too(tmp_path: Path) -> None:
    huge(tmp_path / "it")
    os.truncate(tmp_path / "it", LARGEST)
    assert len(read_file(tmp_path / "it")) == LARGEST
    assert read_file(Path("/proc/self/cmdline"))
