"""The files that a node goes by: whose counts, and that they are read again when they are other ones."""

import os
from pathlib import Path

import pytest

from relay.errors import OperatorError
from relay.exit.hostsfile import ResolvConf
from relay.exit.namefiles import SMALL, NameFiles
from relay.model.network import Address, Node
from tests.world import Journal


class Folder:
    """A machine's files, and a node's own."""

    def __init__(self, at: Path) -> None:
        self.at = at

    def write(self, name: str, text: str) -> None:
        """As an editor does: another file takes the place of the old one."""
        (self.at / "new").write_text(text)
        os.replace(self.at / "new", self.at / name)

    def files(self, dns: tuple[str, ...] = (), hosts: str | None = None) -> NameFiles:
        node = Node("us", Address("203.0.113.1", 48350), (), exit=True, dns=dns, hosts=hosts)
        return NameFiles(node, self.at, self.at / "system", self.at / "resolv.conf")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def servers(*hosts: str) -> ResolvConf:
    return ResolvConf(tuple(Address(host, 53) for host in hosts))


def test_the_nodes_own_names_count_before_the_systems(folder: Folder) -> None:
    folder.write("system", "192.0.2.1 a.example b.example\n")
    folder.write("hosts", "192.0.2.2 b.example\n")
    assert folder.files(hosts="hosts").names.hosts == {"a.example": ("192.0.2.1",), "b.example": ("192.0.2.2",)}
    with pytest.raises(OperatorError, match=r"absent: No such file or directory; node\.us names it as hosts"):
        folder.files(hosts="absent")


def test_a_system_without_files_names_nothing_and_is_asked_itself(folder: Folder) -> None:
    assert folder.files().names.hosts == {}
    assert folder.files().names.conf == servers("127.0.0.1")


def test_the_nodes_own_servers_replace_the_systems(folder: Folder) -> None:
    folder.write("resolv.conf", "nameserver 192.0.2.1\noptions use-vc\n")
    files = folder.files(dns=("9.9.9.9",))
    assert files.names.conf == servers("9.9.9.9")
    folder.write("resolv.conf", "nameserver 192.0.2.2\n")
    assert not files.look()


@pytest.mark.parametrize("name", ["system", "hosts", "resolv.conf"])
def test_f6_a_file_is_read_again_when_it_is_another_one(folder: Folder, name: str) -> None:
    folder.write("hosts", "")
    files = folder.files(hosts="hosts")
    assert not files.look()
    folder.write(name, "nameserver 192.0.2.7\n192.0.2.7 new.example\n")
    assert files.look()
    assert not files.look()
    if name == "resolv.conf":
        assert files.names.conf == servers("192.0.2.7")
    else:
        assert files.names.hosts == {"new.example": ("192.0.2.7",)}


def test_f6_a_file_that_is_written_in_place_or_goes_away_is_another_one(folder: Folder) -> None:
    folder.write("resolv.conf", "")
    files = folder.files()
    (folder.at / "resolv.conf").write_text("nameserver 192.0.2.7\n")
    assert files.look()
    (folder.at / "resolv.conf").unlink()
    assert files.look()
    assert files.names.conf == servers("127.0.0.1")


def test_f6_what_cannot_be_read_stays_as_it_was(folder: Folder, journal: Journal) -> None:
    folder.write("hosts", "192.0.2.2 b.example\n")
    files = folder.files(hosts="hosts")
    (folder.at / "hosts").unlink()
    assert not files.look()
    assert not files.look()
    (said,) = journal.of("names-unreadable")
    assert said["why"] == "hosts: No such file or directory; node.us names it as hosts"
    with pytest.raises(OperatorError, match="hosts: No such file"):
        files.read_again()
    assert files.names.hosts == {"b.example": ("192.0.2.2",)}
    folder.write("hosts", "192.0.2.3 b.example\n")
    files.read_again()
    assert files.names.hosts == {"b.example": ("192.0.2.3",)}
    assert not files.look()


@pytest.mark.parametrize("name", ["system", "hosts", "resolv.conf"])
def test_a_pipe_in_the_place_of_a_file_holds_up_nobody_and_is_told_once(
    folder: Folder, journal: Journal, name: str
) -> None:
    folder.write("hosts", "192.0.2.2 b.example\n")
    files = folder.files(hosts="hosts")
    (folder.at / name).unlink(missing_ok=True)
    os.mkfifo(folder.at / name)
    files.look()
    assert not files.look()
    assert files.names.hosts == {"b.example": ("192.0.2.2",)}
    (said,) = journal.of("names-unreadable")
    assert f"{name}: is a named pipe and no file; put a file in its place" in str(said["why"])


def test_large_files_are_not_read_on_the_spot(folder: Folder) -> None:
    """A list of half a million names takes seconds, and the loop serves everybody else."""
    folder.write("hosts", "192.0.2.2 b.example\n")
    files = folder.files(hosts="hosts")
    folder.write("hosts", "192.0.2.3 b.example\n" + "#" * SMALL)
    assert not files.look() and files.is_due
    assert files.names.hosts == {"b.example": ("192.0.2.2",)}
    files.take(files.read())
    assert files.names.hosts == {"b.example": ("192.0.2.3",)}
    files.is_due = False
    assert not files.look() and not files.is_due
    files.read_again()
    assert files.is_due
    (folder.at / "hosts").unlink()
    folder.write("system", "#" * SMALL + "#")
    with pytest.raises(OperatorError, match="hosts: No such file"):
        files.read_again()
